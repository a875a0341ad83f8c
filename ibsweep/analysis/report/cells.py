"""Tables as the pages and the terminal print them: cells of text that know what they sort by.

Figures stand without their unit, which the heading says; intervals are 95 % and stand as
``[low, high]``. A verdict is told by its word and a sign, never by its colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from ibsweep.analysis.statistics import Interval
from ibsweep.analysis.strip import Strip
from ibsweep.analysis.wording import interval_text, number
from ibsweep.questions.schema import Objective

__all__ = [
    "MISSING",
    "NO_PAGES",
    "SIGNS",
    "Cell",
    "Table",
    "figure_cell",
    "interval_cell",
    "number_cell",
    "p_value_cell",
    "strip_cell",
    "text_cell",
    "verdict_cell",
]

MISSING = "-"
"""What stands in a cell without a figure."""

SIGNS: Mapping[str, str] = {
    "supported": "✓",
    "refuted": "✗",
    "equivalent": "≈",
    "open": "?",
    "not_tested": "-",
}
"""What stands before a verdict's word."""

NO_PAGES: Mapping[str, str] = MappingProxyType({})
"""The pages that a table in a terminal leads to."""

_SHORT = 20


class Cell(NamedTuple):
    """One cell.

    Attributes:
        text: What is read.
        key: What it sorts by; None sorts after all others.
        verdict: The verdict whose word its first line is, such as ``not_tested``.
        page: Name of the page that it leads to.
        strip: Single runs, drawn in place of the text.
        spoken: The strip in words.
    """

    text: str
    key: float | str | None = None
    verdict: str | None = None
    page: str | None = None
    strip: Strip | None = None
    spoken: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        name: Unique on a page.
        caption: What it shows, in a few words.
        columns: Headings.
        numeric: Headings of the columns that hold numbers.
        rows: Cells, one a column.
        source: The frames, columns and functions that its numbers come from.
        note: How to read it, where that needs saying.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[str] = frozenset()
    source: str = ""
    note: str = ""

    @property
    def named(self) -> bool:
        """Whether the rows have names short enough to stay in sight on a phone."""
        return all(len(row[0].text) <= _SHORT for row in self.rows)


def text_cell(text: Any) -> Cell:
    """Return a cell that sorts by its text."""
    return Cell(str(text), str(text))


def verdict_cell(verdict: str, *, quick: bool = False) -> Cell:
    """Return a cell with a verdict, and that it is one of a quick look where it is.

    Verdicts sort as ``SIGNS`` has them.
    """
    word = verdict.replace("_", " ")
    return Cell(f"{word}\na quick look" if quick else word, list(SIGNS).index(verdict), verdict)


def strip_cell(metric: Objective, strip: Strip | None) -> Cell:
    """Return a cell with single runs, that sorts by the lowest one."""
    if strip is None or not strip.values:
        return Cell(MISSING)
    spoken = strip.description(metric)
    return Cell(strip.text, min(strip.values), strip=strip, spoken=spoken)


def number_cell(value: float | None, form: str = ".2f") -> Cell:
    """Return a cell that sorts by its number."""
    if value is None or math.isnan(value):
        return Cell(MISSING)
    return Cell(format(value, form), value)


def figure_cell(metric: Objective, value: float | None) -> Cell:
    """Return a cell with a metric's figure."""
    if value is None or math.isnan(value):
        return Cell(MISSING)
    return Cell(number(metric, value), value)


def interval_cell(metric: Objective, interval: Interval | None, between: str = " ") -> Cell:
    """Return a cell with a metric's mean and its interval."""
    if interval is None or math.isnan(interval.mean):
        return Cell(MISSING)
    mean, low, high = interval
    ends = interval_text(metric, low, high, beside=mean)
    return Cell(f"{number(metric, mean)}{between}{ends}".strip(), mean)


def p_value_text(value: float | None) -> str:
    """Return a p-value with the figures that matter."""
    if value is None or math.isnan(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_value_cell(value: float | None) -> Cell:
    """Return a cell with a p-value."""
    return Cell(p_value_text(value), None if p_value_text(value) == MISSING else value)
