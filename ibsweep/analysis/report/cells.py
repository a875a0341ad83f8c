"""Tables as the pages and the terminal print them: cells of text that know what they sort by.

Figures stand without their unit, which the heading says; intervals are 95 % and stand as
``[low, high]``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from ibsweep.analysis.statistics import Interval
from ibsweep.analysis.wording import interval_text, number
from ibsweep.questions.schema import Objective

__all__ = [
    "MISSING",
    "Cell",
    "Table",
    "figure_cell",
    "interval_cell",
    "number_cell",
    "p_value_cell",
    "text_cell",
]

MISSING = "-"
"""What stands in a cell without a figure."""


_SHORT = 20


class Cell(NamedTuple):
    """One cell.

    Attributes:
        text: What is read.
        key: What it sorts by; None sorts after all others.
        verdict: Whether it is shown as a verdict.
        page: Name of the question whose page it leads to.
    """

    text: str
    key: float | str | None = None
    verdict: bool = False
    page: str | None = None


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
