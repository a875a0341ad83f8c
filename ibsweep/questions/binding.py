"""A question with its data and code: loaded, and all that is wrong between them found at once.

Only what trains binds a question. What reads results needs no more than a manifest holds.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep import user_code
from ibsweep.data import open_dataset
from ibsweep.data.faults import DataError
from ibsweep.errors import Fault, InputError, suggestion
from ibsweep.metrics import METRICS
from ibsweep.models import MODELS
from ibsweep.models.settings import TRAINING_KEYS, split_settings
from ibsweep.questions.arm_faults import settings_faults
from ibsweep.questions.completion import EFFICIENCY
from ibsweep.questions.space import extremes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ibsweep.data import DataSchema
    from ibsweep.questions.schema import Arm, Question

__all__ = ["Bound", "bind"]


@dataclass(frozen=True)
class Bound:
    """A question whose data and code are there and fit.

    Attributes:
        question: The question, with the sizes that its data tell.
        folder: The folder of its file; None for a question that comes with ibsweep.
        data: What its data are.
        code: sha256 by path of the user's own code.
        models: For each arm that has a model of the user's own, what a manifest keeps of it.
    """

    question: Question
    folder: Path | None
    data: DataSchema
    code: dict[str, str]
    models: dict[str, dict[str, Any]]


def bind(question: Question, arms: Sequence[str], folder: Path | None, where: str = "") -> Bound:
    """Load a question's data, and the code that some of its arms name.

    Args:
        question: The question.
        arms: The arms that are to be trained.
        folder: The folder of its file, None for a question that comes with ibsweep.
        where: The file, for messages.

    Raises:
        InputError: One line for everything that is wrong, each with its place in the file.
    """
    faults: list[Fault] = []
    models: dict[str, dict[str, Any]] = {}
    data = _open(question, folder, faults)
    if data is not None:
        question = _sized(question, data)
        faults += _metric_faults(question, data, folder)
    for name in arms:
        arm = question.arms[name]
        try:
            if arm.train:
                faults += _function_faults(arm, folder)
            elif arm.model in MODELS:
                faults += _shape_faults(arm, data) if data else []
            else:
                models[name] = _own_model(arm, data, folder, faults)
        except InputError as error:
            faults += [Fault(("arms", name, _key(arm)), line) for line in _lines(error)]
    if faults:
        prefix = f"{where}: " if where else ""
        raise InputError("\n".join(f"{prefix}{fault}" for fault in faults))
    assert data is not None, "or there is a fault"
    return Bound(question, folder, data, user_code.code_files(question.references, folder), models)


def _lines(error: InputError) -> list[str]:
    return str(error).splitlines()


def _key(arm: Arm) -> str:
    return "train" if arm.train else "model"


def _open(question: Question, folder: Path | None, faults: list[Fault]) -> DataSchema | None:
    try:
        return open_dataset(question.data, folder).schema
    except DataError as error:
        for fault in error.faults:
            # A file has the split beside the data, not in it.
            inside = fault.path[:1] == ("split",)
            faults.append(Fault(fault.path if inside else ("data", *fault.path), fault.text))
    except InputError as error:
        faults += [Fault(("data", "from"), line) for line in _lines(error)]
    return None


def _sized(question: Question, data: DataSchema) -> Question:
    """Return a question whose sizes are those that its data have."""
    arms = {
        name: arm.model_copy(update={"train_size": arm.train_size or data.train_sizes[0]})
        for name, arm in question.arms.items()
    }
    efficiency = question.efficiency
    if not efficiency:
        largest = data.largest or EFFICIENCY[-1]
        steps = EFFICIENCY if data.per == "class" else [largest // n for n in (8, 4, 2, 1)]
        known = {*data.train_sizes, *(size for size in steps if 0 < size <= largest)}
        efficiency = tuple(sorted(known))
    return question.model_copy(update={"arms": arms, "efficiency": efficiency})


def _metric_faults(question: Question, data: DataSchema, folder: Path | None) -> Iterator[Fault]:
    kind = "number" if data.classes is None else "classes"
    for i, metric in enumerate((question.objective, *question.metrics)):
        place: tuple[str | int, ...] = ("metrics", i - 1) if i else ("objective",)
        if metric.reference:
            try:
                user_code.load(metric.reference, folder)
            except InputError as error:
                yield from (Fault(place, line) for line in _lines(error))
        elif METRICS[metric.metric].target not in (kind, "any"):
            fitting = sorted(name for name, one in METRICS.items() if one.target in (kind, "any"))
            what = "numbers" if data.classes is None else f"{len(data.classes)} classes"
            text = f"must fit a target of {what}, but got {metric.metric}"
            yield Fault(place, f"{text}; {', '.join(fitting)} do")


def _function_faults(arm: Arm, folder: Path | None) -> Iterator[Fault]:
    assert arm.train is not None
    function = user_code.load(arm.train, folder)
    wanted = "(config, data, seed, report)"
    path = ("arms", arm.name, "train")
    if not callable(function):
        kind = type(function).__name__
        yield Fault(path, f"{arm.train} must be a function {wanted}, but is {kind}")
        return
    signature = inspect.signature(function)
    try:
        signature.bind(None, None, None, None)
    except TypeError:
        yield Fault(path, f"{arm.train} must take {wanted}, but takes {signature}")


def _points(arm: Arm) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield settings at the ends of the space: all low, then each one's others by themselves."""
    low = {**arm.fixed, **{name: extremes(spec)[0] for name, spec in arm.space.items()}}
    yield None, low
    for name, spec in arm.space.items():
        for value in extremes(spec)[1:]:
            yield name, {**low, name: value}


def _shape_faults(arm: Arm, data: DataSchema) -> list[Fault]:
    """Find the options of a built-in model that the examples are too small for."""
    entry = MODELS[arm.model]
    for name, settings in _points(arm):
        _, options = split_settings(settings)
        try:
            entry.check(entry.with_defaults(options), data.example_shape)
        except InputError as error:
            place = ("space", name) if name else ("model",)
            return [Fault(("arms", arm.name, *place), line) for line in _lines(error)]
    return []


def _own_model(
    arm: Arm, data: DataSchema | None, folder: Path | None, faults: list[Fault]
) -> dict[str, Any]:
    """Return what a manifest keeps of a model of the user's own, having tried it."""
    from ibsweep.models.own import own_model  # torch

    model = own_model(arm.model, folder)
    document = arm.model_dump(exclude_none=True)
    # What the training loop takes is checked where the file is read.
    known = {**TRAINING_KEYS, **model.options}
    wrong = [
        fault
        for fault in settings_faults(("arms", arm.name), document, known, arm.model)
        if fault.path[-1] not in TRAINING_KEYS
    ]
    for name in (*arm.fixed, *arm.space):
        if name not in known and not any(fault.path[-1] == name for fault in wrong):
            place = ("arms", arm.name, "fixed" if name in arm.fixed else "space", name)
            wrong.append(Fault(place, f"is no argument of it; {suggestion(name, known)}"))
    faults += wrong
    kept: dict[str, Any] = model.schema()
    if wrong or data is None:
        return kept
    outputs = 1 if data.classes is None else len(data.classes)
    verdicts = []
    for varied, settings in _points(arm):
        _, options = split_settings(settings)
        if varied is not None and varied not in options:
            continue  # a setting of the loop
        verdicts.append(model.probe(data.example_shape, outputs, options))
        if len(verdicts) == 1:
            module = model.module(data.example_shape, outputs, options)
            kept["parameters"] = sum(p.numel() for p in module.parameters())
    apart = next((verdict for verdict in verdicts if not verdict.fused), None)
    return {**kept, "fused": apart is None, "why": (apart or verdicts[0]).why}
