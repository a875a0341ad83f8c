"""What can be wrong between the parts of a question, each of which is well formed.

A file's malformed parts are reported from pydantic's errors (``structure``). They are passed over
here, where a place may hold anything, so that both kinds of faults are reported at once.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ibsweep.data import data_faults, document_of_task
from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.models import MODELS
from ibsweep.models.settings import TRAINING_KEYS, name_faults, setting_faults, unused_faults
from ibsweep.questions.space import (
    SPEC_ADAPTER,
    CategoricalSpec,
    Spec,
    config_faults,
    space_faults,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["EFFICIENCY", "inconsistencies"]

EFFICIENCY = [10, 30, 50, 100, 200, 300, 500]
"""Images per class at which best configurations are compared where a file does not say."""


def inconsistencies(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what is wrong between the parts of a question.

    Args:
        data: The question as plain data. Parts that are malformed are passed over, so that a file
            with faults of both kinds shows them all at once.
    """
    task = data.get("task")
    sizes = None
    if isinstance(task, dict):
        wrong = [_in_task(fault) for fault in data_faults(document_of_task(task))]
        yield from (Fault(("task", *fault.path), fault.text) for fault in wrong)
        if all(fault.path[0] != "train_images" for fault in wrong):
            sizes = list(task["train_images"])
    arms = _mapping(data.get("arms"))
    taken = {"baseline", *arms}
    for name, arm in arms.items():
        yield from _arm_faults(("arms", name), _mapping(arm), sizes)
        for variant in _mapping(_mapping(arm).get("variants")):
            if variant in taken:
                text = "is the name of an arm or of another setting; choose another"
                yield Fault(("arms", name, "variants", variant), text)
            taken.add(variant)
    rising = _list(data.get("efficiency"))
    if all(map(_is_count, rising)) and rising != sorted(set(rising)):
        text = f"must rise, such as [10, 30, 100], but got {format_value(rising)}"
        yield Fault(("efficiency",), text)
    seen: list[object] = []
    for i, claim in enumerate(map(_mapping, _list(data.get("claims")))):
        for j, test in enumerate(map(_mapping, _list(claim.get("tests")))):
            yield from _test_faults(("claims", i, "tests", j), test, arms, rising or EFFICIENCY)
        if "id" in claim and claim["id"] in seen:
            text = f"must be used once, but got {format_value(claim['id'])} again; choose another"
            yield Fault(("claims", i, "id"), text)
        seen.append(claim.get("id"))


def _in_task(fault: Fault) -> Fault:
    """Return a fault of a data document with its place in a task."""
    path = fault.path
    if path[0] == "split":
        path = (f"{path[1]}_images", *path[2:])
    return Fault(path, fault.text)


def _value_faults(
    space: Mapping[str, Any], given: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Fault]:
    """Find the values that a space cannot give; none of them has to be there."""
    specs = _specs(space)
    known = {k: v for k, v in given.items() if k in specs or k not in space}
    faults = config_faults(specs, known, path)
    yield from (fault for fault in faults if fault.path[-1] in known)


def _test_faults(
    path: tuple[str | int, ...],
    test: Mapping[str, Any],
    arms: Mapping[str, Any],
    rising: list[Any],
) -> Iterator[Fault]:
    for key, values in (("arm", "where"), ("than", "than_where")):
        name = test.get(key)
        if not isinstance(name, str) or not arms:
            continue  # reported where the structure is checked
        if name not in arms:
            text = f"must name an arm, but got {format_value(name)}; {suggestion(name, arms)}"
            yield Fault((*path, key), text)
            continue
        space = _mapping(_mapping(arms[name]).get("space"))
        given = _mapping(test.get(values))
        yield from _value_faults(space, given, (*path, values))
    size_key = "images" if "images" in test else "train_size"
    size = test.get(size_key)
    named = [arms[name] for name in list(arms) if name in (test.get("arm"), test.get("than"))]
    known = [*rising, *(_mapping(arm).get("images") for arm in named)]
    if _is_count(size) and size not in known:
        choices = f"`efficiency`, {format_value(rising)}, or the arm's own"
        text = f"must be one of {choices}, but got {size}"
        yield Fault((*path, size_key), text)
    sides = (test.get("arm"), test.get("than"))
    same_values = _mapping(test.get("where")) == _mapping(test.get("than_where"))
    if isinstance(sides[0], str) and sides[0] == sides[1] and same_values:
        yield Fault((*path, "than"), "must differ from `arm`; name another arm or other values")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _arm_faults(
    path: tuple[str, ...], arm: Mapping[str, Any], sizes: list[int] | None
) -> Iterator[Fault]:
    if arm.get("name", path[-1]) != path[-1]:
        name = format_value(arm["name"])
        text = f"must be the arm's key, {path[-1]!r}, or left out, but got {name}"
        yield Fault((*path, "name"), text)
    if sizes is not None:
        yield from _images_faults(path, arm, sizes)
    model = arm.get("model")
    if isinstance(model, str) and model in MODELS:
        yield from _settings_faults(path, arm, model)
    elif isinstance(model, str):
        text = f"must be a model, but got {model!r}; {suggestion(model, MODELS)}"
        yield Fault((*path, "model"), text)


def _images_faults(
    path: tuple[str, ...], arm: Mapping[str, Any], sizes: list[int]
) -> Iterator[Fault]:
    """Find the numbers of images, the arm's and its figures', that no training set has."""
    places: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [((), arm)]
    settings: dict[tuple[str, ...], Mapping[str, Any]] = {(): arm}
    for name, variant in _mapping(arm.get("variants")).items():
        settings["variants", name] = _mapping(variant)
    for place, setting in settings.items():
        figures = enumerate(map(_mapping, _list(setting.get("notebook"))))
        places += [((*place, "notebook", i), figure) for i, figure in figures]
    for inside, holder in places:
        images = holder.get("images")
        if _is_count(images) and images not in sizes:
            text = f"must be one of the task's train_images {sizes}, but got {images}"
            yield Fault((*path, *inside, "images"), text)


def _settings_faults(path: tuple[str, ...], arm: Mapping[str, Any], model: str) -> Iterator[Fault]:
    """Find what is wrong in the fixed settings, the space and its points."""
    fixed, space, baseline = (_mapping(arm.get(key)) for key in ("fixed", "space", "baseline"))
    specs = _specs(space)
    yield from setting_faults(model, fixed, (*path, "fixed"))
    yield from name_faults(model, space, (*path, "space"))
    yield from space_faults(model, specs, (*path, "space"))
    for name in fixed:
        if name in space:
            text = "stands in both `fixed` and `space`; leave one out"
            yield Fault((*path, "fixed", name), text)
    possible: dict[str, Any] = {name: (value,) for name, value in fixed.items()} | {
        name: spec.choices for name, spec in specs.items() if isinstance(spec, CategoricalSpec)
    }
    ranges: dict[str, Any] = dict.fromkeys(specs, ())
    for fault in unused_faults(ranges | possible):
        yield Fault(
            (*path, "fixed" if fault.path[0] in fixed else "space", *fault.path), fault.text
        )
    if not space:
        return
    for name, parameter in TRAINING_KEYS.items():
        if parameter.required and name not in (*fixed, *space):
            text = f"needs `{name}`, which has no default; put it into `space` or `fixed`"
            yield Fault(path, text)
    if isinstance(arm.get("baseline"), dict):
        given = {k: v for k, v in baseline.items() if k in specs or k not in space}
        yield from config_faults(specs, given, (*path, "baseline"))
    for name, variant in _mapping(arm.get("variants")).items():
        changes = _mapping(_mapping(variant).get("changes"))
        yield from _value_faults(space, changes, (*path, "variants", name, "changes"))


def _specs(space: Mapping[str, Any]) -> dict[str, Spec]:
    """Return the well formed distributions of a space."""
    specs = {}
    for name, data in space.items():
        with suppress(ValidationError):
            specs[name] = SPEC_ADAPTER.validate_python(data)
    return specs


def _mapping(data: object) -> dict[str, Any]:
    """Return what a mapping holds under textual keys, nothing for anything else."""
    return {k: v for k, v in data.items() if isinstance(k, str)} if isinstance(data, dict) else {}


def _list(data: object) -> list[Any]:
    return list(data) if isinstance(data, list | tuple) else []
