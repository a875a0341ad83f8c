"""Tables: columns of any kind as numbers, with what is missing left open.

Numbers, booleans and dates (days since 1970-01-01) become a column each, categories a column of 0
and 1 for each value. What is missing stays NaN here: a replicate fills in its own median.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ibsweep.data.faults import numbered, raise_faults
from ibsweep.errors import Fault, format_value, suggestion

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "encode_columns", "target_column"]

_MOST_CATEGORIES = 50
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")


class Table(NamedTuple):
    """A table of numbers.

    Attributes:
        values: float64 ``[N, D]``; NaN where a number is missing.
        columns: What each column is, plain JSON values: its ``name``; for a category the value
            that ``is`` 1; ``scaled`` where scaling applies.
    """

    values: NDArray[np.float64]
    columns: tuple[dict[str, Any], ...]


def target_column(
    frame: pd.DataFrame, document: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Return the columns of a table to predict from, and the one to predict.

    Args:
        frame: The table.
        document: The data document, with ``target`` and ``drop``.

    Raises:
        DataError: A column has no name or the name of another, or there is none of a name.
    """
    names = [str(name) for name in frame.columns]
    frame = frame.set_axis(names, axis=1)
    twice = sorted({name for name in names if names.count(name) > 1})
    faults = [Fault(("from",), f"has two columns of the name {name!r}") for name in twice]
    target, drop = document.get("target"), list(document.get("drop", ()))
    if target is None:
        text = f"is missing; name the column to predict, one of {', '.join(names)}"
        faults.append(Fault(("target",), text))
    elif target not in names:
        text = (
            f"must be a column, but got {format_value(target)}; {suggestion(str(target), names)}"
        )
        faults.append(Fault(("target",), text))
    for i, name in enumerate(drop):
        if name not in names or name == target:
            others = [other for other in names if other != target]
            text = f"must be a column beside the target, but got {name!r}"
            faults.append(Fault(("drop", i), f"{text}; {suggestion(name, others)}"))
    for name in names:
        if re.fullmatch(r"Unnamed: \d+|", name) and name not in drop:
            text = "has a column without a name, often an index that was written along"
            hint = f"name it, or leave it out with `drop: [{json.dumps(name)}]`"
            faults.append(Fault(("from",), f"{text}; {hint}"))
    left = [name for name in names if name != target and name not in drop]
    if not faults and not left:
        faults.append(Fault(("drop",), "leaves no column to predict from; drop fewer"))
    if not faults and not len(frame):
        faults.append(Fault(("from",), "has no rows"))
    raise_faults(faults)
    return frame[left], frame[target]


def encode_columns(frame: pd.DataFrame, document: Mapping[str, Any]) -> Table:
    """Return a table as numbers.

    Args:
        frame: The columns to predict from.
        document: The data document, with ``categories``.

    Raises:
        DataError: One fault for each column that is no such thing.
    """
    given = document.get("categories", ())
    known = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given)
    names = list(frame.columns)
    faults = [
        Fault(("categories", name), f"is not a column; {suggestion(name, map(str, names))}")
        for name in known
        if name not in names
    ]
    blocks: list[NDArray[np.float64]] = []
    columns: list[dict[str, Any]] = []
    for name in names:
        series = frame[name]
        numbers = None if name in known else _numbers(series)
        if numbers is not None:
            infinite = np.flatnonzero(np.isinf(numbers)).tolist()
            if infinite:
                rows = numbered(infinite)
                text = f"column {name!r} is infinite in {rows}; values must be finite"
                faults.append(Fault(("from",), text))
            elif np.isnan(numbers).all():
                text = f"column {name!r} has no value at all; drop it"
                faults.append(Fault(("from",), text))
            blocks.append(numbers[:, None])
            scaled = series.dtype.kind != "b"
            columns.append({"name": name, "scaled": scaled})
            continue
        labels = [None if _is_missing(v) else str(v) for v in series.tolist()]
        present = list(dict.fromkeys(label for label in labels if label is not None))
        listed = known.get(name)
        values = [str(v) for v in listed] if listed else sorted(present)
        fault = _category_fault(name, labels, present, values, explicit=name in known)
        if fault:
            faults.append(fault)
            continue
        position = {value: i for i, value in enumerate(values)}
        block = np.zeros((len(labels), len(values)))
        for i, label in enumerate(labels):
            if label is not None:
                block[i, position[label]] = 1
        columns += [{"name": name, "is": value, "scaled": False} for value in values]
        if None in labels:
            gone = np.array([label is None for label in labels], dtype=np.float64)
            block = np.hstack([block, gone[:, None]])
            columns.append({"name": name, "is": None, "scaled": False})
        blocks.append(block)
    raise_faults(faults)
    return Table(np.hstack(blocks), tuple(columns))


def _numbers(series: pd.Series[Any]) -> NDArray[np.float64] | None:
    """Return a column of numbers, booleans or dates; None where it holds categories."""
    import pandas as pd

    kind = series.dtype.kind
    if kind in "iufb" and not isinstance(series.dtype, pd.CategoricalDtype):
        values = series.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)
    if kind == "M":
        return _days(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        return None
    present = [value for value in series.tolist() if not _is_missing(value)]
    if present and all(isinstance(value, bool | int | float | np.number) for value in present):
        floats = [np.nan if _is_missing(v) else float(v) for v in series.tolist()]
        return np.array(floats, dtype=np.float64)
    if present and all(isinstance(v, str) and _DATE.fullmatch(v) for v in present):
        return _days(pd.to_datetime(series, format="ISO8601", errors="coerce"))
    return None if present else np.full(len(series), np.nan)


def _days(series: pd.Series[Any]) -> NDArray[np.float64]:
    if series.dt.tz is not None:
        series = series.dt.tz_convert(None)
    stamps = series.to_numpy(dtype="datetime64[s]")
    days: NDArray[np.float64] = stamps.astype(np.int64) / np.float64(86400)
    days[np.isnat(stamps)] = np.nan
    return days


def _is_missing(value: Any) -> bool:
    gone = type(value).__name__ in ("NAType", "NaTType")
    return gone or value is None or (isinstance(value, float) and value != value)


def _category_fault(
    name: str,
    labels: list[str | None],
    present: list[str],
    values: list[str],
    *,
    explicit: bool,
) -> Fault | None:
    other = [label for label in present if label not in values]
    if other:
        rows = [i for i, label in enumerate(labels) if label in other]
        text = f"has other values: {format_value(other)} in {numbered(rows)}; list them too"
        return Fault(("categories", name), text)
    by_name: dict[str, list[str]] = {}
    for value in values:
        by_name.setdefault(value.strip(), []).append(value)
    twice = [same for same in by_name.values() if len(same) > 1]
    if twice:
        text = f"column {name!r} has a value twice, written in two ways: {twice[0]}"
        return Fault(("from",), f"{text}; write it in one")
    if explicit or len(values) <= _MOST_CATEGORIES:
        return None
    words = [value for value in present if not _is_number(value)]
    if len(words) <= 3:
        text = f"column {name!r} holds numbers and {words}; if these stand for what is missing,"
        return Fault(("from",), f"{text} give missing: {words}")
    text = f"column {name!r} is of texts, {len(values)} different ones: too many for categories"
    return Fault(("from",), f"{text}; give drop: [{name}], or list it in `categories`")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
