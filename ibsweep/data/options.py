"""The options of the data that a question brings along, and what each of them has to be.

Free of NumPy, so that a question file is checked without importing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ibsweep.errors import Fault, format_value, suggestion

__all__ = ["ARRAYS", "FILES", "FUNCTIONS", "PICTURE_OPTIONS", "RULES", "TABLES", "option_faults"]


@dataclass(frozen=True)
class _Option:
    """An option.

    Attributes:
        rule: What it has to be, to stand after "must be".
        accepts: Tells whether a value is that.
    """

    rule: str
    accepts: Callable[[Any], bool]


def _one_of(*names: str) -> _Option:
    return _Option(f"one of {', '.join(names)}", lambda value: value in names)


def _texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _sizes(value: object) -> bool:
    counts = isinstance(value, list | tuple) and len(value) > 0
    return counts and all(type(one) is int and one > 0 for one in value)  # type: ignore[attr-defined]


def _categories(value: object) -> bool:
    if not isinstance(value, Mapping):
        return _texts(value)
    return all(isinstance(k, str) and isinstance(v, list | tuple) and v for k, v in value.items())


_TEXT = _Option("a text", lambda value: isinstance(value, str) and value != "")
_FLAG = _Option("true or false", lambda value: type(value) is bool)

_OPTIONS: dict[str, _Option] = {
    "scale": _one_of("standard", "minmax", "none"),
    "kind": _one_of("images", "table", "sequences"),
    "shape": _Option("the shape of an example, such as [28, 28]", _sizes),
    "channels": _one_of("first", "last"),
    "predict": _one_of("classes", "number"),
    "target": _Option("the name of the column to predict", _TEXT.accepts),
    "drop": _Option("a list of columns", _texts),
    "categories": _Option("a list of columns, or for each column a list of values", _categories),
    "missing": _Option("a list of texts that stand for a missing value", _texts),
    "separator": _Option(
        "one character", lambda value: isinstance(value, str) and len(value) == 1
    ),
    "root": _Option("the folder of the files", _TEXT.accepts),
    "download": _FLAG,
    "subset": _TEXT,
    "size": _Option(
        "height and width in pixels, such as [32, 32]", lambda v: _sizes(v) and len(v) == 2
    ),
    "grayscale": _FLAG,
}

RULES = {name: option.rule for name, option in _OPTIONS.items()}
"""What each option has to be, in words."""

ARRAYS = ("scale", "kind", "shape", "channels", "predict")
"""Options of arrays, whatever they come from."""
TABLES = ("target", "drop", "categories")
"""Options of tables whose columns have names."""
FILES = ("scale", "predict", *TABLES)
"""Options of a table's file; a CSV file has ``missing`` and ``separator`` besides."""
PICTURE_OPTIONS = ("scale", "root", "download", "subset", "size", "grayscale")
"""Options of torchvision's datasets."""
FUNCTIONS = (*ARRAYS, *TABLES)
"""Options of what a function returns; every other one is an argument of the function."""


def option_faults(
    document: Mapping[str, Any], known: Iterable[str], *, others: bool = False
) -> list[Fault]:
    """Find the options of a data document that are unknown or wrong.

    Args:
        document: The data document.
        known: The options of its source.
        others: Whether it may have further options, which somebody else checks.
    """
    known = (*known,)
    faults = []
    for key, value in document.items():
        if key in ("from", "split"):
            continue
        if key in known:
            option = _OPTIONS[key]
            if not option.accepts(value):
                text = f"must be {option.rule}, but got {format_value(value)}"
                faults.append(Fault((key,), text))
        elif not others:
            text = f"is not an option of {document['from']}; {suggestion(str(key), known)}"
            faults.append(Fault((key,), text))
    return faults
