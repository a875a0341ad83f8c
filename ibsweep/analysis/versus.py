"""One configuration against another on the fresh replicates that scored both.

The best of a sweep is not better than the baseline because it was chosen: that is for replicates
to show that chose nothing. Two arms' best are compared in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics import (
    ALPHA,
    LEAST_REPLICATES,
    Comparison,
    Rate,
    paired_difference,
    probability_of_better,
    rate_difference,
    rate_interval,
)

if TYPE_CHECKING:
    from ibsweep.analysis.summary import Confirmed, SweepSummary

__all__ = ["Versus", "over_baseline", "versus"]


class Versus(NamedTuple):
    """How one configuration compares with another.

    Attributes:
        difference: By how much the first is better on test examples, in the objective's unit, over
            the replicates on which both train; None where runs failed and fewer than six are left.
        rates: How many of the common replicates train, of the first and of the second.
        rate: By how much more often the first trains, as a share.
        probability: That a fresh run of the first beats a fresh run of the second; two that fail
            are equals.
    """

    difference: Comparison | None
    rates: tuple[Rate, Rate]
    rate: Comparison
    probability: Comparison

    @property
    def replicates(self) -> int:
        """How many replicates both were scored on."""
        return self.rate.replicates

    @property
    def any_failed(self) -> bool:
        """Whether a run of either failed on these."""
        return any(rate.count < rate.runs for rate in self.rates)

    @property
    def _parts(self) -> list[tuple[float, float]]:
        """The effects that count, each with its p."""
        found = self.difference
        parts = [(found.effect, found.p)] if found and found.replicates >= LEAST_REPLICATES else []
        return [*parts, (self.rate.effect, self.rate.p)] if self.any_failed else parts

    @property
    def p(self) -> float:
        """Two-sided p of the two being equals.

        Of the mean difference where no run failed; else of that and of the rates together, twice
        the smaller one. 1 where fewer than six replicates tell.
        """
        parts = self._parts
        return min(1.0, len(parts) * min((p for _, p in parts), default=1.0))

    @property
    def leader(self) -> int:
        """1 where the first is shown to be better, -1 where the second is, else 0.

        Better is what is shown to train more often, or to do better where both train, and neither
        is shown to do worse.
        """
        parts = self._parts
        shown = {np.sign(effect) for effect, p in parts if p * len(parts) < ALPHA}
        return int(shown.pop()) if len(shown) == 1 else 0


def versus(first: Confirmed, second: Confirmed) -> Versus | None:
    """Compare two configurations on the replicates that scored both.

    Returns:
        The comparison, or None where they share fewer than two replicates.
    """
    metric = first.objective
    runs = []
    for side in (first, second):
        found = ((row.seed, row.figure(metric.test), row.trains) for row in side.rows)
        runs.append({seed: (value, trains) for seed, value, trains in found if value is not None})
    seeds = sorted(runs[0].keys() & runs[1].keys())
    if len(seeds) < 2:
        return None
    a, b = (np.array([metric.sign * side[seed][0] for seed in seeds]) for side in runs)
    a_trained, b_trained = (np.array([side[seed][1] for seed in seeds]) for side in runs)
    both = a_trained & b_trained
    enough = both.all() or both.sum() >= LEAST_REPLICATES
    return Versus(
        paired_difference(a[both], b[both]) if enough else None,
        (
            rate_interval(int(a_trained.sum()), len(seeds)),
            rate_interval(int(b_trained.sum()), len(seeds)),
        ),
        rate_difference(a_trained, b_trained),
        probability_of_better(a, b, a_trained, b_trained),
    )


def over_baseline(summary: SweepSummary) -> Versus | None:
    """Compare a sweep's best with its baseline; None where there is none, or it is the best."""
    best, baseline = summary.best, summary.confirmed_baseline
    if best is None or baseline is None or best.trial.trial == baseline.trial.trial:
        return None
    return versus(best, baseline)
