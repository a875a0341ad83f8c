"""Search spaces of W&B, Ray Tune and Optuna: who brings one gets the line to write."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from questions import changed, question_mapping, write_question

from ibsweep.errors import InputError
from ibsweep.questions.files import load_file
from ibsweep.questions.other_tools import _FORMS, as_written_here
from ibsweep.questions.space import SPEC_ADAPTER

LOG = "lr: {type: float, low: 0.0001, high: 0.1, log: true}"
FIVE = "lr: {type: int, low: 1, high: 9, step: 2}"
STEPLESS = "without its step: it does not divide the range"
LIST = "lr: {type: categorical, choices: [1, b]}"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        # W&B
        ({"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1}, LOG),
        ({"distribution": "inv_log_uniform_values", "min": 1e-4, "max": 0.1}, LOG),
        (
            {"distribution": "log_uniform", "min": -9.21034, "max": -2.302585},
            "lr: {type: float, low: 0.0001, high: 0.1, log: true}",
        ),
        ({"values": [1, "b"]}, LIST),
        ({"distribution": "categorical", "values": [1, "b"]}, LIST),
        ({"values": [1, "b"], "probabilities": [0.5, 0.5]}, LIST),
        ({"min": 1, "max": 9}, "lr: {type: int, low: 1, high: 9}"),
        ({"min": 0.5, "max": 9}, "lr: {type: float, low: 0.5, high: 9.0}"),
        ({"distribution": "int_uniform", "min": 1, "max": 9}, "lr: {type: int, low: 1, high: 9}"),
        (
            {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25},
            "lr: {type: float, low: 0.0, high: 1.0, step: 0.25}",
        ),
        (
            {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.3},
            f"lr: {{type: float, low: 0.0, high: 1.0}}, {STEPLESS}",
        ),
        # Ray Tune
        ("tune.loguniform(1e-4, 1e-1)", LOG),
        ("loguniform(1e-4, 0.1)", LOG),
        ("tune.uniform(0, 1)", "lr: {type: float, low: 0.0, high: 1.0}"),
        ("tune.quniform(0, 1, 0.5)", "lr: {type: float, low: 0.0, high: 1.0, step: 0.5}"),
        ("tune.randint(1, 10)", "lr: {type: int, low: 1, high: 9}"),
        ("tune.qrandint(1, 9, 2)", FIVE),
        (
            "tune.qrandint(3, 12, 2)",
            f"lr: {{type: int, low: 3, high: 12}}, {STEPLESS}",
        ),
        (
            "tune.qloguniform(1e-4, 1e-1, 5e-5)",
            f"{LOG}, without its step: a logarithmic range has none",
        ),
        ("tune.lograndint(1, 10)", "lr: {type: int, low: 1, high: 9, log: true}"),
        ("tune.choice([1, 'b'])", LIST),
        ({"grid_search": [1, "b"]}, LIST),
        ([1, "b"], LIST),
        # Hyperopt
        ("hp.uniform('lr', 0, 1)", "lr: {type: float, low: 0.0, high: 1.0}"),
        ("hp.loguniform('x', -9.21034, -2.302585)", LOG),
        ("hp.quniform('lr', 0, 1, 0.5)", "lr: {type: float, low: 0.0, high: 1.0, step: 0.5}"),
        ("hp.uniformint('n', 1, 9)", "lr: {type: int, low: 1, high: 9}"),
        ("hp.choice('n', [1, 'b'])", LIST),
        # Optuna
        ("trial.suggest_float('lr', 1e-4, 1e-1, log=True)", LOG),
        ("suggest_loguniform('lr', 0.0001, 0.1)", LOG),
        ("trial.suggest_int('n', 1, 9, step=2)", FIVE),
        ("trial.suggest_categorical('n', [1, 'b'])", LIST),
        ("FloatDistribution(high=0.1, log=True, low=0.0001, step=None)", LOG),
        ({"name": "IntDistribution", "attributes": {"low": 1, "high": 9, "step": 2}}, FIVE),
        ({"type": "loguniform", "low": 1e-4, "high": 0.1}, LOG),
        ({"type": "IntDistribution", "low": 1, "high": 9, "step": 2}, FIVE),
    ],
)
def test_the_line_to_write(given, line):
    assert as_written_here("lr", given) == f"here it is {line}"
    ((name, spec),) = yaml.safe_load(line.partition(", without its step")[0]).items()
    assert name == "lr"
    SPEC_ADAPTER.validate_python(spec)


@pytest.mark.parametrize(
    "given", [3, 0.1, True, {"value": 3}, {"distribution": "constant", "value": 3}]
)
def test_one_value_is_fixed(given):
    assert "put it under `fixed` of the arm, as lr: " in as_written_here("lr", given)


@pytest.mark.parametrize(
    "given", [{"distribution": "normal", "mu": 0, "sigma": 1}, "tune.randn()"]
)
def test_what_is_no_range(given):
    assert as_written_here("lr", given).startswith("here values come from a range or from a list")


@pytest.mark.parametrize(
    "given", [None, "x", "os.system('true')", {}, {"distribution": []}, "f(", "a" * 400]
)
def test_what_is_of_no_known_form(given):
    assert as_written_here("lr", given) is None


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["type", "distribution", "min", "max", "low", "high", "q", "step", "log", "values"]
)


@given(st.dictionaries(KEYS, VALUES | st.sampled_from(sorted(_FORMS)), max_size=6))
def test_any_values_and_what_is_offered_is_accepted(given):
    words = as_written_here("lr", given)
    if words and words.startswith("here it is ") and "..." not in words:
        line = words.removeprefix("here it is ").partition(", without its step: ")[0]
        SPEC_ADAPTER.validate_python(yaml.safe_load(line)["lr"])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("method", "bayes", "method: is not a key here, but got 'bayes'; here it is --sampler"),
        ("metric", {"name": "acc"}, "metric: is not a key here, but got {'name': 'acc'}; here"),
        ("parameters", {}, "parameters: is not a key here, but got {}; here it is `space` of an"),
        ("objective", {"name": "accuracy", "goal": "maximize"}, "objective.goal: is not a key"),
        ("arms.tiny_cnn.parameters", {}, "arms.tiny_cnn.parameters: is not a key"),
        ("arms.tiny_cnn.space.lr", "uniform(0, 1)", "got 'uniform(0, 1)'; here it is lr: {type: "),
        ("arms.tiny_cnn.space.lr.min", 1, "lr.min: is not a key here, but got 1; here it is `l"),
        ("arms.tiny_cnn.space.lr", [1, "b"], f"got [1, 'b']; here it is {LIST}"),
        ("arms.tiny_cnn.space.lr.type", "loguniform", "got 'loguniform'; here it is lr: {type"),
        ("arms.tiny_cnn.space.lr", {"values": [1, "b"]}, f"`type` is missing; here it is {LIST}"),
    ],
)  # fmt: skip
def test_in_a_question(tmp_path, path, value, said):
    file = write_question(tmp_path, changed(question_mapping(), path, value))
    with pytest.raises(InputError) as caught:
        load_file(file)
    assert said in str(caught.value)


def test_a_whole_sweep_of_another_tool(tmp_path):
    sweep = {
        "program": "train.py",
        "method": "bayes",
        "metric": {"name": "val_loss", "goal": "minimize"},
        "parameters": {"lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1}},
        "early_terminate": {"type": "hyperband"},
    }
    with pytest.raises(InputError) as caught:
        load_file(write_question(tmp_path, sweep))
    for key in sweep:
        (line,) = [one for one in str(caught.value).splitlines() if f": {key}: " in one]
        assert "; here it is " in line
