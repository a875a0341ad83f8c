"""What can be wrong between the parts of a question, each well formed in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ibsweep.data import task_faults
from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.models import MODELS
from ibsweep.models.settings import TRAINING_KEYS, name_faults, setting_faults
from ibsweep.questions.space import SPEC, Spec, config_faults, space_faults

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
        wrong = task_faults(task)
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


def _value_faults(
    space: Mapping[str, Any], given: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Fault]:
    """Find the values that a space cannot give; none of them has to be there."""
    specs = {name: spec for name, spec in map(_parsed, space.items()) if spec is not None}
    for fault in config_faults(specs, given, path):
        name = fault.path[-1]
        if name in given and (name in specs or name not in space):
            yield fault


def _test_faults(
    path: tuple[str | int, ...],
    test: Mapping[str, Any],
    arms: Mapping[str, Any],
    rising: list[Any],
) -> Iterator[Fault]:
    for key, values in (("arm", "where"), ("than", "than_where")):
        name = test.get(key)
        if key not in test or not arms:
            continue
        if not isinstance(name, str):
            continue  # said where its type is checked
        if name not in arms:
            text = f"must name an arm, but got {format_value(name)}; {suggestion(str(name), arms)}"
            yield Fault((*path, key), text)
            continue
        space = _mapping(_mapping(arms[name]).get("space"))
        given = _mapping(test.get(values))
        yield from _value_faults(space, given, (*path, values))
    images = test.get("images")
    named = [arms[name] for name in list(arms) if name in (test.get("arm"), test.get("than"))]
    known = [*rising, *(_mapping(arm).get("images") for arm in named)]
    if _is_count(images) and images not in known:
        choices = f"`efficiency`, {format_value(rising)}, or the arm's own"
        text = f"must be one of {choices}, but got {images}"
        yield Fault((*path, "images"), text)
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
    variants = {k: _mapping(v) for k, v in _mapping(arm.get("variants")).items()}
    trained: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [((), arm)]
    published: dict[tuple[str, ...], Mapping[str, Any]] = {("notebook",): arm}
    published |= {("variants", name, "notebook"): v for name, v in variants.items()}
    for keys, holder in published.items():
        figures = enumerate(map(_mapping, _list(holder.get("notebook"))))
        trained += [((*keys, i), figure) for i, figure in figures]
    for place, holder in trained:
        images = holder.get("images")
        if sizes is not None and _is_count(images) and images not in sizes:
            text = f"must be one of the task's train_images {sizes}, but got {images}"
            yield Fault((*path, *place, "images"), text)
    model = arm.get("model")
    if not isinstance(model, str):
        return
    if model not in MODELS:
        text = f"must be a model, but got {model!r}; {suggestion(model, MODELS)}"
        yield Fault((*path, "model"), text)
        return
    fixed, space, baseline = (_mapping(arm.get(key)) for key in ("fixed", "space", "baseline"))
    specs = {name: spec for name, spec in map(_parsed, space.items()) if spec is not None}
    yield from setting_faults(model, fixed, (*path, "fixed"))
    yield from name_faults(model, space, (*path, "space"))
    yield from space_faults(model, specs, (*path, "space"))
    for name in fixed:
        if name in space:
            text = "stands in both `fixed` and `space`; leave one out"
            yield Fault((*path, "fixed", name), text)
    if not space:
        return
    for name, parameter in TRAINING_KEYS.items():
        if parameter.default is None and name not in (*fixed, *space):
            text = f"needs `{name}`, which has no default; put it into `space` or `fixed`"
            yield Fault(path, text)
    if isinstance(arm.get("baseline"), dict):
        broken = {name for name in space if name not in specs}
        given = {name: value for name, value in baseline.items() if name not in broken}
        yield from config_faults(specs, given, (*path, "baseline"))
    for name, variant in variants.items():
        changes = _mapping(variant.get("changes"))
        yield from _value_faults(space, changes, (*path, "variants", name, "changes"))


def _parsed(item: tuple[str, Any]) -> tuple[str, Spec | None]:
    name, data = item
    try:
        return name, SPEC.validate_python(data)
    except ValidationError:
        return name, None


def _mapping(data: object) -> dict[str, Any]:
    """Return what a mapping holds under textual keys, nothing for anything else."""
    return {k: v for k, v in data.items() if isinstance(k, str)} if isinstance(data, dict) else {}


def _list(data: object) -> list[Any]:
    return list(data) if isinstance(data, list | tuple) else []
