"""Single runs side by side for pages and terminal: a mark a run, a cross where one fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ibsweep.analysis.wording import number

if TYPE_CHECKING:
    from ibsweep.analysis.summary import Confirmed
    from ibsweep.questions.schema import Objective

__all__ = ["Mark", "Strip", "span", "span_text", "strip_of"]

_WIDTH = 20
"""Characters of a strip in the terminal."""
_PLACES = 32
"""Columns of marks on a page: marks that would touch are put on top of one another."""
_LEVELS = "▁▂▃▄▅▆▇█"
_FAILS, _NONE = "x", "·"


class Mark(NamedTuple):
    """One run on a strip of 100 by 20.

    Attributes:
        x: From 0, the least figure of the axis, to 100.
        y: From 0, the lowest place, up to 20.
        trains: Whether the run trains.
    """

    x: float
    y: float
    trains: bool


class Strip(NamedTuple):
    """The single runs of a configuration.

    Attributes:
        values: A figure a run.
        trained: Whether each run trains.
        low: The least figure of the axis, which all strips of a table share.
        high: The greatest one.
    """

    values: tuple[float, ...]
    trained: tuple[bool, ...]
    low: float
    high: float

    def _places(self, count: int) -> list[int]:
        """Return the place of each run among ``count`` of them."""
        width = self.high - self.low
        if width <= 0:
            return [count // 2] * len(self.values)
        return [
            min(count - 1, max(0, int(count * (value - self.low) / width)))
            for value in self.values
        ]

    @property
    def text(self) -> str:
        """The strip in a line of text: the taller a bar, the more runs; a cross where one fails.

        Example:
            >>> Strip((0.0, 97, 98, 99), (False, True, True, True), 0, 100).text
            'x··················▃'
        """
        places = self._places(_WIDTH)
        trained = Counter(p for p, trains in zip(places, self.trained, strict=True) if trains)
        failed = {p for p, trains in zip(places, self.trained, strict=True) if not trains}
        most = max([len(_LEVELS), *trained.values()])
        levels = {place: _LEVELS[-(-n * len(_LEVELS) // most) - 1] for place, n in trained.items()}
        return "".join(
            _FAILS if place in failed else levels.get(place, _NONE) for place in range(_WIDTH)
        )

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Where each run is drawn, those of one place on top of one another."""
        places = self._places(_PLACES)
        most = max(Counter(places).values(), default=1)
        step = min(5.0, 15.0 / max(most - 1, 1))
        width = self.high - self.low
        below: Counter[int] = Counter()
        found = []
        for value, trains, place in sorted(
            zip(self.values, self.trained, places, strict=True), key=lambda run: run[1]
        ):
            x = 50.0 if width <= 0 else 100 * (value - self.low) / width
            found.append(Mark(round(x, 1), round(2.5 + step * below[place], 1), trains))
            below[place] += 1
        return tuple(found)

    def description(self, metric: Objective) -> str:
        """Return the strip in words, with every figure of a run that fails."""
        runs = sorted(zip(self.values, self.trained, strict=True))
        trained = [value for value, trains in runs if trains]
        failed = [number(metric, value) for value, trains in runs if not trains]
        text = f"{len(runs)} run{'s' if len(runs) != 1 else ''}"
        if trained:
            ends = f"{number(metric, trained[0])} to {number(metric, trained[-1])}"
            text += f", {len(trained)} train, {ends}"
        return f"{text}; {len(failed)} fail: {', '.join(failed)}" if failed else text


def strip_of(side: Confirmed, ends: tuple[float, float] | None = None) -> Strip:
    """Return the runs that scored a configuration; none of one that was only compared.

    Args:
        side: The configuration.
        ends: Of the axis; by default those of its own figures.
    """
    runs = [(row.figure(side.objective.test), row.trains) for row in side.rows]
    known = [(value, trains) for value, trains in runs if value is not None]
    values = tuple(value for value, _ in known)
    return Strip(values, tuple(trains for _, trains in known), *(ends or span([values])))


def span(strips: Iterable[tuple[float, ...]]) -> tuple[float, float]:
    """Return the ends of an axis that holds the figures of all strips."""
    values = [value for figures in strips for value in figures]
    return (min(values), max(values)) if values else (0.0, 0.0)


def span_text(metric: Objective, ends: tuple[float, float]) -> str:
    """Return the ends of an axis as the heading of a column says them."""
    low, high = (number(metric, end) for end in ends)
    return f"single runs, {low} to {high}{f' {metric.unit}' if metric.unit else ''}"
