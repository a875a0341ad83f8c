"""Conditional hyperparameters: which are active, what is wrong in conditions, and their number."""

import itertools
import random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from questions import question_mapping

from ibsweep.errors import InputError
from ibsweep.models.settings import resolve
from ibsweep.questions.conditions import (
    active_part,
    condition_text,
    is_active,
    is_conditional,
    requirements,
    states,
)
from ibsweep.questions.configurations import Configurations, configuration_count
from ibsweep.questions.files import load_file
from ibsweep.questions.points import axes_of, canonical_config, grid
from ibsweep.questions.schema import Question
from ibsweep.questions.space import SPEC_ADAPTER, CategoricalSpec, IntSpec, contains
from ibsweep.questions.space_faults import config_faults
from ibsweep.questions.training_notes import training_notes


def spec(**parts):
    return SPEC_ADAPTER.validate_python(parts)


SPACE = {
    "optimizer": spec(type="categorical", choices=["sgd", "adam", "adamw"]),
    "momentum": spec(type="float", low=0.0, high=0.9, when={"optimizer": "sgd"}),
    "nesterov": spec(type="categorical", choices=[True, False], when={"optimizer": ["sgd"]}),
    "beta1": spec(type="float", low=0.0, high=0.9, when={"optimizer": ["adam", "adamw"]}),
    "delay": spec(type="int", low=1, high=9, when={"nesterov": True}),
    "both": spec(type="int", low=1, high=2, when={"optimizer": "sgd", "delay": [1, 2]}),
}
SGD = {"optimizer": "sgd", "momentum": 0.5, "nesterov": True, "delay": 2, "both": 1}


def test_a_hyperparameter_is_active_where_all_that_it_names_are_and_have_the_value():
    assert active_part(SPACE, SGD | {"beta1": 0.1}) == SGD
    assert states(SPACE, SGD) == dict.fromkeys(SPACE, True) | {"beta1": False}
    assert states(SPACE, {**SGD, "delay": 3})["both"] is False
    # `both` names `delay`, which is not active, whatever its value
    assert states(SPACE, {**SGD, "nesterov": False})["both"] is False
    adam = states(SPACE, {"optimizer": "adamw"})
    assert [name for name, state in adam.items() if state] == ["optimizer", "beta1"]


def test_where_values_are_missing_nothing_is_said():
    assert states(SPACE, {}) == dict.fromkeys(SPACE) | {"optimizer": True}
    assert states(SPACE, {"nesterov": True})["delay"] is None
    assert active_part(SPACE, {"beta1": 0.5}) == {"beta1": 0.5}


def test_a_condition_is_one_value_or_several_and_is_written_so():
    assert SPACE["momentum"].when == {"optimizer": ("sgd",)}
    assert SPACE["momentum"].model_dump(mode="json")["when"] == {"optimizer": "sgd"}
    assert SPACE["beta1"].model_dump(mode="json")["when"] == {"optimizer": ["adam", "adamw"]}
    assert "when" not in SPACE["optimizer"].model_dump()
    assert SPACE["nesterov"] == spec(
        type="categorical", choices=[True, False], when={"optimizer": "sgd"}
    )
    for one in SPACE.values():
        assert SPEC_ADAPTER.validate_python(one.model_dump(mode="json")) == one


def test_what_a_hyperparameter_needs_of_all_above_it():
    assert requirements(SPACE)["both"] == {
        "optimizer": ("sgd",),
        "nesterov": (True,),
        "delay": (1, 2),
    }
    assert condition_text(SPACE["beta1"].when) == "`optimizer` is 'adam' or 'adamw'"


def test_equal_configurations_are_equal_in_their_active_part():
    one = canonical_config(SPACE, {"beta1": 0.25, "optimizer": "adam", "momentum": 0.5})
    assert one == canonical_config(SPACE, {"optimizer": "adam", "beta1": 0.25})
    assert list(one) == ["optimizer", "beta1"]


@pytest.mark.parametrize(
    ("config", "faults"),
    [
        (SGD, []),
        ({"optimizer": "adam", "beta1": 0}, []),
        (
            {"optimizer": "adam", "beta1": 0.5, "momentum": 0.5},
            [
                "momentum: is set only where `optimizer` is 'sgd', but got 0.5 where `optimizer` "
                "is 'adam'; leave it out"
            ],
        ),
        (
            {**SGD, "nesterov": False},
            [
                "delay: is set only where `nesterov` is True, but got 2 where `nesterov` is "
                "False; leave it out",
                "both: is set only where `optimizer` is 'sgd' and `delay` is 1 or 2, but got 1 "
                "where `delay` is not set; leave it out",
            ],
        ),
        ({"optimizer": "adam"}, ["beta1: is missing; give a number from 0 to 0.9"]),
        ({"beta1": 0.5}, ["optimizer: is missing; give one of 'sgd', 'adam', 'adamw'"]),
    ],
)
def test_a_configuration_is_checked_by_its_active_part(config, faults):
    assert [str(fault) for fault in config_faults(SPACE, config)] == faults


def question(space=None, **arm):
    """Return the tiny question's mapping, with these in the arm's space."""
    data = question_mapping()
    tiny = data["arms"]["tiny_cnn"]
    tiny["space"] = {**tiny["space"], **(space or {})}
    for key in ("baseline", "published", "variants"):
        tiny.pop(key, None)
    tiny.update(arm)
    return data


OPTIMIZER = {"type": "categorical", "choices": ["sgd", "adam"]}
MOMENTUM = {"type": "float", "low": 0.0, "high": 0.9}


@pytest.mark.parametrize(
    ("space", "line"),
    [
        (
            {"optimizer": OPTIMIZER, "momentum": MOMENTUM | {"when": {"optimiser": "sgd"}}},
            "momentum.when.optimiser: must name a hyperparameter that is tuned above, but got "
            "'optimiser'; did you mean 'optimizer'?",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"optimizer": "sgd"}}, "optimizer": OPTIMIZER},
            "momentum.when.optimizer: must name a hyperparameter that is tuned above, but "
            "`optimizer` stands below `momentum`; move it up",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"momentum": 0.5}}},
            "momentum.when.momentum: must name a hyperparameter that is tuned above, but names "
            "itself; leave it out",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"kernel_size": 3}}},
            "momentum.when.kernel_size: must name a hyperparameter that is tuned above, but "
            "`kernel_size` is fixed at 3: it always holds; leave it out",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"kernel_size": 7}}},
            "momentum.when.kernel_size: must name a hyperparameter that is tuned above, but "
            "`kernel_size` is fixed at 3: it never holds; leave `momentum` out",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"optimizer": "sgd"}}},
            "momentum.when.optimizer: must name a hyperparameter that is tuned above, but "
            "`optimizer` is not tuned here; put it into `space` above `momentum`",
        ),
        (
            {"optimizer": OPTIMIZER, "momentum": MOMENTUM | {"when": {"optimizer": "sgdd"}}},
            "momentum.when.optimizer: must be a value of `optimizer`, one of 'sgd', 'adam', but "
            "got 'sgdd'",
        ),
        (
            {"optimizer": OPTIMIZER, "momentum": MOMENTUM | {"when": {"optimizer": ["sgd"] * 2}}},
            "momentum.when.optimizer[1]: must differ, but got 'sgd' twice",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"lr": 0.01}}},
            "momentum.when.lr: must be of single values, but `lr` is a range of floats, which "
            "meets none but by chance; give it a `step`, or make it categorical",
        ),
        (
            {"momentum": MOMENTUM | {"when": {"epochs": [10, 12.5]}}},
            "momentum.when.epochs[1]: must be a value of `epochs`, an integer from 5 to 40, but "
            "got 12.5",
        ),
        (
            {"momentum": MOMENTUM | {"when": "sgd"}},
            "momentum.when: must be a mapping of keys to values, but got 'sgd'",
        ),
        (
            {"optimizer": OPTIMIZER, "momentum": MOMENTUM | {"when": {"optimizer": None}}},
            "momentum.when.optimizer[0]: must be a number, a text or true or false, but got None",
        ),
        (
            {"optimizer": OPTIMIZER, "momentum": MOMENTUM | {"if": {"optimizer": "sgd"}}},
            "momentum.if: is not a key here, but got {'optimizer': 'sgd'}; here it is `when`",
        ),
        (
            {
                "optimizer": OPTIMIZER,
                "momentum": MOMENTUM | {"when": {"optimizer": "sgd"}},
                "nesterov": {
                    "type": "categorical",
                    "choices": [True, False],
                    "when": {"optimizer": "sgd"},
                },
                "beta2": MOMENTUM | {"when": {"optimizer": "adam", "nesterov": True}},
            },
            "beta2.when: can never hold: `optimizer` is 'adam' and `nesterov` is True, but "
            "`nesterov` is set only where `optimizer` is 'sgd'; leave one of them out",
        ),
        (
            {"optimizer": OPTIMIZER, "beta2": MOMENTUM | {"when": {"optimizer": "sgd"}}},
            "beta2: does nothing where `optimizer` is 'sgd'; set `optimizer` to 'adam' or "
            "'adamw', or leave `beta2` out",
        ),
        (
            {
                "optimizer": OPTIMIZER,
                "epochs": {"type": "int", "low": 1, "high": 9, "when": {"optimizer": "sgd"}},
            },
            "epochs.when: must name",
        ),
    ],
)
def test_what_is_wrong_in_conditions(tmp_path, space, line):
    path = tmp_path / "q.yaml"
    path.write_text(yaml.safe_dump(question(space), sort_keys=False))
    with pytest.raises(InputError) as caught:
        load_file(path)
    before = f"{path}: arms.tiny_cnn.space."
    found = str(caught.value).splitlines()
    if line.startswith("epochs"):  # stands above, and is always needed
        assert found == [
            f"{before}epochs.when.optimizer: must name a hyperparameter that is tuned above, but "
            "`optimizer` stands below `epochs`; move it up",
            f"{before}epochs.when: must be left out: without `epochs`, which has no default, "
            "nothing trains",
        ]
    else:
        assert found == [f"{before}{line}"]


CONDITIONAL = {
    "optimizer": OPTIMIZER,
    "momentum": MOMENTUM | {"when": {"optimizer": "sgd"}},
    "beta1": MOMENTUM | {"when": {"optimizer": "adam"}},
}
BASELINE = {"lr": 0.01, "epochs": 20, "batch_size": 10, "optimizer": "sgd", "momentum": 0.9}


def variant(changes):
    figures = [{"train_size": 10, "valid_accuracy": 9.0}]
    return {"fast": {"title": "x", "changes": changes, "published": figures}}


def test_a_question_with_conditions_is_read_and_written():
    read = Question.model_validate(question(CONDITIONAL, baseline=BASELINE))
    assert Question.model_validate(read.model_dump(mode="json")) == read
    assert Question.model_validate_json(read.model_dump_json()) == read
    assert is_conditional(read.arms["tiny_cnn"].space)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"lr": 0.02}, None),
        ({"optimizer": "adam", "beta1": 0.5}, None),
        ({"optimizer": "adam"}, "is missing; the changes set it: give a number from 0 to 0.9"),
        (
            {"beta1": 0.5},
            "is set only where `optimizer` is 'adam', which the variant is not; leave it out",
        ),
        (
            {"optimizer": "adam", "beta1": 0.5, "momentum": 0.5},
            "is set only where `optimizer` is 'sgd', but got 0.5 where `optimizer` is 'adam'",
        ),
    ],
)
def test_variants_change_what_is_set(changes, line):
    data = question(CONDITIONAL, baseline=BASELINE, variants=variant(changes))
    if line is None:
        Question.model_validate(data)
        return
    with pytest.raises(ValueError, match="1 validation error") as caught:
        Question.model_validate(data)
    assert line in str(caught.value)
    assert "variants.fast.changes" in str(caught.value)


def test_a_claim_cannot_want_what_is_never_set_together():
    data = question(CONDITIONAL, baseline=BASELINE)
    test = {"type": "level", "arm": "tiny_cnn", "at_least": 50.0}
    wanted = {"optimizer": "adam", "momentum": 0.5}
    data["claims"] = [{"id": "a", "text": "x", "tests": [test | {"where": wanted}]}]
    with pytest.raises(ValueError, match=r"is set only where `optimizer` is 'sgd', but got 0\.5"):
        Question.model_validate(data)
    data["claims"][0]["tests"][0]["where"] = {"momentum": 0.5}
    Question.model_validate(data)


def test_what_is_not_set_trains_at_the_default_and_momentum_means_what_it_did():
    adam = resolve("simple_cnn", {"kernel_size": 7}, BASELINE | {"optimizer": "adam"})
    assert adam["beta1"] == 0.9  # of stored sweeps, whose momentum was beta1 for Adam
    new = {k: v for k, v in BASELINE.items() if k != "momentum"}
    new |= {"optimizer": "adam", "beta1": 0.25}
    found = resolve("simple_cnn", {"kernel_size": 7}, new)
    assert (found["beta1"], found["momentum"]) == (0.25, 0.9)


@st.composite
def conditional_spaces(draw):
    """Spaces of a few values each, some of which depend on others."""
    space = {}
    for i in range(draw(st.integers(1, 6))):
        when = {}
        for parent in draw(st.lists(st.sampled_from([*space, None]), max_size=2, unique=True)):
            if parent is not None:
                values = list(grid(space[parent], 9))
                when[parent] = tuple(
                    draw(st.lists(st.sampled_from(values), min_size=1, unique=True))
                )
        if draw(st.booleans()):
            one = IntSpec(type="int", low=1, high=draw(st.integers(1, 4)), when=when)
        else:
            choices = ("a", 2, True, 0.5)[: draw(st.integers(1, 4))]
            one = CategoricalSpec(type="categorical", choices=choices, when=when)
        space[f"x{i}"] = one
    return space


@given(conditional_spaces(), st.randoms(use_true_random=False))
def test_each_configuration_is_counted_listed_and_drawn_once(space, draws):
    axes = axes_of(space, 9)
    product = (
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    )
    different = {tuple(active_part(space, config).items()) for config in product}
    found = Configurations(space, axes)
    assert found.count == configuration_count(space) == len(different)
    listed = [tuple(config.items()) for config in found]
    drawn = [tuple(config.items()) for config in found.drawn(10**9, draws)]
    assert len(listed) == len(drawn) == len(different)
    assert {*listed} == {*drawn} == different
    for config in map(dict, drawn):
        assert config_faults(space, config) == []
        assert list(config) == [name for name, one in space.items() if is_active(one, config)]


def test_a_grid_has_the_values_that_others_depend_on():
    space = {
        "depth": spec(type="int", low=1, high=100),
        "width": spec(type="int", low=1, high=2, when={"depth": [3, 4]}),
    }
    axes = axes_of(space, 3)
    assert list(axes["depth"]) == [1, 3, 4, 51, 100]
    assert Configurations(space, axes).count == 3 + 2 * 2
    assert configuration_count(space) == 98 + 2 * 2


def test_what_cannot_be_made_one_by_one_is_counted_and_drawn():
    space = {}
    for i in range(40):
        space[f"on{i}"] = CategoricalSpec(type="categorical", choices=(True, False))
        space[f"x{i}"] = IntSpec(type="int", low=1, high=10**6, when={f"on{i}": True})
    space["all"] = IntSpec(type="int", low=1, high=3, when={f"on{i}": True for i in range(40)})
    assert configuration_count(space) == (10**6 + 1) ** 40 + 2 * 10 ** (6 * 40)
    axes = axes_of(space, 5)
    (config,) = Configurations(space, axes).drawn(1, random.Random(0))
    assert all((f"x{i}" in config) is config[f"on{i}"] for i in range(40))
    assert all(contains(space[name], value) for name, value in config.items())


@pytest.mark.parametrize(
    ("momentum", "noted"),
    [
        (MOMENTUM, True),
        (MOMENTUM | {"when": {"optimizer": "sgd"}}, False),
        (MOMENTUM | {"when": {"optimizer": "adam"}}, False),
    ],
)
def test_a_momentum_that_is_two_things_is_told(momentum, noted):
    data = question({"optimizer": OPTIMIZER, "momentum": momentum})
    arm = Question.model_validate(data).arms["tiny_cnn"]
    notes = [note for note in training_notes(arm, 30, ()) if "beta1" in note]
    assert notes == noted * [
        "momentum is beta1 where optimizer is adam: momentum with `when: {optimizer: sgd}`, and "
        "beta1 with `when: {optimizer: adam}`, are each searched for themselves"
    ]
