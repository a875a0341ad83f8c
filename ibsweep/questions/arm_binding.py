"""One arm bound to its model or training function, and to the shape of the examples."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ibsweep.data import Dataset
from ibsweep.errors import Fault, InputError
from ibsweep.models.settings import known_settings, split_settings
from ibsweep.questions.arm_faults import settings_faults
from ibsweep.questions.arm_fitting import fitted
from ibsweep.questions.conditions import active_part, requirements
from ibsweep.questions.schema import Arm
from ibsweep.questions.space import extremes
from ibsweep.questions.training_notes import batch_faults
from ibsweep.user_code import load

__all__ = ["bind_function", "bind_model"]

Place = tuple[str, ...]

_PATIENCE = 3.0
"""Seconds in which values of an own model's hyperparameters are tried."""

_TRIED = 40
"""Values of a range that are tried of an own model, which is built for each."""


def bind_model(
    arm: Arm, dataset: Dataset | None, folder: Path | None, path: Place
) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Load an arm's own model, and try it on examples.

    Args:
        arm: The arm.
        dataset: The data; None where they could not be had, so that only the code is checked.
        folder: The folder of the question file.
        path: Where the arm stands.

    Returns:
        What a manifest keeps of it: ``OwnModel.schema``, ``fused`` and ``why``, ``parameters``,
        ``unfit`` as in ``Fitting``. None where something is wrong. And everything that is wrong.
    """
    from ibsweep.models.lookalike import lookalike  # torch
    from ibsweep.models.own import own_model

    try:
        model = own_model(arm.model, folder)
        schema = model.schema()
        known = known_settings(arm.model, schema)
    except InputError as error:
        return None, _faults(error, arm.model, (*path, "model"))
    faults = list(settings_faults(path, arm.model_dump(), known, arm.model))
    if any("is not a hyperparameter of" in fault.text for fault in faults):
        signature = inspect.signature(model.function)
        text = f"its signature is {arm.model.rpartition(':')[2]}{signature}"
        faults.append(Fault((*path, "model"), text))
    if faults or dataset is None:
        return None, faults
    outputs = 1 if dataset.classes is None else len(dataset.classes)
    shape, stop = dataset.example_shape, time.monotonic() + _PATIENCE
    untried = 0

    def why_not(options: dict[str, Any]) -> str | None:
        try:
            model.try_out(shape, outputs, options)
        except InputError as error:
            return str(error).removeprefix(f"{arm.model}: ").removeprefix(f"{arm.model} ")
        return None

    def why_not_in_time(options: dict[str, Any]) -> str | None:
        nonlocal untried
        if time.monotonic() <= stop:
            return why_not(options)
        untried += 1
        return None  # nobody knows

    fit = fitted(arm, schema["options"], why_not_in_time, path, _TRIED)
    if fit.faults:
        return None, fit.faults
    notes, unfit = fit.notes, fit.unfit or (None if untried else fit.unfit)
    if untried:
        notes.append(
            f"in {_PATIENCE:g} s not all values of {arm.model} could be tried: each configuration "
            "is tried before it is trained, and passed over where it does not work"
        )
    options = [
        (place, chosen)
        for place, chosen in _corners(arm, known)
        if unfit is False or why_not(chosen) is None
    ]
    if not options and fit.works is not None:
        options = [((), split_settings({**_of_model(arm.fixed, known), **fit.works})[1])]
    verdicts, parameters = [], []
    for place, chosen in options:
        try:
            verdicts.append(model.probe(dataset.example_shape, outputs, chosen))
            module = model.module(dataset.example_shape, outputs, chosen)
        except InputError as error:
            faults += _faults(error, arm.model, (*path, *(place or ("model",))))
            break  # the next corner would say the same
        parameters.append(sum(one.numel() for one in module.parameters() if one.requires_grad))
    if faults:
        return None, list(dict.fromkeys(faults))
    worst = next((one for one in verdicts if not one.fused), verdicts[0])
    found: dict[str, Any] = {"fused": worst.fused, "why": worst.why, "parameters": parameters[0]}
    found["unfit"] = unfit
    found["least_batch"] = min(one.least_batch for one in verdicts)
    most = max(one.least_batch for one in verdicts)
    if most > found["least_batch"] and batch_faults(arm, most, None, ()):
        notes.append(
            f"a batch_size below {most} cannot be trained with some options of {arm.model}, which "
            "compare the examples of a batch as BatchNorm does; trials of these FAIL"
        )
    if notes:
        found["notes"] = notes
    if alike := lookalike(module):
        found["alike"] = alike
    return {**schema, **found}, []


def bind_function(arm: Arm, folder: Path | None, path: Place) -> list[Fault]:
    """Load an arm's training function; return everything that is wrong with it."""
    assert arm.train is not None
    text = "must be a function of (config, data, seed, report)"
    try:
        function = load(arm.train, folder)
    except InputError as error:
        return _faults(error, arm.train, (*path, "train"))
    if not callable(function):
        return [Fault((*path, "train"), f"{text}, but is {type(function).__name__}")]
    try:
        inspect.signature(function).bind({}, None, 0, None)
    except TypeError:
        signature = f"{arm.train.rpartition(':')[2]}{inspect.signature(function)}"
        return [Fault((*path, "train"), f"{text}, but is {signature}")]
    except ValueError:  # a builtin, which has no signature to look at
        pass
    return []


def _corners(arm: Arm, known: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield options of the model from the edges of the space, and the hyperparameter that varies:
    all at their lowest, then each at its other ends alone, then all at their highest. What is
    conditional is tried where it is set.
    """
    low = {name: extremes(spec)[0] for name, spec in arm.space.items()}
    high = {name: extremes(spec)[-1] for name, spec in arm.space.items()}
    points: list[tuple[Place, dict[str, Any]]] = [((), low)]
    asked = requirements(arm.space)
    for name, spec in arm.space.items():
        below = low | {above: values[0] for above, values in asked[name].items()}
        values = extremes(spec) if spec.when else extremes(spec)[1:]
        points += [(("space", name), {**below, name: value}) for value in values]
    seen: list[dict[str, Any]] = []
    for place, config in (*points, ((), high)):
        settings = {**arm.fixed, **active_part(arm.space, config)}
        options = split_settings(_of_model(settings, known))[1]
        if options not in seen:
            seen.append(options)
            yield place, options


def _of_model(settings: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in known}


def _faults(error: InputError, reference: str, path: Place) -> list[Fault]:
    lines = str(error).splitlines()
    return [Fault(path, line.removeprefix(f"{reference}: ")) for line in lines]
