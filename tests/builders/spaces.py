"""Search spaces of every kind, drawn at random, and what is found in them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tiny
from hypothesis import strategies as st

from ibsweep.questions.schema import Arm
from ibsweep.questions.space import SPEC_ADAPTER
from ibsweep.sweep.conditional import CONDITIONAL_SAMPLERS
from ibsweep.sweep.sampler_choice import SAMPLERS

FAST = [name for name in SAMPLERS if name != "gp"]
"""Samplers of which a test may ask many proposals."""


class Kind(NamedTuple):
    """A kind of spaces: further ones join here.

    Attributes:
        spaces: Draws a space, as a file has it.
        samplers: Those that can search it.
        further: Objectives besides the accuracy.
    """

    spaces: st.SearchStrategy[dict[str, Any]]
    samplers: tuple[str, ...]
    further: tuple[str, ...] = ()


def floats() -> st.SearchStrategy[dict[str, Any]]:
    ends = st.tuples(st.floats(1e-6, 1.0), st.floats(1.0, 1e6))
    return st.builds(
        lambda pair, log: {"type": "float", "low": pair[0], "high": pair[1], "log": log},
        ends,
        st.booleans(),
    )


def stepped() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda low, step, steps: {
            "type": "float",
            "low": low / 100,
            "high": (low + step * steps) / 100,
            "step": step / 100,
        },
        st.integers(-300, 300),
        st.integers(1, 70),
        st.integers(1, 30),
    )


def integers() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(
            lambda low, step, steps: {
                "type": "int",
                "low": low,
                "high": low + step * steps,
                "step": step,
            },
            st.integers(-20, 20),
            st.integers(1, 5),
            st.integers(1, 40),
        ),
        st.builds(
            lambda low, more: {"type": "int", "low": low, "high": low + more, "log": True},
            st.integers(1, 20),
            st.integers(1, 2000),
        ),
    )


def choices() -> st.SearchStrategy[dict[str, Any]]:
    values = st.one_of(
        st.booleans(),
        st.integers(-5, 5),
        st.floats(-5, 5, allow_nan=False).map(lambda x: x + 0.123),
        st.text("abc", min_size=1, max_size=3),
    )
    return st.lists(values, min_size=1, max_size=5, unique_by=lambda v: v).map(
        lambda found: {"type": "categorical", "choices": found}
    )


def plain_spaces() -> st.SearchStrategy[dict[str, Any]]:
    """Spaces of up to four hyperparameters, of all types."""
    specs = st.one_of(floats(), stepped(), integers(), choices())
    names = st.sampled_from(["a", "b", "c", "d"])
    return st.dictionaries(names, specs, min_size=1, max_size=4)


def conditional_spaces() -> st.SearchStrategy[dict[str, Any]]:
    """Spaces in which some are set with one value of another, or with one of such a one."""
    return st.builds(
        lambda first, second, third, more: {
            "kind": {"type": "categorical", "choices": ["x", "y", "z"]},
            "a": {**first, "when": {"kind": "x"}},
            "b": {**second, "when": {"kind": ["y", "z"]}},
            "deep": {"type": "int", "low": 1, "high": 3, "when": {"kind": "z"}},
            "c": {**third, "when": {"deep": [2, 3]}},
            **more,
        },
        st.one_of(floats(), stepped()),
        integers(),
        choices(),
        st.dictionaries(st.just("d"), st.one_of(floats(), choices()), max_size=1),
    )


KINDS = {
    "plain": Kind(plain_spaces(), tuple(FAST)),
    "conditional": Kind(conditional_spaces(), CONDITIONAL_SAMPLERS),
    "several objectives": Kind(
        plain_spaces(),
        (*(name for name in FAST if name != "cmaes"), "nsga2:population_size=4"),
        ("cross_entropy",),
    ),
}


def arm_of(space: dict[str, Any]) -> Arm:
    """Return an arm with a space, as a file has it."""
    specs = {name: SPEC_ADAPTER.validate_python(spec) for name, spec in space.items()}
    fixed = {"epochs": 9, "batch_size": 10, "lr": 0.1, "kernel_size": 3}
    return tiny.arm().model_copy(update={"space": specs, "baseline": None, "fixed": fixed})


def figure(config: dict[str, Any]) -> float:
    """A figure that follows from a configuration."""
    total = sum(
        math.atan(value) if isinstance(value, int | float) else len(value) / 3
        for value in config.values()
    )
    return 50 + 10 * math.sin(3 * total)


SMOOTH = {
    "a": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
    "b": {"type": "float", "low": -1.0, "high": 1.0},
    "c": {"type": "int", "low": 1, "high": 30},
}
TIGHT = {
    "a": {"type": "categorical", "choices": ["x", "y", 3]},
    "b": {"type": "int", "low": 1, "high": 4},
    "c": {"type": "float", "low": 0.0, "high": 1.0, "step": 0.25},
}
