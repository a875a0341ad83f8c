"""Specs of a search space, Optuna distributions, grids, and the ranges of hyperparameters."""

import math
import warnings
from decimal import Decimal

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    json_to_distribution,
)
from pydantic import ValidationError

from ibsweep.errors import InputError
from ibsweep.models import MODELS
from ibsweep.models.settings import (
    TRAINING_KEYS,
    known_settings,
    resolve,
    split_settings,
    unused_faults,
    with_training_defaults,
)
from ibsweep.questions.points import canonical, canonical_config, grid, point_count
from ibsweep.questions.space import (
    SPEC_ADAPTER,
    CategoricalSpec,
    FloatSpec,
    IntSpec,
    contains,
    highest,
    to_distributions,
)
from ibsweep.questions.space_faults import config_faults, space_faults

SMALL = st.integers(-1000, 1000)


@st.composite
def float_specs(draw):
    log = draw(st.booleans())
    if not log and draw(st.booleans()):
        step = draw(st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.25, 1.0, 3.0]))
        low, count = draw(st.integers(-50, 50)), draw(st.integers(0, 60))
        high = round(low + count * step, 3)
        return FloatSpec(type="float", low=float(low), high=high, step=step)
    least = 1e-300 if log else -1e300
    ends = st.floats(least, 1e300, allow_subnormal=False)
    low, high = sorted([draw(ends), draw(ends)])
    return FloatSpec(type="float", low=low, high=high, log=log)


@st.composite
def int_specs(draw):
    log = draw(st.booleans())
    low = draw(st.integers(1, 1000) if log else SMALL)
    step = 1 if log else draw(st.integers(1, 20))
    high = low + step * draw(st.integers(0, 200))
    return IntSpec(type="int", low=low, high=high, log=log, step=step)


CHOICES = st.one_of(st.booleans(), SMALL, st.floats(-10, 10), st.text(max_size=5))
categorical_specs = st.lists(CHOICES, min_size=1, max_size=6, unique=True).map(
    lambda choices: CategoricalSpec(type="categorical", choices=tuple(choices))
)
specs = st.one_of(float_specs(), int_specs(), categorical_specs)


def spec_of(distribution):
    kind = type(distribution).__name__.removesuffix("Distribution").lower()
    return SPEC_ADAPTER.validate_python({"type": kind, **vars(distribution)})


@given(st.dictionaries(st.text(min_size=1, max_size=8), specs, max_size=5))
def test_distributions_hold_all_that_a_space_says(space):
    distributions = to_distributions(space)
    assert list(distributions) == list(space)
    assert {name: spec_of(one) for name, one in distributions.items()} == space


@given(specs)
def test_json_round_trip_and_optunas_short_form(spec):
    assert SPEC_ADAPTER.validate_python(spec.model_dump(mode="json")) == spec
    ours = to_distributions({"x": spec})["x"]
    assert json_to_distribution(SPEC_ADAPTER.dump_json(spec).decode()) == ours


@given(specs, st.integers(2, 12))
def test_grid_lies_in_the_spec(spec, points):
    values = list(grid(spec, points))
    assert all(contains(spec, value) for value in values)
    if isinstance(spec, CategoricalSpec):
        assert values == list(spec.choices)
        return
    assert values[0] == spec.low
    assert values[-1] == spec.high
    assert len(values) <= points
    assert values == sorted(values)
    if isinstance(spec, IntSpec):
        count = (spec.high - spec.low) // spec.step + 1
        assert len(set(values)) == len(values) == min(points, count)


@pytest.mark.parametrize(
    ("spec", "points", "values"),
    [
        (IntSpec(type="int", low=3, high=6), 9, [3, 4, 5, 6]),
        (IntSpec(type="int", low=0, high=100, step=10), 3, [0, 50, 100]),
        (IntSpec(type="int", low=1, high=1000, log=True), 4, [1, 10, 100, 1000]),
        (IntSpec(type="int", low=1, high=8, log=True), 7, [1, 2, 3, 4, 5, 6, 8]),
        (FloatSpec(type="float", low=0.1, high=0.5, step=0.1), 9, [0.1, 0.2, 0.3, 0.4, 0.5]),
        (FloatSpec(type="float", low=0.0, high=1.0), 3, [0.0, 0.5, 1.0]),
        (FloatSpec(type="float", low=2.0, high=2.0), 3, [2.0]),
        (CategoricalSpec(type="categorical", choices=("a", "b", "c")), 2, ["a", "b", "c"]),
    ],
)
def test_grid(spec, points, values):
    assert list(grid(spec, points)) == values


def test_grid_is_even_in_the_logarithm():
    values = grid(FloatSpec(type="float", low=1e-4, high=1.0, log=True), 5)
    assert values == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (
            FloatSpec(type="float", low=0.1, high=0.7, step=0.1),
            [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        ),
        (IntSpec(type="int", low=2, high=10, step=2), [2, 4, 6, 8, 10]),
        (IntSpec(type="int", low=2, high=10), [2, 6, 10]),
        (FloatSpec(type="float", low=1e-4, high=1.0, log=True), [1e-4, 1e-2, 1.0]),
        (IntSpec(type="int", low=1, high=100, log=True), [1, 10, 100]),
    ],
)
def test_a_grid_takes_every_point_of_a_step(spec, values):
    assert list(grid(spec, 3, stepped_in_full=True)) == pytest.approx(values)
    assert point_count(spec) in (None, len(values), spec.high - spec.low + 1)


def test_a_grid_of_a_thousand_million_points_takes_no_memory():
    points = grid(FloatSpec(type="float", low=0.0, high=1.0, step=1e-9), 3, stepped_in_full=True)
    assert len(points) == 10**9 + 1
    assert points[123_456_789] == 0.123456789


@pytest.mark.parametrize("high", [2**53, 2**53 - 1, 10**15 + 1])
def test_both_ends_of_a_large_range_of_integers_are_among_its_points(high):
    for log in (True, False):
        values = list(grid(IntSpec(type="int", low=1, high=high, log=log), 7))
        assert (values[0], values[-1], len(set(values))) == (1, high, 7)
        assert values == sorted(values)


@given(st.integers(-50, 50), st.integers(1, 99), st.integers(1, 300), st.integers(1, 4), st.data())
def test_a_point_however_it_was_computed_is_the_space_s_own(low, step, steps, decimals, data):
    """Optuna adds the step in floats, others multiply it, and a file has it in decimal."""
    unit = Decimal(10) ** -decimals
    spec = FloatSpec(
        type="float",
        low=float(low * unit),
        high=float((low + steps * step) * unit),
        step=float(step * unit),
    )
    k = data.draw(st.integers(0, steps))
    wanted = float((low + k * step) * unit)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=k))
    drawn = study.ask(to_distributions({"x": spec})).params["x"]
    summed = spec.low
    for _ in range(k):
        summed += spec.step
    for value in (wanted, spec.low + k * spec.step, summed):
        assert canonical(spec, value) == wanted
    points = {float((low + i * step) * unit) for i in range(steps + 1)}
    assert canonical(spec, drawn) in points


@pytest.mark.parametrize(
    ("spec", "given", "wanted"),
    [
        (FloatSpec(type="float", low=0.5, high=1.0), 1, 1.0),
        (IntSpec(type="int", low=1, high=9), 3.0, 3),
        (CategoricalSpec(type="categorical", choices=(10, 20)), 10.0, 10),
        (CategoricalSpec(type="categorical", choices=(False, 20)), 0, 0),
        (FloatSpec(type="float", low=0.1, high=0.7, step=0.1), 0.35, 0.35),
        (FloatSpec(type="float", low=0.1, high=0.7, step=0.1), "x", "x"),
    ],
)
def test_canonical_values(spec, given, wanted):
    found = canonical(spec, given)
    assert (found, type(found)) == (wanted, type(wanted))
    assert canonical_config({"x": spec}, {"y": 1, "x": given}) == {"x": wanted, "y": 1}


def test_grid_needs_both_ends():
    with pytest.raises(InputError, match="at least 2 points a hyperparameter, but got 1"):
        grid(IntSpec(type="int", low=1, high=9), 1)


FLOAT = {"type": "float", "low": 0.1, "high": 1.0}
INT = {"type": "int", "low": 1, "high": 9}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (FLOAT | {"low": 2}, r"`low <= high` must hold, but got low=2.0, high=1.0; swap"),
        (INT | {"low": 10}, r"`low <= high` must hold, but got low=10, high=9; swap"),
        (
            FLOAT | {"low": 0, "log": True},
            r"where `log` is true, but got low=0.0; such as 0.0001",
        ),
        (INT | {"low": 0, "log": True}, r"above 0 where `log` is true, but got low=0; 1 is"),
        (FLOAT | {"log": True, "step": 0.1}, "`step` and `log` exclude each other"),
        (INT | {"log": True, "step": 2}, "`step` and `log` exclude each other"),
        (FLOAT | {"step": 0}, "`step` must be above 0, but got step=0.0"),
        (INT | {"step": -1}, "`step` must be above 0, but got step=-1"),
        (FLOAT | {"step": 0.4}, r"`step` must divide `high - low`.*; a high of 0.9 would"),
        (INT | {"step": 3}, r"`step` must divide `high - low`.*; a high of 7 would"),
        (FLOAT | {"high": math.inf}, "finite number"),
        (FLOAT | {"low": math.nan}, "finite number"),
        (FLOAT | {"low": False}, "valid number"),
        (FLOAT | {"low": "0.1"}, "valid number"),
        (FLOAT | {"high": 10**400}, "valid number"),
        (INT | {"low": True}, "valid integer"),
        (INT | {"low": 1.0}, "valid integer"),
        (INT | {"high": 2**60}, "less than or equal to"),
        (INT | {"log": 1}, "valid boolean"),
        (INT | {"stepp": 1}, "not permitted"),
        ({"type": "categorical", "choices": []}, "at least 1 item"),
        ({"type": "categorical", "choices": [3, 5, 3]}, "must differ, but got 3 twice"),
        (
            {"type": "categorical", "choices": [1, True]},
            "must differ, but got True, which is 1 to Optuna",
        ),
        ({"type": "categorical", "choices": [math.nan]}, "must be finite, but got nan"),
        ({"type": "categorical", "choices": [None]}, "a number, a text or true or false"),
        ({"type": "loguniform"}, "'float', 'int', 'categorical'"),
    ],
)
def test_bad_specs(data, message):
    with pytest.raises(ValidationError, match=message):
        SPEC_ADAPTER.validate_python(data)


def test_a_spec_reports_all_its_faults():
    with pytest.raises(ValidationError) as caught:
        SPEC_ADAPTER.validate_python(FLOAT | {"low": -1, "high": -2, "log": True, "step": 1})
    assert [e["loc"] for e in caught.value.errors()] == [
        ("float",),
        ("float", "high"),
        ("float", "step"),
    ]


@given(st.integers(-30, 30), st.integers(1, 40), st.sampled_from([0.1, 0.3, 0.7, 1e-5]))
def test_optuna_never_shrinks_an_accepted_range(low, count, step):
    try:
        spec = FloatSpec(type="float", low=low / 10, high=low / 10 + count * 0.1, step=step)
    except ValidationError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_distributions({"x": spec})["x"].high == spec.high


def test_more_steps_than_decimal_has_digits():
    with pytest.raises(ValidationError, match="`step` must divide"):
        FloatSpec(type="float", low=0.0, high=1e30, step=1e-30)


def test_to_distributions():
    space = {
        "lr": FloatSpec(type="float", low=1e-4, high=0.3, log=True),
        "epochs": IntSpec(type="int", low=50, high=600, step=50),
        "optimizer": CategoricalSpec(type="categorical", choices=("sgd", "adam")),
    }
    assert to_distributions(space) == {
        "lr": FloatDistribution(1e-4, 0.3, log=True),
        "epochs": IntDistribution(50, 600, step=50),
        "optimizer": CategoricalDistribution(["sgd", "adam"]),
    }


@pytest.mark.parametrize(
    ("data", "inside", "outside"),
    [
        (FLOAT, [0.1, 1, 0.5], [0, 1.1, True, "0.5", None, math.nan, 10**400]),
        (FLOAT | {"step": 0.1}, [0.1, 0.1 + 2 * 0.1, 0.3], [0.25]),
        (INT | {"step": 2}, [1, 3, 9], [2, 3.0, True, 11]),
        ({"type": "categorical", "choices": [0, "a"]}, [0, 0.0, "a"], [False, "A", None, [0]]),
        ({"type": "categorical", "choices": [True]}, [True], [1, 1.0, "true"]),
    ],
)
def test_contains(data, inside, outside):
    spec = SPEC_ADAPTER.validate_python(data)
    assert [v for v in inside if not contains(spec, v)] == []
    assert [v for v in outside if contains(spec, v)] == []


SPACE = {
    name: SPEC_ADAPTER.validate_python(data) for name, data in {"lr": FLOAT, "epochs": INT}.items()
}


def test_a_point_of_the_space_has_no_faults():
    assert config_faults(SPACE, {"epochs": 3, "lr": 0.5}) == []


@pytest.mark.parametrize(
    ("config", "faults"),
    [
        ({"lr": 0.5}, ["epochs: is missing; give an integer from 1 to 9"]),
        ({"lr": 2, "epochs": 3}, ["lr: must be a number from 0.1 to 1, but got 2"]),
        (
            {"lr": 0.5, "epochs": 3, "epoch": 4},
            ["epoch: is not tuned here, but got 4; did you mean 'epochs'?"],
        ),
        (
            {"lr": 2, "epochs": 0},
            [
                "lr: must be a number from 0.1 to 1, but got 2",
                "epochs: must be an integer from 1 to 9, but got 0",
            ],
        ),
    ],
)
def test_config_faults(config, faults):
    assert [str(fault) for fault in config_faults(SPACE, config)] == faults


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("lr", FLOAT | {"low": 0}, "lr.low: must be a number above 0, but got 0.0"),
        ("lr", FLOAT | {"low": -1}, "lr.low: must be a number above 0, but got -1.0"),
        ("momentum", FLOAT, "momentum.high: must be a number of at least 0 and below 1"),
        ("epochs", INT | {"low": 0}, "epochs.low: must be an integer of at least 1, but got 0"),
        ("epochs", FLOAT | {"low": 1}, "epochs.type: must be 'int', but got 'float'"),
        (
            "pooling",
            {"type": "categorical", "choices": ["max", "median"]},
            "pooling.choices[1]: must be 'max' or 'average', but got 'median'",
        ),
        ("pooling", INT, "pooling.type: must be categorical, of 'max' or 'average', but got"),
        (
            "freeze_conv",
            {"type": "categorical", "choices": [False, 1]},
            "freeze_conv.choices[1]: must be false or true, but got 1",
        ),
        ("num_layers", INT, "num_layers.low: must be an integer of at least 2, but got 1"),
    ],
)
def test_space_faults(name, data, fault):
    model = next(model for model in MODELS if name in known_settings(model))
    (found,) = space_faults(known_settings(model), {name: SPEC_ADAPTER.validate_python(data)})
    assert str(found).startswith(fault)


def test_integers_may_tune_a_real_hyperparameter():
    assert (
        space_faults(known_settings("wider_cnn"), {"lr": SPEC_ADAPTER.validate_python(INT)}) == []
    )


def test_resolve_fills_in_defaults():
    settings = resolve("wider_cnn", {"epochs": 5}, {"lr": 1, "batch_size": 10, "momentum": 0})
    assert settings == {
        "lr": 1.0,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "epochs": 5,
        "batch_size": 10,
        "optimizer": "sgd",
        "nesterov": False,
        "beta1": 0.0,
        "beta2": 0.999,
        "schedule": "constant",
        "warmup_epochs": 0,
        "step_size": 30,
        "gamma": 0.1,
        "clip_norm": 0.0,
        "label_smoothing": 0.0,
        "kernel_size": 7,
        "num_filters": 6,
        "pooling": "max",
    }
    assert isinstance(settings["lr"], float)
    assert isinstance(settings["momentum"], float)
    assert list(settings) == list(known_settings("wider_cnn"))


@pytest.mark.parametrize(
    ("model", "fixed", "config", "message"),
    [
        ("wider", {}, {}, "'wider' is not a model; did you mean 'wider_cnn'"),
        ("wider_cnn", {}, {"lr": 0.1, "epochs": 1}, "batch_size: is missing; give an integer of"),
        ("wider_cnn", {}, {"lr": 0}, "lr: must be a number above 0, but got 0"),
        ("wider_cnn", {"lr": True}, {}, "lr: must be a number above 0, but got True"),
        ("wider_cnn", {"lr": 0.1}, {"lr": 0.2}, "lr: is both fixed and tuned"),
        ("wider_cnn", {"num_layers": 3}, {}, "num_layers: is not a hyperparameter of wider_cnn"),
        ("wider_cnn", {}, {"epochs": 10.0}, "epochs: must be an integer of at least 1"),
        ("wider_cnn", {}, {"lr": 10**400}, "lr: must be a number above 0"),
    ],
)
def test_resolve_refuses(model, fixed, config, message):
    with pytest.raises(InputError, match=message):
        resolve(model, fixed, config)


def test_split_settings():
    given_ = {"lr": 0.1, "epochs": 1, "batch_size": 4, "hidden_dim_1": 50}
    training, options = split_settings(resolve("three_layer_mlp", {}, given_))
    assert set(training) == set(TRAINING_KEYS)
    assert options == {"hidden_dim_1": 50, "hidden_dim_2": 10}


@pytest.mark.parametrize("model", MODELS)
def test_defaults_are_legal(model):
    known = known_settings(model)
    given_ = {name: p.default for name, p in known.items() if p.default is not None}
    assert set(known) - set(given_) == {"lr", "epochs", "batch_size", "beta1"}
    required = {name for name, p in known.items() if p.required}
    assert required == {"lr", "epochs", "batch_size"}
    assert [name for name, value in given_.items() if not known[name].accepts(value)] == []


def test_settings_that_an_earlier_version_stored_have_the_later_ones_defaults():
    now = resolve("wider_cnn", {}, {"lr": 0.1, "epochs": 1, "batch_size": 4, "momentum": 0.5})
    then = ("lr", "momentum", "weight_decay", "epochs", "batch_size", "optimizer")
    stored = {name: now[name] for name in (*then, *MODELS["wider_cnn"].options)}
    assert now["beta1"] == 0.5
    assert with_training_defaults(stored) == now
    assert with_training_defaults(stored | {"lr": 0.2}) != now


@pytest.mark.parametrize(
    ("possible", "unused"),
    [
        ({"step_size": (10,)}, ["step_size"]),
        ({"step_size": (10,), "gamma": (), "schedule": ("cosine",)}, ["step_size", "gamma"]),
        ({"step_size": (10,), "gamma": (), "schedule": ("cosine", "step")}, []),
        ({"nesterov": (True,)}, []),
        ({"nesterov": (True,), "optimizer": ("adam", "adamw")}, ["nesterov"]),
        ({"beta1": (), "beta2": ()}, ["beta1", "beta2"]),
        ({"beta1": (), "optimizer": ("sgd", "adamw")}, []),
    ],
)
def test_a_setting_that_nothing_uses_is_a_fault(possible, unused):
    faults = unused_faults(possible)
    assert sorted(fault.path[0] for fault in faults) == sorted(unused)
    assert all("does nothing where" in fault.text for fault in faults)


def test_highest():
    assert highest(SPACE["lr"]) == 1.0
    assert highest(SPACE["epochs"]) == 9
    assert highest(CategoricalSpec(type="categorical", choices=(10, 32, 16))) == 32
