"""What is wrong in a distribution: all of it at once, and advice that can be taken."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from questions import arm_mapping, question_mapping, write_question

from ibsweep.errors import InputError
from ibsweep.questions.files import load_file
from ibsweep.questions.space import SPEC_ADAPTER

NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.1, 0.3, 1.0, 1e-5, 1e-17, 1e17, 1e30, -0.0, -1.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-100, 100, places=2).map(float),
)
WHOLE = st.one_of(st.integers(-20, 20), st.integers(-(2**53), 2**53))


def ranges(kind, numbers):
    steps = st.one_of(st.none(), numbers)
    fields = {"type": st.just(kind), "low": numbers, "high": numbers, "log": st.booleans()}
    return st.fixed_dictionaries({**fields, "step": steps}).map(
        lambda spec: {key: value for key, value in spec.items() if value is not None}
    )


def faults(spec):
    try:
        SPEC_ADAPTER.validate_python(spec)
    except ValidationError as error:
        return [details["msg"] for details in error.errors()]
    return []


def advised(spec, text):
    """Return a spec as the advice of a message has it."""
    changed = dict(spec)
    advice = text.rpartition("; ")[2]
    if advice == "swap them":
        changed["low"], changed["high"] = spec["high"], spec["low"]
    elif number := re.fullmatch(r"a (high|step) of (\S+) would do", advice):
        changed[number[1]] = ast.literal_eval(number[2])
    elif number := re.fullmatch(r"such as (\S+)", advice):
        changed[min("low", "high", key=lambda end: spec[end])] = ast.literal_eval(number[1])
    elif advice == "1 is the least":
        changed[min("low", "high", key=lambda end: spec[end])] = 1
    elif advice in ("leave one out", "leave `step` out", "or leave it out", "or leave `step` out"):
        changed.pop("step", None)
    elif advice == "leave `log` out":
        changed.pop("log", None)
    else:
        raise AssertionError(text)
    return changed


@given(st.one_of(ranges("float", NUMBERS), ranges("int", WHOLE)))
def test_who_takes_the_advice_is_not_refused(spec):
    """Each piece of advice makes its own fault vanish, and all of them together every fault."""
    found = faults(spec)
    for text in found:
        assert text not in faults(advised(spec, text))
    mended = dict(spec)
    # the ends first: what is said of a step is said of a range whose ends are in order
    for text in sorted(found, key=lambda one: "swap them" not in one):
        mended = advised(mended, text)
    assert faults(mended) == []


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ({"low": 0.1, "high": 1.0, "step": 0.4}, "a high of 0.9 would do"),
        ({"low": 0.0, "high": 0.3, "step": 0.5}, "a step of 0.3 would do"),
        ({"low": 1e-17, "high": 1.0, "step": 0.3}, "or leave `step` out"),
        ({"low": 0.0, "high": 1e-5, "log": True}, "such as 1e-08"),
        ({"low": -2.0, "high": -1.0, "log": True}, "leave `log` out"),
    ],
)
def test_advice(spec, advice):
    (text,) = faults({"type": "float", **spec})
    assert text.endswith(f"; {advice}")


def lines_of(folder, **space):
    spaces = arm_mapping()["space"] | space
    fixed = {name: None for name in ("fixed",) if "kernel_size" in space}
    question = question_mapping(arms={"tiny_cnn": arm_mapping(space=spaces, **fixed)})
    file = write_question(folder, question)
    with pytest.raises(InputError) as caught:
        load_file(file)
    where = f"{file}: arms.tiny_cnn.space."
    return [line.removeprefix(where) for line in str(caught.value).splitlines()]


def test_all_that_is_wrong_in_choices_is_said_at_once(tmp_path):
    choices = [10, 10.0, "10", True, None, [1, 2], float("nan"), 1]
    lines = lines_of(tmp_path, batch_size={"type": "categorical", "choices": choices})
    found = {line.partition(": ")[0] for line in lines}
    assert found == {f"batch_size.choices[{i}]" for i in range(1, 8)}
    assert (
        "batch_size.choices[1]: `choices` must differ, but got 10.0, which is 10 to Optuna; leave "
        "one out"
    ) in lines
    assert "batch_size.choices[2]: must be an integer of at least 1, but got '10'" in lines
    assert "batch_size.choices[3]: must be an integer of at least 1, but got True" in lines


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ([1, True], "but got True, which is 1 to Optuna; leave one out"),
        ([0.5, "a", "a"], "but got 'a' twice; leave one out"),
        ([False, 0.0], "but got 0.0, which is False to Optuna; leave one out"),
    ],
)
def test_choices_that_are_one_are_both_named(choices, said):
    (text,) = faults({"type": "categorical", "choices": choices})
    assert text.endswith(said)


def test_all_that_is_wrong_in_a_range_is_said_at_once(tmp_path):
    spec = {"type": "float", "low": 2, "high": -1, "step": "x", "log": 1, "lgo": True}
    lines = lines_of(tmp_path, lr=spec)
    told = [
        "lr.log: must be true or false, but got 1",
        "lr.step: must be a number, but got 'x'",
        "lr.lgo: is not a key here, but got True; did you mean 'low' or 'log'?",
        "lr: `low <= high` must hold, but got low=2.0, high=-1.0; swap them",
        "lr.high: must be a number above 0, but got -1",
    ]
    assert lines == told


def test_ends_that_are_the_wrong_way_round_are_held_against_the_hyperparameter(tmp_path):
    lines = lines_of(tmp_path, lr={"type": "float", "low": -5, "high": -6})
    assert lines == [
        "lr: `low <= high` must hold, but got low=-5.0, high=-6.0; swap them",
        "lr.low: must be a number above 0, but got -5",
        "lr.high: must be a number above 0, but got -6",
    ]


def test_one_end_is_held_against_the_hyperparameter_while_the_other_is_malformed(tmp_path):
    lines = lines_of(tmp_path, epochs={"type": "int", "low": 0, "high": "many"})
    assert lines == [
        "epochs.high: must be an integer, but got 'many'",
        "epochs.low: must be an integer of at least 1, but got 0",
    ]
