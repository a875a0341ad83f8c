"""Whether the values of an arm's space fit its examples and one another, and what to say of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ibsweep.data import DataSchema
from ibsweep.errors import Fault, InputError
from ibsweep.models import MODELS
from ibsweep.questions.conditions import requirements
from ibsweep.questions.fitting import Fitting, fitting
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.space import highest
from ibsweep.questions.training_notes import class_notes, examples_of, training_notes

__all__ = ["fits_examples", "fitted", "space_notes"]

Place = tuple[str, ...]

_LARGE = 50_000_000
"""Parameters from which on a model's size is told."""


def fits_examples(arm: Arm, shape: Sequence[int], path: Place) -> Fitting:
    """Find what keeps a model of the table from being made for examples of a shape.

    Args:
        arm: The arm.
        shape: Of one example.
        path: Where the arm stands.
    """
    entry = MODELS[arm.model]

    def why_not(options: Mapping[str, Any]) -> str | None:
        try:
            entry.check(entry.with_defaults(options), tuple(shape))
        except InputError as error:
            return str(error)
        return None

    return fitted(arm, entry.checked, why_not, path)


def space_notes(
    question: Question,
    arm: Arm,
    data: DataSchema | None,
    model: Mapping[str, Any] | None,
    rungs: Sequence[int],
) -> list[str]:
    """Say which of an arm's combinations fail, and what of its space does nothing.

    Args:
        question: The question.
        arm: The arm.
        data: What the data are; None where that is not known before they are loaded.
        model: What the manifest keeps of a model of the user's own.
        rungs: Epochs at which trials are compared.
    """
    notes: list[str] = list((model or {}).get("notes", ()))
    if data is not None and arm.model in MODELS:
        notes += fits_examples(arm, data.example_shape, ()).notes
        notes += _size_notes(arm, data)
    examples = examples_of(data, arm.train_size) if data is not None and arm.train_size else None
    notes += training_notes(arm, examples, rungs)
    split = question.data.get("split")
    if data is not None and isinstance(split, dict):
        notes += class_notes(data, split, arm.train_size)
    return notes


def _size_notes(arm: Arm, data: DataSchema) -> list[str]:
    """Say how large the largest model of a space is, where memory may be short."""
    entry = MODELS[arm.model]
    tuned = {name: highest(spec) for name, spec in arm.space.items() if name in entry.options}
    numbers = {name: value for name, value in tuned.items() if not isinstance(value, str)}
    fixed = {name: value for name, value in arm.fixed.items() if name in entry.options}
    options = entry.with_defaults(fixed | numbers)
    outputs = len(data.classes or ()) or 1
    count = entry.parameters(options, data.example_shape, outputs)
    if count < _LARGE:
        return []
    shown = ", ".join(f"{name} {value!r}" for name, value in numbers.items())
    return [
        f"a model of {count:,} parameters is in the space ({shown}): with gradients and the "
        f"optimizer's state a replicate takes {16 * count / 1e9:.1f} GB"
    ]


def fitted(
    arm: Arm,
    names: Collection[str],
    why_not: Callable[[dict[str, Any]], str | None],
    path: Place,
    most: int | None = None,
) -> Fitting:
    """Try the values of some hyperparameters, and the baseline's, by a rule.

    Args:
        arm: The arm.
        names: The hyperparameters that the rule looks at.
        why_not: Says why values of them do not work, None where they do.
        path: Where the arm stands.
        most: How many values of a range are tried; None for the default.

    Returns:
        What was found, each fault with its place in the question.
    """
    needs = requirements(arm.space)  # on others may depend whether it is set at all
    looked_at = {*names, *(above for name in arm.space if name in names for above in needs[name])}
    space = {name: spec for name, spec in arm.space.items() if name in looked_at}
    fixed = {name: value for name, value in arm.fixed.items() if name in names}
    limits = {} if most is None else {"most": most}

    def rule(options: dict[str, Any]) -> str | None:
        return why_not({name: value for name, value in options.items() if name in names})

    found = fitting(space, fixed, rule, **limits)
    found.faults = [
        Fault((*path, *(("space", *fault.path) if fault.path else ("model",))), fault.text)
        for fault in found.faults
    ]
    if not found.faults and arm.baseline is not None:
        given = {name: value for name, value in arm.baseline.items() if name in names}
        if why := why_not({**fixed, **given}):
            found.faults.append(Fault((*path, "baseline"), f"cannot be trained: {why}"))
    return found
