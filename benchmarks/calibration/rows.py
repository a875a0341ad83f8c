"""A row of the calibration's tables, and which promises it is held against."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COVERS", "ERRS", "Row"]

COVERS, ERRS = "covers", "errs"
"""How columns begin that hold how often an interval holds the truth, and a verdict is wrong."""

LEAST_COVERAGE, MOST_ERRORS = 0.93, 0.05


class Row(NamedTuple):
    """What came out of one situation.

    Attributes:
        table: The table that it belongs to.
        labels: The situation, by column.
        figures: What came out, by column; shares are between 0 and 1.
        times: How often it was drawn.
    """

    table: str
    labels: dict[str, str | int]
    figures: dict[str, float | None]
    times: int

    def broken(self) -> list[str]:
        """Return the columns that break a promise by more than two standard errors."""
        found = []
        for column, figure in self.figures.items():
            if figure is None:
                continue
            error = 2 * (max(figure * (1 - figure), 0.0) / self.times) ** 0.5
            short = column.startswith(COVERS) and figure + error < LEAST_COVERAGE
            if short or (column.startswith(ERRS) and figure - error > MOST_ERRORS):
                found.append(column)
        return found
