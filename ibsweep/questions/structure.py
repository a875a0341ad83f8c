"""pydantic's errors as faults of a question file: malformed parts, in words a user can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.questions.completion import MOST_OBJECTIVES
from ibsweep.questions.other_tools import (
    ARM_KEYS,
    OBJECTIVE_KEYS,
    PART_NAMES,
    QUESTION_KEYS,
    as_written_here,
)
from ibsweep.questions.schema import (
    CLAIM_TESTS,
    Arm,
    Claim,
    Objective,
    PublishedFigure,
    Question,
    Variant,
)
from ibsweep.questions.space import SPEC_TYPES

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["structural_faults"]

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


def structural_faults(error: ValidationError) -> list[Fault]:
    """Put pydantic's errors about a question into the words of a question file.

    Args:
        error: What ``Question.model_validate`` raised.
    """
    errors = error.errors()
    several = any(details["loc"] == ("objectives",) for details in errors)
    # where every item of a list is malformed, pydantic calls the list too short as well
    return [
        _fault(details)
        for details in errors
        if (details["type"] != "too_short" or not details["input"])
        and not (several and details["loc"] == ("objective",) and details["type"] == "missing")
    ]


def _fault(error: ErrorDetails) -> Fault:
    loc, kind, value = error["loc"], error["type"], format_value(error["input"])
    model = _model_at(loc[:-1])
    fields = model.model_fields if model else {}
    noun, tags = (
        ("a distribution", SPEC_TYPES) if loc[:1] == ("arms",) else ("a test", CLAIM_TESTS)
    )
    match kind:
        case "fault":
            text = error["msg"]
        case "missing":
            text = f"is missing; give {fields[str(loc[-1])].description}"
        case "extra_forbidden" if loc == ("objectives",):
            text = f"must list two to {MOST_OBJECTIVES} metrics, such as [accuracy, parameters], "
            text += f"and no `objective` stand beside it, but got {value}"
        case "extra_forbidden":
            hint = _renamed(loc) or suggestion(str(loc[-1]), _keys(model))
            text = f"is not a key here, but got {value}; {hint}"
        case "union_tag_not_found":
            hint = _foreign(error) or f"give {', '.join(tags)}"
            text = f"`type` is missing; {hint}"
        case "union_tag_invalid":
            tag = str(error["ctx"]["tag"])
            hint = _foreign(error) or suggestion(tag, tags)
            text = f"`type` must be {noun}, but got {format_value(tag)}; {hint}"
        case "value_error":
            text = str(error["ctx"]["error"])
        case _:
            words = _WORDS.get(kind, error["msg"].replace("Input should", "must"))
            other = _foreign(error) if kind.startswith("model") else None
            text = f"{words}, but got {value}" + (f"; {other}" if other else "")
    if loc[:1] == ("arms",) and loc[2:3] == ("space",) and loc[4:] and loc[4] in SPEC_TYPES:
        loc = (*loc[:4], *loc[5:])  # pydantic names the kind of distribution in between
    elif loc[:1] == ("claims",) and loc[2:3] == ("tests",) and loc[4:] and loc[4] in CLAIM_TESTS:
        loc = (*loc[:4], *loc[5:])  # and the kind of test
    elif loc[:1] == ("data",) and kind != "fault":
        loc = loc[:2]  # below, pydantic's names of JSON types stand between the keys
    return Fault(tuple(part for part in loc if part != "[key]"), text)


def _keys(model: type[BaseModel] | None) -> set[str]:
    """Return the keys that a file may have where a model is read."""
    keys = set(model.model_fields if model else ()) - {"name", "further_objectives"}
    return keys | {"objectives"} if model is Question else keys


def _foreign(error: ErrorDetails) -> str | None:
    """Return how a distribution in the form of another tool is written here."""
    match error["loc"]:
        case ("arms", _, "space", str(name)):
            return as_written_here(name, error["input"])
    return None


def _renamed(loc: tuple[str | int, ...]) -> str | None:
    """Return what a key of another tool is here."""
    match loc:
        case (str(key),):
            known = QUESTION_KEYS.get(key)
        case ("objective" | "further_objectives" | "metrics", *_, str(key)):
            known = OBJECTIVE_KEYS.get(key)
        case ("arms", _, str(key)):
            known = ARM_KEYS.get(key)
        case ("arms", _, "space", _, str(kind), str(key)):
            part = PART_NAMES.get(key)
            known = f"`{part}`" if part in SPEC_TYPES[kind].model_fields else None
        case _:
            known = None
    return None if known is None else f"here it is {known}"


def _model_at(place: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Return the model whose keys stand at a place, where there is one."""
    match place:
        case ():
            return Question
        case ("objective",) | ("further_objectives" | "metrics", _):
            return Objective
        case ("arms", _):
            return Arm
        case ("arms", _, "published", _):
            return PublishedFigure
        case ("arms", _, "space", _, str(kind)):
            return SPEC_TYPES.get(kind)
        case ("claims", _):
            return Claim
        case ("claims", _, "tests", _, str(kind)):
            return CLAIM_TESTS.get(kind)
        case ("arms", _, "variants", _):
            return Variant
        case ("arms", _, "variants", _, "published", _):
            return PublishedFigure
    return None
