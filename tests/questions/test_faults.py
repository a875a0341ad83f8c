"""What each fault of a question file is told as."""

import copy
import subprocess
import sys

import pytest
import yaml
from pydantic import ValidationError
from questions import FULL, as_yaml, changed, question_mapping, write_question

from ibsweep.errors import InputError
from ibsweep.questions.files import load_file
from ibsweep.questions.schema import Question


def lines_of(path):
    with pytest.raises(InputError) as caught:
        load_file(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


A = "arms.mine_a"
V = "arms.mine_a.variants.mine_a_fast"
V_FULL = {
    "title": "x",
    "changes": {"lr": 0.1},
    "published": [{"train_size": 30, "valid_accuracy": 9.0}],
}
T = "claims.0.tests"
TEST = "claims[0].tests"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("data", None, "data: is missing; give where the data come from, under `from`"),
        ("split", None, "split: must give the images of each set, such as {train"),
        ("data.from", None, "data.from: is missing; give one of edges"),
        ("metrics", ["mse"], "metrics[0].metric: must be a metric, but got 'mse'"),
        ("metrics", "rmse", "metrics: must be a list, but got 'rmse'"),
        ("objective", "flops", "objective: must say how good a model is, but got flops: the che"),
        ("objective", {"metric": "valid_epochs"}, "objective: must say how good a model is, but"),
        ("title", "", "title: must not be empty, but got ''"),
        ("title", 3, "title: must be a text, but got 3"),
        ("titel", "x", "titel: is not a key here, but got 'x'; did you mean 'title'?"),
        ("question", "Q 1", "question: must be made of small letters, digits and underscores"),
        ("data", [1], "data: must be a mapping of keys to values, but got [1]"),
        ("split.train", None, "split.train: must list the images per class"),
        ("split.train", [], "split.train: must list the images per class"),
        ("split.train", [30, 0], "split.train: must list the images per class"),
        ("split.train", [30, True], "split.train: must list the images per class"),
        ("split.train", [10, 30, 30], "split.train: must differ, but got"),
        (
            "data.num_classes",
            4,
            "data.num_classes: must be the number of names in `class_type`, but got 4, with",
        ),
        (
            "data.class_type",
            ["horizontl", "none", "both"],
            "data.class_type[0]: must be a class type, but got 'horizontl'; did you mean 'horiz",
        ),
        (
            "data.data_per_class",
            5,
            "data.data_per_class: is not a question's to set: its sets and replicates have",
        ),
        ("data.min_edge_width", float("nan"), "data.min_edge_width: must be finite, but got nan"),
        ("objective", "acuracy", "objective.metric: must be a metric, but got 'acuracy'; did"),
        (
            "objective",
            {"metric": "accuracy", "direction": "minimize"},
            "objective.direction: must be 'maximize' for accuracy, or l",
        ),
        ("arms", {}, "arms: must not be empty, but got {}"),
        (f"{A}.model", "simple", f"{A}.model: must be a model, but got 'simple'; did you mean"),
        (f"{A}.model", 3, f"{A}.model: must be a text, but got 3"),
        (f"{A}.train_size", 50, f"{A}.train_size: must be one of the split's [10, 30], but"),
        (f"{A}.train_size", 0, f"{A}.train_size: must be one of the split's [10, 30], but got 0"),
        (f"{A}.train_size", True, f"{A}.train_size: must be an integer, but got True"),
        (f"{A}.name", "b", f"{A}.name: must be the arm's key, 'mine_a', or left out, but got 'b'"),
        (f"{A}.baselin", {}, f"{A}.baselin: is not a key here, but got {{}}; did you mean 'basel"),
        (f"{A}.space", {}, f"{A}.space: must not be empty, but got {{}}"),
        (f"{A}.space", [], f"{A}.space: must be a mapping of keys to values, but got []"),
        (f"{A}.space.lr.low", 1, f"{A}.space.lr: `low <= high` must hold, but got low=1.0"),
        (f"{A}.space.lr.low", 0, f"{A}.space.lr.low: `low` must be above 0 where `log` is true"),
        (f"{A}.space.lr.low", "x", f"{A}.space.lr.low: must be a number, but got 'x'"),
        (f"{A}.space.lr.low", None, f"{A}.space.lr.low: is missing; give the smallest value"),
        (f"{A}.space.lr.step", 0.5, f"{A}.space.lr.step: `step` and `log` exclude each other"),
        (f"{A}.space.lr.lgo", True, f"{A}.space.lr.lgo: is not a key here, but got True; did you"),
        (
            f"{A}.space.lr.type",
            None,
            f"{A}.space.lr: `type` is missing; here it is lr: {{type:",
        ),
        (f"{A}.space.lr", {}, f"{A}.space.lr: `type` is missing; give float, int, categorical"),
        (f"{A}.space.lr.type", "flot", f"{A}.space.lr: `type` must be a distribution, but got"),
        (f"{A}.space.lr", 0.1, f"{A}.space.lr: must be a mapping of keys to values, but got 0.1"),
        (
            f"{A}.space.batch_size.choices",
            [10, 0],
            f"{A}.space.batch_size.choices[1]: must be an integer of at least 1, but got 0",
        ),
        (
            f"{A}.space.batch_size.choices",
            [],
            f"{A}.space.batch_size.choices: must not be empty, but got []",
        ),
        (
            f"{A}.space.batch_size.choices",
            [10, [32]],
            f"{A}.space.batch_size.choices[1]: must be a number, a text or true or false, but got",
        ),
        (f"{A}.fixed.lr", 0.1, f"{A}.fixed.lr: stands in both `fixed` and `space`; leave one out"),
        (
            f"{A}.fixed.step_size",
            5,
            f"{A}.fixed.step_size: does nothing where `schedule` is 'constant'; set `schedule` to",
        ),
        (f"{A}.fixed.epochs", 0, f"{A}.fixed.epochs: must be an integer of at least 1, but got 0"),
        (f"{A}.fixed.epochs", None, f"{A}: needs `epochs`, which has no default; put it into"),
        (
            f"{A}.fixed.pooling",
            "median",
            f"{A}.fixed.pooling: must be 'max' or 'average', but got",
        ),
        (
            f"{A}.fixed.kernel",
            3,
            f"{A}.fixed.kernel: is not a hyperparameter of simple_cnn; did you mean 'kernel_size'",
        ),
        (f"{A}.baseline.lr", None, f"{A}.baseline.lr: is missing; give a number from 0.0001 to"),
        (
            f"{A}.baseline.lr",
            1,
            f"{A}.baseline.lr: must be a number from 0.0001 to 0.1, but got 1",
        ),
        (f"{A}.baseline.batch_size", 16, f"{A}.baseline.batch_size: must be one of 10, 32, but"),
        (f"{A}.baseline.epochs", 5, f"{A}.baseline.epochs: is not tuned here, but got 5"),
        (
            f"{A}.published",
            [{"train_size": 30}],
            f"{A}.published[0]: must give one figure, such as valid_accuracy: 97.2",
        ),
        (
            f"{A}.published",
            [{"train_size": 30, "valid_accuracy": 9.0, "train_accuracy": 9.0}],
            f"{A}.published[0]: must give one figure, such as valid_accuracy: 97.2",
        ),
        (
            f"{A}.published",
            [{"train_size": 20, "valid_accuracy": 9.0}],
            f"{A}.published[0].train_size: must be one of the split's [10, 30], but got 20",
        ),
        (
            f"{A}.published",
            [{"train_size": 30, "valid_accuracy": 972}],
            f"{A}.published[0].valid_accuracy: must be at least 0 and at most 100, but got 972",
        ),
        (
            f"{V}.changes",
            {"lr": 1.0},
            f"{V}.changes.lr: must be a number from 0.0001 to 0.1, but got 1.0",
        ),
        (f"{V}.changes", {"epochs": 9}, f"{V}.changes.epochs: is not tuned here, but got 9"),
        (
            f"{V}.changes",
            {"batch_siz": 9},
            f"{V}.changes.batch_siz: is not tuned here, but got 9; did you mean 'batch_size'?",
        ),
        (f"{V}.changes", {}, f"{V}.changes: must not be empty, but got {{}}"),
        (f"{V}.title", None, f"{V}.title: is missing; give a short title"),
        (
            f"{V}.published",
            [{"train_size": 20, "valid_accuracy": 9.0}],
            f"{V}.published[0].train_size: must be one of the split's [10, 30], but got 20",
        ),
        ("efficiency", [30, 10], "efficiency: must rise, such as [10, 30, 100], but got [30, 10]"),
        ("efficiency", [10, 10], "efficiency: must rise, such as [10, 30, 100], but got [10, 10]"),
        (
            f"{T}.0.arm",
            "mine_c",
            f"{TEST}[0].arm: must name an arm, but got 'mine_c'; did you mean 'mine_",
        ),
        (f"{T}.0.than", "mine_a", f"{TEST}[0].than: must differ from `arm`; name another arm or"),
        (f"{T}.0.than", None, f"{TEST}[0].than: is missing; give the name of the arm it is comp"),
        (f"{T}.0.margin", -1.0, f"{TEST}[0].margin: must be greater than or equal to 0, but got"),
        (
            f"{T}.0.where",
            {"batch_size": 11},
            f"{TEST}[0].where.batch_size: must be one of 10, 32, but got 11",
        ),
        (f"{T}.0.where", {"epochs": 5}, f"{TEST}[0].where.epochs: is not tuned here, but got 5"),
        (
            f"{T}.0.train_size",
            77,
            f"{TEST}[0].train_size: must be one of `efficiency`, [10, 30, 50, 100, 200, 300, 500]",
        ),
        (f"{T}.0.margin", "0.5", f"{TEST}[0].margin: must be a number, but got '0.5'"),
        (f"{T}.1.arm", None, f"{TEST}[1].arm: is missing; give the name of an arm"),
        (f"{T}.1.arm", ["mine_a"], f"{TEST}[1].arm: must be a text, but got ['mine_a']"),
        (
            "arms.mine_b.variants",
            {"mine_a": V_FULL},
            "arms.mine_b.variants.mine_a: is the name of an arm or of another setting; choose",
        ),
        (
            "arms.mine_b.variants",
            {"baseline": V_FULL},
            "arms.mine_b.variants.baseline: is the name of an arm or of another setting; choose",
        ),
        (f"{T}.0.train_size", 0, f"{TEST}[0].train_size: must be greater than 0, but got 0"),
        (f"{T}.0.type", "diffrence", f"{TEST}[0]: `type` must be a test, but got 'diffr"),
        (
            f"{T}.0.type",
            None,
            f"{TEST}[0]: `type` is missing; give difference, level, train_sizes_needed",
        ),
        (
            f"{T}.0.on",
            "median",
            f"{TEST}[0].on: must be 'mean', 'rate', 'trained' or",
        ),
        (f"{T}.0.equivalence_margin", 0, f"{TEST}[0].equivalence_margin: must be greater than 0,"),
        (
            f"{T}.1.on",
            "probability",
            f"{TEST}[1].on: must be mean, rate or trained, but",
        ),
        (f"{T}.2.on", "rate", f"{TEST}[2].on: must be left out of a test of train_sizes_needed"),
        (f"{T}.1.at_least", 95.0, f"{TEST}[1]: must give one of at_least, at_most, below and"),
        (f"{T}.1.below", None, f"{TEST}[1]: must give one of at_least, at_most, below and"),
        (f"{T}.1.metric", "accuracy", f"{TEST}[1].metric: must be test_METRIC or train_METRIC"),
        (f"{T}.1.bleow", 1, f"{TEST}[1].bleow: is not a key here, but got 1; did you mean 'below"),
        (
            f"{T}.2.value",
            101.0,
            f"{TEST}[2].value: must be at least 0 and at most 100, but got 101",
        ),
        (
            "claims",
            [{"id": "x", "text": "x", "tests": []}],
            "claims[0].tests: must not be empty, but got []",
        ),
        (
            "claims",
            [FULL["claims"][0]] * 2,
            "claims[1].id: must be used once, but got 'a_beats_b'",
        ),
    ],
)
def test_a_single_fault_gives_a_single_line(tmp_path, path, value, line):
    found = lines_of(write_question(tmp_path, changed(FULL, path, value)))
    assert len(found) == 1, found
    assert found[0].startswith(line)


def test_costs_are_measured_of_models(tmp_path):
    mapping = question_mapping(metrics=["roc_auc", "seconds"])
    load_file(write_question(tmp_path, yaml.safe_dump(mapping)))
    space = {"epochs": {"type": "int", "low": 1, "high": 4}}
    mapping["arms"] = {"mine": {"train": "loops.py:train", "train_size": 10, "space": space}}
    (line,) = lines_of(write_question(tmp_path, yaml.safe_dump(mapping)))
    assert line.startswith("metrics[1]: must not name the cost seconds, which is measured of mod")


def test_arm_names(tmp_path):
    data = copy.deepcopy(FULL)
    data["arms"]["../x"] = data["arms"].pop("mine_b")
    data["claims"] = []
    assert lines_of(write_question(tmp_path, data)) == [
        "arms.../x: must be made of small letters, digits and underscores, but got '../x'"
    ]


def test_keys_that_are_no_texts(tmp_path):
    found = lines_of(write_question(tmp_path, yaml.safe_dump(FULL) + "3: 4\n"))
    assert found == ["[3]: must be a text as a key, but got 3"]


def test_a_key_cannot_break_the_line(tmp_path):
    (line,) = lines_of(write_question(tmp_path, changed(FULL, "a\nb\x1b[1m", 1)))
    assert line.startswith(r"a\nb\x1b[1m: is not a key here, but got 1; known are")


def test_all_faults_are_reported_at_once(tmp_path):
    # Malformed parts beside parts that contradict each other, in the same arm and in others.
    data = changed(FULL, f"{A}.space.lr.low", 5)
    data["arms"]["mine_a"]["baseline"]["batch_size"] = 11
    data["arms"]["mine_a"]["colour"] = "red"
    data["arms"]["mine_b"]["model"] = "mlpp"
    data["claims"][0]["tests"][0]["arm"] = "mine_z"
    del data["question"]
    places = [line.split(": ")[0] for line in lines_of(write_question(tmp_path, data))]
    assert sorted(places) == [
        "arms.mine_a.baseline.batch_size",
        "arms.mine_a.colour",
        "arms.mine_a.space.lr",
        "arms.mine_b.model",
        "claims[0].tests[0].arm",
        "question",
    ]


SIX = changed(FULL, f"{A}.space.lr.low", 5)
SIX["data"] |= {"num_classes": 4, "class_typ": ["none"]}
SIX["arms"]["mine_a"]["baseline"]["batch_size"] = 11
SIX["arms"]["mine_b"]["model"] = "mlpp"
SIX["titel"] = "x"
COMMAND = """\
import sys
from ibsweep.cli import run
print(run(sys.argv[1:]), *{"torch", "ray", "pandas", "matplotlib", "scipy"} & set(sys.modules))
"""


@pytest.mark.parametrize("command", ["tune", "train", "replicate", "show"])
def test_six_faults_are_six_lines_before_anything_heavy_is_imported(tmp_path, command):
    path = write_question(tmp_path, SIX)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, command, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "2\n"
    places = [line.removeprefix("ibsweep: ").split(": ")[:2] for line in done.stderr.splitlines()]
    assert sorted(places) == [
        [str(path), "arms.mine_a.baseline.batch_size"],
        [str(path), "arms.mine_a.space.lr"],
        [str(path), "arms.mine_b.model"],
        [str(path), "data.class_typ"],
        [str(path), "data.num_classes"],
        [str(path), "titel"],
    ]


def test_a_manifests_question_is_checked_too():
    with pytest.raises(ValidationError, match="must be one of 10, 32, but got 16"):
        Question.model_validate(changed(FULL, f"{A}.baseline.batch_size", 16))


def test_long_values_are_cut(tmp_path):
    (line,) = lines_of(write_question(tmp_path, changed(FULL, "title", [1] * 1000)))
    assert len(line) < 150


@pytest.mark.parametrize(
    ("objective", "metrics", "words"),
    [
        ({"metric": "m.py:loss", "direction": "maximize"}, [], "objective: is called loss"),
        (
            "accuracy",
            [{"metric": "m.py:accuracy", "direction": "maximize"}],
            "metrics[0]: is called",
        ),
        (
            "accuracy",
            [{"metric": "m.py:size", "direction": "minimize"}],
            "metrics[0]: is called size",
        ),
        ("accuracy", ["macro_f1", "macro_f1"], "metrics[1]: names macro_f1 again"),
        ("accuracy", ["accuracy"], "metrics[0]: names accuracy again"),
    ],
)
def test_a_metrics_name_is_a_column_of_its_own(tmp_path, objective, metrics, words):
    document = question_mapping() | {"objective": objective, "metrics": metrics}
    with pytest.raises(InputError) as told:
        load_file(write_question(tmp_path, as_yaml(document)))
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("test", "line"),
    [
        (
            {"type": "difference", "arm": "mine_a", "than": "mine_b", "on": "probability"}
            | {"margin": 1.0},
            "claims[0].tests[0].margin: must be left out with `on: probability`, which is held",
        ),
        (
            {"type": "difference", "arm": "mine_a", "than": "mine_b", "on": "probability"}
            | {"equivalence_margin": 5.0},
            "claims[0].tests[0].equivalence_margin: must be left out with `on: probability`",
        ),
        (
            {"type": "level", "arm": "mine_a", "on": "rate", "at_least": 101.0},
            "claims[0].tests[0].at_least: must be at least 0 and at most 100 percent of runs, but",
        ),
        (
            {"type": "level", "arm": "mine_a", "on": "rate", "at_least": 90.0}
            | {"metric": "test_accuracy"},
            "claims[0].tests[0].metric: must be left out with `on: rate`, whose bound is in per",
        ),
    ],
)
def test_what_a_test_speaks_of_goes_with_its_other_keys(tmp_path, test, line):
    (told,) = lines_of(write_question(tmp_path, changed(FULL, "claims.0.tests", [test])))
    assert told.startswith(line)
