"""What of a space trains alike or for nothing, though every value of it is legal.

Sizes of batches beyond the training set, schedules that an epoch count never reaches, trials that
end before they are compared: none of it fails, and whoever tunes over it should know.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault
from ibsweep.questions.conditions import requirements
from ibsweep.questions.space import CategoricalSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ibsweep.data.schema import DataSchema
    from ibsweep.questions.schema import Arm
    from ibsweep.questions.space import Spec

__all__ = ["batch_faults", "class_notes", "examples_of", "training_notes"]

_MANY = 0.5
"""Share of the trials that are not compared from which on it is worth a line."""


def examples_of(schema: DataSchema, train_size: int) -> int:
    """Return how many examples a training set of some size has in all."""
    classes = len(schema.classes or ()) if schema.per == "class" else 1
    return train_size * classes


def training_notes(arm: Arm, examples: int | None, rungs: Sequence[int]) -> list[str]:
    """Say what of an arm's space does nothing, a line each.

    Args:
        arm: The arm.
        examples: Of a training set; None where that is not known yet.
        rungs: Epochs at which trials are compared.
    """
    if arm.train:
        return []  # what its settings do is the function's own affair
    notes = []
    epochs = _range(arm, "epochs") or (1, 1)
    if examples is not None and (same := _at_least(arm.space.get("batch_size"), examples)):
        notes.append(
            f"batch_size {same} train alike: a training set has {examples} examples, and any "
            "batch of that size or more takes them at once"
        )
    if rungs and (share := _share_below(arm.space.get("epochs"), rungs[0])) >= _MANY:
        notes.append(
            f"about {100 * share:.0f} % of the trials are never compared, and so never pruned: "
            f"they end before epoch {rungs[0]}, which is an eighth of the longest"
        )
    schedules = arm.space.get("schedule")
    possible = (
        schedules.choices
        if isinstance(schedules, CategoricalSpec)
        else (arm.fixed.get("schedule", "constant"),)
    )
    steps = _range(arm, "step_size") or (30, 30)
    if "step" in possible and steps[1] >= epochs[0]:
        notes.append(
            f"the step schedule with a step_size of {steps[1]} does nothing in trials of "
            f"{epochs[0]} epochs: no step lies within them"
        )
    warmup = _range(arm, "warmup_epochs")
    if warmup is not None and warmup[1] >= epochs[0]:
        notes.append(
            f"with warmup_epochs {warmup[1]}, trials of {epochs[0]} epochs end before the "
            "learning rate is reached"
        )
    notes += _two_in_one(arm)
    return notes


def _two_in_one(arm: Arm) -> Iterator[str]:
    """Say where a momentum is tuned that is something else for another optimiser."""
    if "momentum" not in arm.space or "beta1" in {**arm.fixed, **arm.space}:
        return
    optimizer = arm.space.get("optimizer")
    possible = optimizer.choices if isinstance(optimizer, CategoricalSpec) else ()
    possible = requirements(arm.space)["momentum"].get("optimizer", possible)
    others = [one for one in possible if one != "sgd"]
    if others and len(others) < len(possible):
        named = others[0] if len(others) == 1 else f"[{', '.join(others)}]"
        yield (
            f"momentum is beta1 where optimizer is {' or '.join(others)}: momentum with `when: "
            f"{{optimizer: sgd}}`, and beta1 with `when: {{optimizer: {named}}}`, are each "
            "searched for themselves"
        )


def class_notes(data: DataSchema, split: Mapping[str, Any], train_size: int) -> list[str]:
    """Say which sets of a replicate are too small to hold every class, a line each.

    Args:
        data: What the data are.
        split: How they are split, as the question has it.
        train_size: Size of the training set.
    """
    count = len(data.classes or ())
    if data.per == "class":
        return []  # each class has as many
    sizes = {"training": train_size, "validation": split.get("valid"), "test": split.get("test")}
    return [
        f"a {name} set of {size} {data.noun} cannot hold all {count} classes; `per: class` in the "
        "split gives each its own"
        for name, size in sizes.items()
        if isinstance(size, int) and 0 < size < count
    ]


def batch_faults(arm: Arm, least: int, examples: int | None, path: tuple[str, ...]) -> list[Fault]:
    """Find the sizes that a model cannot be trained with which compares a batch's examples.

    Args:
        arm: The arm.
        least: How many examples such a batch must have.
        examples: Of a training set; None where that is not known.
        path: Where the arm stands.
    """
    why = (
        f"must be at least {least}: the model compares the examples of a batch, as BatchNorm does"
    )
    faults = []
    if examples is not None and examples < least:
        faults.append(Fault((*path, "train_size"), f"{why}, but a training set has {examples}"))
    spec = arm.space.get("batch_size")
    places: dict[tuple[str | int, ...], Any]
    if isinstance(spec, CategoricalSpec):
        places = {("space", "batch_size", "choices", i): v for i, v in enumerate(spec.choices)}
    elif spec is not None:
        places = {("space", "batch_size", "low"): spec.low}
    else:
        places = {("fixed", "batch_size"): arm.fixed.get("batch_size", least)}
    faults += [
        Fault((*path, *place), f"{why}, but got {value}")
        for place, value in places.items()
        if value < least
    ]
    return faults


def _range(arm: Arm, name: str) -> tuple[Any, Any] | None:
    """Return the least and the greatest value of a number; None where it is not set."""
    spec = arm.space.get(name)
    if spec is None:
        return (arm.fixed[name],) * 2 if name in arm.fixed else None
    if isinstance(spec, CategoricalSpec):
        return min(spec.choices), max(spec.choices)
    return spec.low, spec.high


def _at_least(spec: Spec | None, least: int) -> str:
    """Say which values of a spec are at least so large, where these are more than one."""
    if isinstance(spec, CategoricalSpec):
        values = [str(one) for one in spec.choices if one >= least]
        return ", ".join(values) if len(values) > 1 else ""
    return f"{max(least, spec.low)} to {spec.high}" if spec and spec.high > least else ""


def _share_below(spec: Spec | None, value: float) -> float:
    """Return the share of a spec's values that lie below one, as a sampler first draws them."""
    if spec is None:
        return 0.0
    if isinstance(spec, CategoricalSpec):
        return len([one for one in spec.choices if one < value]) / len(spec.choices)
    low, high = (math.log(v) if spec.log else v for v in (spec.low, spec.high))
    below = math.log(value) if spec.log else value
    share: float = (below - low) / (high - low) if high > low else 0.0
    return min(max(share, 0.0), 1.0)
