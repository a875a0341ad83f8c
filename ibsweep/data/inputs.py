"""Examples as arrays: images, tables or sequences, by their shape or as a question says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ibsweep.data.columns import Table, encode_columns
from ibsweep.data.faults import DataError, numbered
from ibsweep.errors import Fault

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Inputs", "encode_inputs"]


class Inputs(NamedTuple):
    """The examples of all rows.

    Attributes:
        values: Images uint8 or float32 ``[N, C, H, W]``; tables float64 ``[N, D]``, NaN where a
            value is missing; sequences and others float32, as they are.
        kind: ``images``, ``table`` or ``sequences``.
        columns: What each column of a table is, as ``Table.columns``.
    """

    values: NDArray[Any]
    kind: str
    columns: tuple[dict[str, Any], ...] = ()


def encode_inputs(inputs: NDArray[Any] | pd.DataFrame, document: Mapping[str, Any]) -> Inputs:
    """Return examples as training needs them.

    ``[N, D]`` is a table, ``[N, H, W]`` and ``[N, C, H, W]`` are images, all else sequences,
    unless the document's ``kind`` says otherwise; ``shape`` gives each row another shape first.
    Bytes stay bytes; other images are taken as they are, whatever their range.

    Raises:
        DataError: The shape does not fit, or a value is missing or infinite.
    """
    if not isinstance(inputs, np.ndarray):
        if "shape" not in document and document.get("kind", "table") == "table":
            table = encode_columns(
                inputs.set_axis([str(c) for c in inputs.columns], axis=1), document
            )
            return Inputs(table.values, "table", table.columns)
        inputs = inputs.to_numpy()
    shape = tuple(document.get("shape", ()))
    if shape:
        if int(np.prod(shape)) != int(np.prod(inputs.shape[1:])):
            has = f"but an example has the shape {inputs.shape[1:]}"
            _fail(f"must have {np.prod(inputs.shape[1:])} values, {has}", "shape")
        inputs = inputs.reshape(len(inputs), *shape)
    kinds = {2: "table", 3: "images", 4: "images"}
    kind = document.get("kind", kinds.get(inputs.ndim, "sequences"))
    if inputs.ndim < 2 or not inputs.size:
        _fail(f"must hold examples [N, D], [N, H, W] or [N, C, H, W], but got {inputs.shape}")
    if kind == "table":
        return _table(inputs, document)
    if inputs.dtype.kind not in "biuf":
        _fail(f"must hold numbers, but got the type {inputs.dtype}")
    if kind == "images":
        inputs = _pictures(inputs, document)
    if inputs.dtype != np.uint8 or kind != "images":  # bytes of images alone mean 0 to 1
        inputs = inputs.astype(np.float32)
        wrong = ~np.isfinite(inputs).reshape(len(inputs), -1).all(axis=1)
        if wrong.any():
            rows = numbered(np.flatnonzero(wrong).tolist())
            _fail(f"has missing or infinite values in {rows}; they must be finite")
    return Inputs(np.ascontiguousarray(inputs), kind)


def _table(inputs: NDArray[Any], document: Mapping[str, Any]) -> Inputs:
    if inputs.ndim != 2:
        _fail(f"must be table rows [N, D], but got {inputs.shape}", "kind")
    if inputs.dtype.kind not in "biuf":
        import pandas as pd

        frame = pd.DataFrame(inputs).infer_objects()
        table: Table = encode_columns(
            frame.set_axis([str(c) for c in frame.columns], axis=1), document
        )
        return Inputs(table.values, "table", table.columns)
    values = inputs.astype(np.float64)
    wrong = np.flatnonzero(np.isinf(values).any(axis=1)).tolist()
    if wrong:
        _fail(f"is infinite in {numbered(wrong)}; values must be finite")
    empty = np.flatnonzero(np.isnan(values).all(axis=0)).tolist()
    if empty:
        _fail(f"has no value at all in column {empty[0]}; leave it out")
    columns = tuple({"name": str(i), "scaled": True} for i in range(values.shape[1]))
    return Inputs(values, "table", columns)


def _pictures(inputs: NDArray[Any], document: Mapping[str, Any]) -> NDArray[Any]:
    if inputs.ndim == 3:
        return inputs[:, None]
    if inputs.ndim != 4:
        _fail(f"must be images [N, H, W] or [N, C, H, W], but got {inputs.shape}", "kind")
    channels = document.get("channels")
    if channels is None and inputs.shape[-1] in (1, 3, 4) and inputs.shape[1] > 4:
        text = f"are images [N, H, W, C], so it seems from {inputs.shape}: give channels: last"
        _fail(f"{text}, or channels: first if they are [N, C, H, W]", "channels")
    return inputs.transpose(0, 3, 1, 2) if channels == "last" else inputs


def _fail(text: str, place: str = "from") -> None:
    raise DataError([Fault((place,), text)])
