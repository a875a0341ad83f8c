"""What a test of replicates speaks of: means, rates and probabilities, each held against a bound.

Some runs fail. A mean over all of them, how many train, and the mean of those that do are
different things to claim something of; ``compare`` has them all in one form, for one
configuration's replicates and for those of two on common seeds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from ibsweep.analysis.statistics import (
    LEAST_REPLICATES,
    Comparison,
    compare_means_of_all,
    compare_rate,
    compare_with_bound,
    paired_difference,
    probability_of_better,
    rate_difference,
    rate_interval,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ibsweep.questions.schema import Estimand

    Spoken: TypeAlias = Estimand | Literal["runs"]

__all__ = ["Runs", "Sample", "compare", "p_outside"]


class Runs(NamedTuple):
    """Replicates of one configuration.

    Attributes:
        figures: One a replicate, with shape ``(n,)``.
        trained: Whether each trains, with shape ``(n,)``.
    """

    figures: NDArray[np.float64]
    trained: NDArray[np.bool_]

    def first(self, count: int) -> Runs:
        """Return the first replicates."""
        return Runs(self.figures[:count], self.trained[:count])


class Sample(NamedTuple):
    """Replicates that a test is made on: of one configuration, or of two on common seeds.

    Attributes:
        one: Replicates of the configuration that is spoken of.
        other: Those of the one that it is compared with; None where it is held against a bound.
        sign: 1 where more is better, -1 where less is: by it figures are multiplied before two
            configurations are compared.
        low: The least value of the metric; None where it has none.
        high: The greatest one.
    """

    one: Runs
    other: Runs | None
    sign: Literal[1, -1]
    low: float | None
    high: float | None

    @property
    def sides(self) -> tuple[Runs, ...]:
        """The configurations' replicates."""
        return (self.one,) if self.other is None else (self.one, self.other)

    @property
    def replicates(self) -> int:
        """How many there are."""
        return len(self.one.figures)

    @property
    def any_failed(self) -> bool:
        """Whether a run of any side failed."""
        return not all(side.trained.all() for side in self.sides)

    def first(self, count: int) -> Sample:
        """Return the sample of the first replicates alone."""
        other = None if self.other is None else self.other.first(count)
        return self._replace(one=self.one.first(count), other=other)

    def effects(self, on: Spoken) -> NDArray[np.float64]:
        """Return the values whose mean is spoken of, such as the paired differences.

        Args:
            on: As for ``compare``.
        """
        keep = np.logical_and.reduce([side.trained for side in self.sides])
        if on != "trained":
            keep = np.ones_like(keep)
        if self.other is None:
            return self.one.figures[keep]
        return self.sign * (self.one.figures - self.other.figures)[keep]


def compare(sample: Sample, on: Spoken, bound: float) -> Comparison | None:
    """Hold what a test speaks of against its bound.

    Args:
        sample: The replicates.
        on: ``trained``: the mean of the runs that train, of two configurations over the seeds on
            which both do. ``runs``: the plain mean of these very runs. ``mean``: that of all fresh
            runs, failures that were not seen included, as bad as the metric has them.
            ``rate``: how many train, in percent. ``probability``: that a fresh run of one beats
            one of the other, in percent.
        bound: In the unit of ``on``.

    Returns:
        The comparison, or None where fewer than two replicates can be spoken of.
    """
    one, other = sample.one, sample.other
    match on:
        case "runs" | "trained":
            values = sample.effects(on)
            if len(values) < 2:
                return None
            if other is not None:
                return paired_difference(values, np.zeros_like(values), bound=bound)
            return compare_with_bound(values, bound, low=sample.low, high=sample.high)
        case "rate":
            if other is not None:
                return _rates(one, other, bound)
            return _in_percent(compare_rate(one.trained, bound / 100))
        case "probability":
            assert other is not None  # the schema refuses it of a level
            return _in_percent(
                probability_of_better(
                    sample.sign * one.figures,
                    sample.sign * other.figures,
                    one.trained,
                    other.trained,
                )
            )
        case "mean":
            return _all_runs(sample, bound)


def _all_runs(sample: Sample, bound: float) -> Comparison:
    """Hold the mean of all fresh runs against the bound, or the difference of two such means."""
    low, high, turned = sample.low, sample.high, sample.sign < 0 and sample.other is not None
    # what a failing run scores where none was seen
    worst = low if sample.sign > 0 else high
    if turned:  # the difference is of how much better the first is
        low, high, worst = (None if x is None else -x for x in (high, low, worst))
    flat: list[NDArray[np.float64] | NDArray[np.bool_]] = []
    for side in sample.sides:
        flat += [-side.figures if turned else side.figures, side.trained]
    return compare_means_of_all(*flat, bound=bound, low=low, high=high, unseen=worst)


def _rates(one: Runs, other: Runs, bound: float) -> Comparison:
    """Hold the difference of two rates, in percentage points, against the bound.

    Against none p is McNemar's. Against another bound it is one minus the confidence at which the
    two rates' exact intervals, put together as independent ones are, just reach it: too careful
    where the same replicates fail on both sides.
    """
    found = _in_percent(rate_difference(one.trained, other.trained))
    if bound == 0:
        return found
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        ends = _difference_of_rates(one.trained, other.trained, 1 - middle)
        low, high = (middle, high) if ends[0] <= bound / 100 <= ends[1] else (low, middle)
    return found._replace(p=high)


def _difference_of_rates(
    one: NDArray[np.bool_], other: NDArray[np.bool_], confidence: float
) -> tuple[float, float]:
    a, b = (rate_interval(int(x.sum()), len(x), confidence=confidence) for x in (one, other))
    effect = a.share - b.share
    return (
        effect - math.hypot(a.share - a.low, b.high - b.share),
        effect + math.hypot(a.high - a.share, b.share - b.low),
    )


def _in_percent(found: Comparison) -> Comparison:
    return found._replace(effect=100 * found.effect, low=100 * found.low, high=100 * found.high)


def p_outside(sample: Sample, on: Spoken, bound: float, margin: float) -> float:
    """Return the p of the effect lying further from the bound than a margin.

    Two one-sided tests, by the two-sided p of each.

    Args:
        sample: The replicates.
        on: As for ``compare``.
        bound: What the effect is held against.
        margin: How far from it still counts as the same.

    References:
        Schuirmann, D. J., 1987. A comparison of the two one-sided tests procedure and the power
        approach for assessing the equivalence of average bioavailability. Journal of
        Pharmacokinetics and Biopharmaceutics 15(6), 657-680.
    """
    found = compare(sample, on, bound)
    # only an interval within the margin can have both p below 5 %: most are spared the tests
    if found is None or found.replicates < LEAST_REPLICATES:
        return 1.0
    if found.low < bound - margin or found.high > bound + margin:
        return 1.0
    ends = (compare(sample, on, bound + step) for step in (-margin, margin))
    return max(end.p for end in ends if end is not None)
