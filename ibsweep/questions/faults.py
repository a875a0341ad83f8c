"""What can be wrong in a question: faults between its parts, and pydantic's errors in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.models import MODELS
from ibsweep.models.settings import TRAINING_KEYS, name_faults, setting_faults
from ibsweep.questions.space import SPEC, SPECS, Spec, config_faults, space_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

__all__ = ["EFFICIENCY", "TESTS", "inconsistencies", "worded"]

EFFICIENCY = [10, 30, 50, 100, 200, 300, 500]
"""Images per class at which best configurations are compared where a file does not say."""

TESTS = ("difference", "images_needed", "level")
"""The kinds of test that a claim is made of."""


def inconsistencies(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what is wrong between the parts of a question.

    Args:
        data: The question as plain data. Parts that are malformed are passed over, so that a file
            with faults of both kinds shows them all at once.
    """
    task = data.get("task")
    sizes = _mapping(task).get("train_images")
    if not isinstance(task, dict):
        sizes = None
    elif not isinstance(sizes, list) or not sizes or not all(_is_count(size) for size in sizes):
        text = "must list the images per class of each training set, such as [10, 30], but got "
        yield Fault(("task", "train_images"), text + format_value(sizes))
        sizes = None
    elif len(set(sizes)) < len(sizes):
        yield Fault(("task", "train_images"), f"must differ, but got {format_value(sizes)}")
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


_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "finite_number": "must be finite",
    "float_type": "must be a number",
    "int_type": "must be an integer",
    "invalid-json-value": "must be plain data",
    "invalid_key": "must be a text as a key",
    "model_attributes_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "string_pattern_mismatch": "must be made of small letters, digits and underscores",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}


def worded(error: ErrorDetails, model: type[BaseModel] | None) -> Fault:
    """Put one of pydantic's errors into the words of a question file.

    Args:
        error: The error, at a place in a question.
        model: The model that holds the place, where it is one that names its keys.
    """
    loc, kind, value = error["loc"], error["type"], format_value(error["input"])
    fields = model.model_fields if model else {}
    noun, tags = ("a distribution", tuple(SPECS)) if loc[:1] == ("arms",) else ("a test", TESTS)
    match kind:
        case "fault":
            text = error["msg"]
        case "missing":
            text = f"is missing; give {fields[str(loc[-1])].description}"
        case "extra_forbidden":
            hint = suggestion(str(loc[-1]), fields.keys() - {"name"})
            text = f"is not a key here, but got {value}; {hint}"
        case "union_tag_not_found":
            text = f"`type` is missing; give {', '.join(tags)}"
        case "union_tag_invalid":
            tag = str(error["ctx"]["tag"])
            text = f"`type` must be {noun}, but got {tag!r}; {suggestion(tag, tags)}"
        case "value_error":
            text = str(error["ctx"]["error"])
        case _:
            words = _WORDS.get(kind, error["msg"].replace("Input should", "must"))
            text = f"{words}, but got {value}"
    if loc[:1] == ("arms",) and loc[2:3] == ("space",) and loc[4:] and loc[4] in SPECS:
        loc = (*loc[:4], *loc[5:])  # pydantic names the kind of distribution in between
    elif loc[:1] == ("claims",) and loc[2:3] == ("tests",) and loc[4:] and loc[4] in TESTS:
        loc = (*loc[:4], *loc[5:])  # and the kind of test
    elif loc[:1] == ("task",):
        loc = loc[:2]  # below, pydantic's names of JSON types stand between the keys
    return Fault(tuple(part for part in loc if part != "[key]"), text)
