"""A metric's figures in words: for tables, sentences and axes, whatever its unit and direction.

Pages and terminal ask here, and an `Objective` for what it is; nothing else knows a unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.data.catalogue import open_dataset
from ibsweep.data.schema import DataSchema
from ibsweep.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ibsweep.questions.schema import Objective, Question
    from ibsweep.results.manifest import Manifest

__all__ = [
    "capitalised",
    "column_title",
    "difference_unit",
    "heading",
    "interval_text",
    "number",
    "schema_of",
    "size_text",
    "sizes_heading",
]

_SPLITS = {"valid": "validation", "train": "training", "test": "test"}


def capitalised(text: str) -> str:
    """Return a text with a capital letter at its beginning, the others as they are."""
    return text[:1].upper() + text[1:]


def column_title(metric: Objective, column: str) -> str:
    """Return what a column holds, such as ``test accuracy``; a cost is that of all examples."""
    if metric.cost:
        return metric.title
    return f"{_SPLITS[column.partition('_')[0]]} {metric.title}"


def heading(metric: Objective, text: str) -> str:
    """Return a text with the metric's unit behind it: ``test accuracy, %``."""
    return f"{text}, {metric.unit}" if metric.unit else text


def difference_unit(metric: Objective) -> str:
    """Return the unit of a difference of two figures; empty where there is none."""
    return "points" if metric.unit == "%" else metric.unit


def number(metric: Objective, value: float | None, *, signed: bool = False) -> str:
    """Return a figure without its unit, to stand below a heading that says it."""
    if value is None:
        return metric.format(None)
    text = metric.format(value + 0.0, signed=signed)
    unit = difference_unit(metric) if signed else metric.unit
    return text.removesuffix(unit).rstrip()


def interval_text(
    metric: Objective,
    low: float | None,
    high: float | None,
    *,
    beside: float | None = None,
    signed: bool = False,
) -> str:
    """Return ``[low, high]`` without unit; empty where one value alone has no interval.

    Args:
        metric: The metric.
        low: Lower end.
        high: Upper end.
        beside: The figure that the interval is of, to whose digits it is rounded.
        signed: Whether they are differences, to be shown with their sign.
    """
    if low is None or high is None or low != low or high != high:
        return ""
    shown = number(metric, max(abs(low), abs(high)) if beside is None else beside)
    if "e" in shown:
        return f"[{number(metric, low, signed=signed)}, {number(metric, high, signed=signed)}]"
    decimals = len(shown.partition(".")[2])
    form = f"{'+' if signed else ''}.{decimals}f"
    return f"[{low + 0.0:{form}}, {high + 0.0:{form}}]"


def schema_of(question: Question, manifest: Manifest | None = None) -> DataSchema:
    """Return what a question's data are, from its sweep's manifest; no code or data are loaded.

    Args:
        question: The question.
        manifest: The manifest of one of its sweeps. Where there is none, or it is of format 2, the
            data are the edge images that the question describes.
    """
    stored: Mapping[str, Any] | None = getattr(manifest, "data", None)
    if stored:
        return DataSchema.from_dict(stored)
    if question.data.get("from") != "edges":  # to open another source may run code
        raise InputError(f"{question.question}: what its data are is not on record; tune it anew")
    return open_dataset(question.data).schema


def sizes_heading(schema: DataSchema) -> str:
    """Return the heading of training-set sizes, such as ``images per class``."""
    return f"{schema.noun} per class" if schema.per == "class" else schema.noun


def size_text(schema: DataSchema, size: int | str) -> str:
    """Return a training-set size in words, such as ``30 images per class``."""
    return f"{size} {sizes_heading(schema)}"
