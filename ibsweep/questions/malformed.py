"""What else is wrong in a distribution of which some part is malformed.

pydantic compares the parts of a distribution once each of them is well formed, and its values are
held against the hyperparameter after that. A user is to read of everything in one round: so what
is malformed is left out here, and the rest is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from ibsweep.errors import Fault
from ibsweep.questions.space import SPEC_ADAPTER, SPEC_TYPES, CategoricalSpec
from ibsweep.questions.space_faults import space_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ibsweep.models.hyperparameters import Hyperparameter
    from ibsweep.questions.space import Spec

__all__ = ["further_faults"]

Path = tuple[str | int, ...]


def further_faults(
    known: Mapping[str, Hyperparameter], space: Mapping[str, Any], path: Path
) -> Iterator[Fault]:
    """Find what is wrong in malformed distributions besides what makes them so.

    Args:
        known: What can be set.
        space: Distributions as plain data; those that are well formed are passed over.
        path: Where the space stands.
    """
    for name, data in space.items():
        remains = _remains(data)
        if remains is None:
            continue
        yield from (Fault((*path, name, *fault.path), fault.text) for fault in remains.faults)
        for fault in space_faults(known, {name: remains.spec}):
            yield Fault((*path, name, *remains.place(fault.path[1:])), fault.text)


class _Remains(NamedTuple):
    """What is left of a distribution.

    Attributes:
        spec: Made of what is well formed; it may break the rules that its parts have to keep.
        faults: How it breaks them.
        choices: Which of the choices are left, by their place in the file.
    """

    spec: Spec
    faults: list[Fault]
    choices: list[int]

    def place(self, path: Path) -> Path:
        """Return where something of the spec stands in the file."""
        if path[:1] != ("choices",) or len(path) < 2:
            return path
        return ("choices", self.choices[int(path[1])])


def _remains(data: Any) -> _Remains | None:
    """Return what is left of a malformed distribution, None where nothing can be told of it."""
    kind = SPEC_TYPES.get(data["type"]) if _has_type(data) else None
    found = _errors(data)
    if kind is None or not found:
        return None
    wrong = {error["loc"][1:] for error in found if error["type"] != "fault"}
    left = {k: v for k, v in data.items() if k in kind.model_fields and (k,) not in wrong}
    choices: list[int] = []
    if kind is CategoricalSpec:
        given = left.get("choices")
        if not isinstance(given, list | tuple):
            return None
        choices = [i for i in range(len(given)) if ("choices", i) not in wrong]
        left["choices"] = tuple(given[i] for i in choices)
    elif "low" not in left and "high" not in left:
        return None
    else:  # of one end it can be told whether the hyperparameter takes it
        left = {"low": left.get("high"), "high": left.get("low")} | left
    spec: Any = kind.model_construct(**left)
    remains = _Remains(spec, [], choices)
    for error in _errors(left):
        if error["type"] == "fault":
            remains.faults.append(Fault(remains.place(error["loc"][1:]), error["msg"]))
    return remains


def _errors(data: Any) -> list[Any]:
    try:
        SPEC_ADAPTER.validate_python(data)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _has_type(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("type"), str)
