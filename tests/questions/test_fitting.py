"""Values that cannot work are refused, and those that work now and then are told."""

from __future__ import annotations

import itertools

import pytest
import yaml
from questions import arm_mapping, question_mapping, write_question

from ibsweep.cli import run
from ibsweep.errors import InputError
from ibsweep.models import MODELS, build
from ibsweep.questions.arm_fitting import space_notes
from ibsweep.questions.binding import bind
from ibsweep.questions.files import find_arms
from ibsweep.questions.fitting import fitting
from ibsweep.questions.space import CategoricalSpec, FloatSpec, IntSpec
from ibsweep.sweep.pruning import rungs

FIXED = {"epochs": 3, "batch_size": 10}
LR = {"lr": {"type": "float", "low": 0.01, "high": 0.1}}


def choices(*values):
    return {"type": "categorical", "choices": list(values)}


def whole(low, high, **others):
    return {"type": "int", "low": low, "high": high, **others}


def write(folder, model, pixels=8, fixed=None, baseline=None, data=None, split=None, **space):
    arm = arm_mapping(
        model=model, fixed=FIXED | (fixed or {}), space=LR | space, baseline=baseline
    )
    for name in space:
        arm["fixed"].pop(name, None)
    if split:
        arm["train_size"] = split["train"]
    data = data or {"from": "edges", "spatial_resolution": pixels}
    changes = {"data": data, "arms": {"tiny_cnn": arm}} | ({"split": split} if split else {})
    return write_question(folder, question_mapping(efficiency=None, **changes))


def told(path):
    """Return what is refused, and else what is told."""
    found = find_arms(str(path))
    try:
        bound = bind(found)
    except InputError as error:
        return [line.removeprefix(f"{path}: ") for line in str(error).splitlines()], []
    question = bound.question
    arm, model = question.arms["tiny_cnn"], bound.models["tiny_cnn"]
    return [], space_notes(question, arm, bound.data, model, rungs(40))


S = "arms.tiny_cnn.space"


@pytest.mark.parametrize(
    ("model", "space", "lines"),
    [
        (
            "simple_cnn",
            {"kernel_size": choices(3, 9, 15)},
            [
                f"{S}.kernel_size.choices[1]: kernel_size=9 is too large for images of 8 pixels",
                f"{S}.kernel_size.choices[2]: kernel_size=15 is too large",
            ],
        ),
        (
            "simple_cnn",
            {"kernel_size": whole(2, 15)},
            [f"{S}.kernel_size.high: must be at most 7: kernel_size=8 is too large for images"],
        ),
        (
            "deeper_cnn",
            {"kernel_size": whole(3, 11), "num_layers": whole(2, 4)},
            [f"{S}.kernel_size.high: must be at most 7: kernel_size=8 is too large"],
        ),
        (
            "simple_cnn",
            {"kernel_size": whole(2, 5), "conv_init": choices("edge_detector")},
            [f"{S}.kernel_size: gives 4 as well: edge detectors exist for kernel_size 2 and odd"],
        ),
        (
            "simple_cnn",
            {"num_filters": choices(2, 4), "conv_init": choices("edge_detector", "default")},
            [f"{S}.conv_init.choices[0]: edge detectors fill exactly 3 filters, but got"],
        ),
        (
            "simple_cnn",
            {"kernel_size": choices(9, 15)},
            ["arms.tiny_cnn.model: kernel_size=9 is too large for images of 8 pixels"],
        ),
    ],
)
def test_what_never_works_is_refused_before_a_sweep(tmp_path, capsys, model, space, lines):
    path = write(tmp_path, model, **space)
    found, _ = told(path)
    assert all(got.startswith(line) for got, line in zip(found, lines, strict=True)), found
    assert run(["show", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", len(lines))
    assert run(["tune", str(path), "--results", str(tmp_path / "results")]) == 2
    assert not (tmp_path / "results").exists()


def test_what_works_with_few_of_the_others_is_not_refused(tmp_path):
    """Of 64 filters three fit the edge detector, and of 15 heads one a width of 11."""
    filters = whole(1, 64)
    faults, (note,) = told(
        write(
            tmp_path,
            "simple_cnn",
            num_filters=filters,
            conv_init=choices("default", "edge_detector"),
        )
    )
    assert not faults
    assert "with num_filters" in note
    heads = {
        "d": IntSpec(type="int", low=9, high=40),
        "heads": IntSpec(type="int", low=2, high=16),
    }
    found = fitting(heads, {}, lambda v: "odd" if v["d"] % v["heads"] else None)
    (fault,) = found.faults
    assert str(fault).startswith("d: gives 17 as well: odd; give choices that can work, as 9, 10,")
    assert "..." not in fault.text
    assert fault.text.endswith("33 and 6 others do")
    low = {**heads, "d": IntSpec(type="int", low=16, high=20)}
    (fault, _) = fitting(low, {}, lambda v: "odd" if v["d"] % v["heads"] else None).faults
    spec = yaml.safe_load("{" + fault.text.partition("{")[2])
    assert spec == {"type": "categorical", "choices": [16, 18, 20]}


def test_of_values_that_were_not_tried_with_all_others_it_is_told_alone():
    space = {
        "a": FloatSpec(type="float", low=0, high=1),
        "b": CategoricalSpec(type="categorical", choices=("x", "y")),
    }
    found = fitting(
        space, {}, lambda v: "narrow" if v["b"] == "y" and abs(v["a"] - 0.123) > 1e-9 else None
    )
    assert not found.faults
    assert found.unfit is True
    first, _ = found.notes
    assert first == (
        "of the combinations that were tried none works with b 'y' (narrow); those that do not "
        "work are passed over"
    )


def test_one_value_of_many_is_found():
    """It is none of those that cover the range, but one of the few that go with all others."""
    space = {"a": IntSpec(type="int", low=0, high=10_000)}
    found = fitting(space, {}, lambda v: None if v["a"] == 2000 else "no")
    assert found.works == {"a": 2000}
    assert [fault.path for fault in found.faults] == [("a", "low"), ("a", "high")]


def test_nothing_that_was_tried_works():
    space = {name: FloatSpec(type="float", low=0, high=1) for name in "abc"}
    (fault,) = fitting(space, {}, lambda _: "no").faults
    assert fault.text.startswith("none of the ")
    assert fault.text.endswith("combinations tried works; the first: no")


@pytest.mark.parametrize(
    "rule", [lambda _: None, lambda v: "low" if v["0"] < 0.5 else None, lambda _: "never"]
)
def test_many_hyperparameters_take_no_longer(rule):
    asked = []

    def counted(values):
        asked.append(values)
        return rule(values)

    space = {str(i): FloatSpec(type="float", low=0, high=1) for i in range(12)}
    found = fitting(space, {}, counted)
    assert len(asked) <= 30_000
    assert found.unfit is not False, "not everything was tried"


def test_a_baseline_that_cannot_be_trained_is_refused(tmp_path):
    path = write(
        tmp_path,
        "cnn",
        pixels=8,
        baseline={"lr": 0.05, "kernel_size": 4, "depth": 6},
        kernel_size=whole(3, 4),
        depth=whole(1, 6),
    )
    (line,), _ = told(path)
    assert line.startswith("arms.tiny_cnn.baseline: cannot be trained: kernel_size=4 is too large")


def test_what_works_with_some_of_the_others_is_told_by_show(tmp_path, capsys):
    path = write(
        tmp_path, "deeper_cnn", pixels=12, kernel_size=whole(3, 7), num_layers=whole(2, 6)
    )
    faults, (note,) = told(path)
    assert not faults
    assert note == (
        "some values of kernel_size, num_layers do not go together (1 of the 25 combinations "
        "tried), and are passed over: with kernel_size 6, num_layers 6: kernel_size=6 is too "
        "large for images of 12 pixels: convolution 6 sees 2 pixels; choose a smaller kernel"
    )
    assert run(["show", str(path)]) == 0
    assert note in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("model", MODELS)
def test_a_model_s_rule_looks_at_the_options_that_the_table_names_and_is_right(model):
    """What it lets pass is made and maps images; options that are not named change nothing."""
    import torch

    entry = MODELS[model]
    grid = {
        "kernel_size": (1, 2, 3, 4, 5),
        "num_layers": (2, 3),
        "depth": (1, 3),
        "pooling": ("max", "none") if model == "cnn" else ("max", "average"),
        "conv_init": ("default", "edge_detector"),
        "num_filters": (2, 3),
        "width": (2, 3),
        "hidden_dim": (2, 3),
        "freeze_conv": (False, True),
        "hidden_dim_1": (2, 3),
        "hidden_dim_2": (2, 3),
    }
    names = list(entry.options)
    verdicts = {}
    for values in itertools.product(*(grid[name] for name in names)):
        options = dict(zip(names, values, strict=True))
        try:
            entry.check(options, (1, 4, 4))
            fits = True
        except InputError:
            fits = False
        key = tuple(options[name] for name in entry.checked if name in options)
        assert verdicts.setdefault(key, fits) == fits, options
        if fits:
            made = build(model, [1], num_classes=3, shape=(1, 4, 4), **options)
            assert made(torch.zeros(1, 2, 1, 4, 4)).shape == (1, 2, 3)
    assert True in verdicts.values()


SLOW = """
import time
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs, width: int = 4, size: int = 3):
        super().__init__()
        time.sleep(0.2)
        self.body = nn.Sequential(nn.Conv2d(1, width, size), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.body(x))
"""


def test_a_module_that_is_slow_to_try_says_that_not_all_was_tried(tmp_path, monkeypatch):
    monkeypatch.setattr("ibsweep.questions.arm_binding._PATIENCE", 0.5)
    (tmp_path / "own.py").write_text(SLOW)
    path = write(tmp_path, "own.py:Net", width=whole(1, 30), size=whole(3, 9))
    bound = bind(find_arms(str(path)))
    model = bound.models["tiny_cnn"]
    assert model["unfit"] is None
    assert model["notes"] == [
        "in 0.5 s not all values of own.py:Net could be tried: each configuration is tried before "
        "it is trained, and passed over where it does not work"
    ]


def test_every_value_is_tried_with_values_of_the_others():
    space = {
        "a": IntSpec(type="int", low=1, high=200),
        "b": CategoricalSpec(type="categorical", choices=("x", "y")),
    }

    def why_not(values):
        bad = values["a"] * (2 if values["b"] == "y" else 1) * values["c"] > 100
        return "too much" if bad else None

    found = fitting(space, {"c": 1}, why_not)
    assert [str(fault) for fault in found.faults] == ["a.high: must be at most 100: too much"]
    narrower = {**space, "a": IntSpec(type="int", low=1, high=100)}
    found = fitting(narrower, {"c": 1}, why_not)
    assert not found.faults
    assert len(found.notes) == 1
    assert fitting(narrower, {"c": 101}, why_not).faults[0].path == ()
    half = {**space, "a": IntSpec(type="int", low=1, high=50)}
    assert fitting(half, {"c": 1}, why_not).notes == []


OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs, kernel_size: int = 3, depth: int = 1):
        super().__init__()
        layers, channels = [], inputs[0]
        for _ in range(depth):
            layers += [nn.Conv2d(channels, 2, kernel_size), nn.ReLU()]
            channels = 2
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(2, outputs)

    def forward(self, x):
        return self.head(self.body(x))

class Norm(nn.Module):
    def __init__(self, inputs, outputs, width: int = 4):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.BatchNorm1d(width))
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.body(x))
"""


@pytest.mark.parametrize(
    ("model", "space", "lines", "notes"),
    [
        (
            "own.py:Net",
            {"kernel_size": choices(3, 9, 15)},
            [
                f"{S}.kernel_size.choices[1]: does not take a batch [4, 1, 8, 8] of examples",
                f"{S}.kernel_size.choices[2]: does not take a batch",
            ],
            [],
        ),
        (
            "own.py:Net",
            {"kernel_size": whole(1, 12)},
            [f"{S}.kernel_size.high: must be at most 8: does not take a batch"],
            [],
        ),
        (
            "own.py:Net",
            {"kernel_size": whole(1, 4), "depth": whole(1, 3)},
            [],
            ["some values of kernel_size, depth do not go together (1 of the 12 combinations tr"],
        ),
        (
            "own.py:Norm",
            {"batch_size": choices(1, 10)},
            [f"{S}.batch_size.choices[0]: must be at least 2: the model compares the examples of"],
            [],
        ),
        (
            "own.py:Norm",
            {"batch_size": whole(1, 20)},
            [f"{S}.batch_size.low: must be at least 2"],
            [],
        ),
        ("own.py:Norm", {"batch_size": whole(2, 20)}, [], []),
    ],
)
def test_a_module_of_one_s_own_is_tried(tmp_path, model, space, lines, notes):
    (tmp_path / "own.py").write_text(OWN)
    faults, found = told(write(tmp_path, model, **space))
    assert len(faults) == len(lines), faults
    assert all(got.startswith(line) for got, line in zip(faults, lines, strict=True)), faults
    assert len(found) == len(notes), found
    assert all(got.startswith(line) for got, line in zip(found, notes, strict=True)), found


@pytest.mark.parametrize(
    ("space", "fixed", "note"),
    [
        (
            {"batch_size": choices(10, 64, 128)},
            {},
            "batch_size 64, 128 train alike: a training set has 30 examples",
        ),
        ({"batch_size": whole(5, 100)}, {}, "batch_size 30 to 100 train alike"),
        ({"batch_size": choices(10, 32)}, {}, None),
        ({"epochs": whole(1, 40, log=True)}, {}, None),
        ({"epochs": choices(2, 3, 40)}, {}, "about 67 % of the trials are never compared"),
        (
            {"schedule": choices("constant", "step"), "step_size": whole(1, 9)},
            {},
            "the step schedule with a step_size of 9 does nothing in trials of 3 epochs",
        ),
        ({"schedule": choices("step")}, {"step_size": 2}, None),
        (
            {"warmup_epochs": whole(0, 3)},
            {},
            "with warmup_epochs 3, trials of 3 epochs end before",
        ),
    ],
)
def test_what_trains_alike_or_for_nothing_is_told(tmp_path, space, fixed, note):
    faults, notes = told(write(tmp_path, "two_layer_mlp", fixed=fixed, **space))
    assert not faults
    assert len(notes) == (note is not None), notes
    assert note is None or notes[0].startswith(note), notes


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ({"train": 5, "valid": 4, "test": 100}, ["a training set of 5", "a validation set of 4"]),
        ({"train": 50, "valid": 40, "test": 9}, ["a test set of 9 rows cannot hold"]),
        ({"train": 50, "valid": 40, "test": 90}, []),
        ({"train": 5, "valid": 4, "test": 9, "per": "class"}, []),
    ],
)
def test_sets_that_cannot_hold_every_class_are_told(tmp_path, split, names):
    data = {"from": "sklearn.datasets:load_digits", "kind": "table"}
    faults, notes = told(write(tmp_path, "two_layer_mlp", data=data, split=split))
    assert not faults
    assert len(notes) == len(names), notes
    assert all(note.startswith(name) for note, name in zip(notes, names, strict=True)), notes


def test_a_model_that_memory_may_not_hold_is_told(tmp_path):
    faults, notes = told(write(tmp_path, "two_layer_mlp", hidden_dim=whole(10, 1_000_000)))
    assert not faults
    assert notes == [
        "a model of 68,000,003 parameters is in the space (hidden_dim 1000000): with gradients "
        "and the optimizer's state a replicate takes 1.1 GB"
    ]
    assert told(write(tmp_path, "two_layer_mlp", hidden_dim=whole(10, 1000))) == ([], [])
