"""What repeated sweeps of an arm found: their figures, the spread between them and within.

The interval of one sweep's best says how that configuration does. How well a sweep of the arm
does, which may find another configuration each time, only the spread between sweeps tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.statistics import Interval, between_sweeps
from ibsweep.analysis.wording import interval_text, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ibsweep.analysis.load import StoredSweep
    from ibsweep.analysis.summary import SweepSummary
    from ibsweep.questions.schema import Arm, Objective

__all__ = ["Repeats", "summarise_repeats"]

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Repeats:
    """Two sweeps of an arm or more that differ in their seeds alone.

    Figures are those of the objective on held-out test examples, in its unit.

    Attributes:
        sweeps: The sweeps, by their seeds; each has a best.
        means: Of each, its best configuration's mean over the fresh replicates that score it.
        average: Mean over the sweeps, with its 95 % interval (Student's t on ``means``): what new
            sweeps give on average.
        predicted: Within which one new sweep's mean lies with 95 % (Student's t: the spread
            between sweeps, and what the average is unsure by).
        between_sd: Standard deviation of ``means``.
        within_sd: Standard deviation of the replicates of one sweep, the sweeps' variances
            averaged; None where no sweep has two replicates.
    """

    sweeps: tuple[SweepSummary, ...]
    means: tuple[float, ...]
    average: Interval
    predicted: Interval
    between_sd: float
    within_sd: float | None

    @property
    def arm(self) -> Arm:
        """The arm, as the newest of the sweeps has it."""
        return self._newest.arm

    @property
    def objective(self) -> Objective:
        """The metric that the figures are of."""
        return self._newest.question.objective

    @property
    def seeds(self) -> tuple[int, ...]:
        """The sweeps' seeds."""
        return tuple(sweep.manifest.seed for sweep in self.sweeps)

    @property
    def _newest(self) -> SweepSummary:
        return max(self.sweeps, key=lambda sweep: sweep.manifest.created)

    def sentence(self) -> str:
        """Return it in words, such as ``three sweeps: 97.40, 96.80, 97.90 %; they give
        97.37 % on average [96.00, 98.73], a single new one [94.63, 100.00]``.
        """
        metric, average = self.objective, self.average
        count = len(self.sweeps)
        words = _COUNTS[count] if count < len(_COUNTS) else str(count)
        *first, last = self.means
        shown = ", ".join([*(number(metric, mean) for mean in first), metric.format(last)])
        ends = interval_text(metric, average.low, average.high, beside=average.mean)
        mean = metric.format(average.mean)
        low, high = self.predicted.low, self.predicted.high
        single = interval_text(metric, low, high, beside=average.mean)
        return (
            f"{words} sweeps: {shown}; they give {mean} on average {ends}, a single new one "
            f"{single}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as ``tune --json`` does."""
        return {
            "arm": self.arm.name,
            "sweeps": [sweep.name for sweep in self.sweeps],
            "seeds": list(self.seeds),
            "means": list(self.means),
            self.objective.test: self.average._asdict(),
            "predicted": {"low": self.predicted.low, "high": self.predicted.high},
            "between_sd": self.between_sd,
            "within_sd": self.within_sd,
        }


def summarise_repeats(sweeps: Iterable[StoredSweep]) -> Repeats | None:
    """Return what repeated sweeps found.

    Args:
        sweeps: As ``Results.repeats`` has them for an arm.

    Returns:
        None for fewer than two with a figure on test examples: one sweep has no spread.
    """
    found = [
        (sweep.summary, values)
        for sweep in sweeps
        if sweep.summary.best is not None and (values := _test_values(sweep.summary))
    ]
    if len(found) < 2:
        return None
    means = [sum(values) / len(values) for _, values in found]
    compared = between_sweeps(means)
    metric = found[-1][0].question.objective

    def within_bounds(half: float) -> Interval:
        low, high = compared.effect - half, compared.effect + half
        low = low if metric.low is None else max(low, metric.low)
        high = high if metric.high is None else min(high, metric.high)
        return Interval(compared.effect, low, high)

    half = compared.high - compared.effect
    return Repeats(
        tuple(summary for summary, _ in found),
        tuple(means),
        within_bounds(half),
        within_bounds(half * math.sqrt(len(means) + 1)),  # from sd / sqrt(n) to sd sqrt(1 + 1/n)
        compared.between_sd,
        _within([values for _, values in found]),
    )


def _test_values(summary: SweepSummary) -> list[float]:
    assert summary.best is not None, "a sweep that repeats another has a best"
    column = summary.question.objective.test
    found = (row.figure(column) for row in summary.best.rows)
    return [value for value in found if value is not None and math.isfinite(value)]


def _within(samples: Sequence[Sequence[float]]) -> float | None:
    squares = freedom = 0.0
    for values in samples:
        mean = sum(values) / len(values)
        squares += sum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else None
