"""What is to be predicted: labels as positions in the classes, or numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ibsweep.data.faults import DataError, numbered
from ibsweep.errors import Fault

__all__ = ["Targets", "encode_targets"]

_MOST_CLASSES = 1000


class Targets(NamedTuple):
    """Targets of all rows.

    Attributes:
        values: int64 ``[N]``, positions in the classes; or float32.
        classes: Their names, sorted as their labels are; None for numbers.
    """

    values: NDArray[Any]
    classes: tuple[str, ...] | None


def encode_targets(
    targets: NDArray[Any], predict: str | None = None, names: Sequence[str] | None = None
) -> Targets:
    """Return targets as training needs them.

    Integers, texts and booleans are labels of classes, floats are numbers to predict.

    Args:
        targets: Of all rows, ``[N]`` or ``[N, 1]``.
        predict: ``classes`` or ``number``, where that is not as the targets' type says.
        names: Names of the classes, where labels are positions in them.

    Raises:
        DataError: A target is missing or infinite, or a label occurs twice.
    """
    values = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if values.ndim != 1:
        _fail(f"must be one value a row, but got the shape {targets.shape}")
    if values.dtype.kind in "OUS":
        values = np.array([_plain(value) for value in values.tolist()], dtype=object)
        missing = [i for i, value in enumerate(values) if value is None or value != value]
        if missing:
            _fail(f"is missing in {numbered(missing)}; give these rows a target or remove them")
        kinds = {type(value) for value in values}
        if kinds <= {int, float} and float in kinds:
            values = values.astype(np.float64)
        elif kinds == {int}:
            values = values.astype(np.int64)
    if values.dtype.kind == "f":
        missing = np.flatnonzero(np.isnan(values)).tolist()
        if missing:
            _fail(f"is missing in {numbered(missing)}; give these rows a target or remove them")
        infinite = np.flatnonzero(np.isinf(values)).tolist()
        if infinite:
            _fail(f"is infinite in {numbered(infinite)}; a target must be finite")
    elif values.dtype.kind not in "biuO":
        _fail(f"must be labels or numbers, but got the type {values.dtype}")
    if predict == "number" or (predict is None and values.dtype.kind == "f"):
        if values.dtype.kind == "O":
            _fail(f"must be numbers with predict: number, but got {values[0]!r}")
        return Targets(values.astype(np.float32), None)
    return _labels(values, names, predict)


def _labels(values: NDArray[Any], names: Sequence[str] | None, predict: str | None) -> Targets:
    found = Counter(values.tolist())
    if names is not None and all(type(v) is int and 0 <= v < len(names) for v in found):
        labels = sorted(found)
        shown = {label: str(names[label]) for label in labels}
    else:
        texts = any(isinstance(value, str) for value in found)
        labels = sorted(found, key=str) if texts else sorted(found)
        shown = {label: _name(label) for label in labels}
    by_name: dict[str, list[Any]] = {}
    for label in labels:
        by_name.setdefault(shown[label].strip(), []).append(label)
    twice = [
        " and ".join(f"{label!r} ({found[label]} rows)" for label in same)
        for same in by_name.values()
        if len(same) > 1
    ]
    if twice:
        _fail(f"has a label twice, written in two ways: {'; '.join(twice)}; write it in one")
    if len(labels) < 2:
        _fail(f"must have two classes or more, but all rows are of {shown[labels[0]]!r}")
    if predict is None and (len(labels) > _MOST_CLASSES or len(labels) > len(values) / 2):
        hint = "predict: number" if values.dtype.kind in "iu" else "predict: classes"
        _fail(f"has {len(labels)} labels in {len(values)} rows; give {hint} if that is meant")
    position = {label: i for i, label in enumerate(labels)}
    encoded = np.array([position[value] for value in values.tolist()], dtype=np.int64)
    return Targets(encoded, tuple(shown[label] for label in labels))


def _plain(value: Any) -> Any:
    """Return a Python value; pandas' marks of missing ones become None."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, np.generic):
        value = value.item()
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _name(label: Any) -> str:
    return f"{label:g}" if isinstance(label, float) else str(label)


def _fail(text: str) -> None:
    raise DataError([Fault(("target",), text)])
