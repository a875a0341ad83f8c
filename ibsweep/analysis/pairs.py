"""The arms of a question compared two by two, by the rule that claims are judged by."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Runs, Sample
from ibsweep.analysis.looks import Asked, looks_at
from ibsweep.analysis.statistics import holm, look_sizes
from ibsweep.analysis.verdicts import Verdict, decide, p_of
from ibsweep.analysis.versus import Versus, versus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.summary import Confirmed, SweepSummary
    from ibsweep.analysis.verdicts import Look

__all__ = ["Pair", "compare_pairs"]


class Pair(NamedTuple):
    """Two arms' best configurations on the replicate seeds that they share.

    They are judged as a claim of ``first`` being better than ``second`` is.

    Attributes:
        first: The arm with the better mean.
        second: The other one.
        train_size: Size of the training sets of both.
        versus: How ``first`` compares with ``second``.
        adjusted_p: Over the looks, after Holm's correction over the question's pairs.
        verdict: Supported where ``first`` is better, refuted where ``second`` is; else equivalent
            or open.
    """

    first: str
    second: str
    train_size: int
    versus: Versus
    adjusted_p: float
    verdict: Verdict

    @property
    def standing(self) -> str:
        """What is shown of ``first``, all pairs considered."""
        return _STANDING[self.verdict]


_STANDING = {
    Verdict.SUPPORTED: "better",
    Verdict.REFUTED: "worse",
    Verdict.EQUIVALENT: "equivalent",
    Verdict.OPEN: "not shown to be better",
}


def compare_pairs(summaries: Sequence[SweepSummary]) -> tuple[Pair, ...]:
    """Compare the arms of a question two by two, the better ones first.

    Those that were trained with different sizes, or share no two replicates, are not compared.

    Args:
        summaries: What the sweep of each arm found.
    """
    confirmed = [(summary, summary.best) for summary in summaries if summary.best is not None]
    confirmed.sort(key=lambda pair: -pair[1].objective.sign * pair[1].test.mean)
    compared: list[tuple[str, str, int, Versus, tuple[Look, ...]]] = []
    for (one, best), (two, other) in combinations(confirmed, 2):
        size, second_size = (
            summary.arm.size_of(found.trial.config)
            for summary, found in ((one, best), (two, other))
        )
        if size != second_size:
            continue  # nothing that differs in two ways is compared
        found = versus(best, other)
        if found is not None:
            first = min(each.manifest.confirm_replicates for each in (one, two))
            # by index, whichever part of a batch ended first
            order = one.manifest.score_seeds(look_sizes(one.manifest.confirm_replicates)[-1])
            looks = _looks(best, other, first, order)
            compared.append((one.arm.name, two.arm.name, size, found, looks))
    p_values = [p_of(looks) for *_, looks in compared]
    pairs = []
    for each, p, adjusted in zip(compared, p_values, holm(p_values), strict=True):
        first_arm, second_arm, size, shown, looks = each
        factor = adjusted / p if p else float(len(compared))
        verdict, _ = decide(looks, factor, len(compared))
        pairs.append(Pair(first_arm, second_arm, size, shown, adjusted, verdict))
    return tuple(pairs)


def _looks(
    best: Confirmed, other: Confirmed, first: int, order: Sequence[int]
) -> tuple[Look, ...]:
    metric = best.objective
    sides = []
    for side in (best, other):
        found = ((row.seed, row.figure(metric.test), row.trains) for row in side.rows)
        sides.append({seed: (value, train) for seed, value, train in found if value is not None})
    seeds = [seed for seed in order if seed in sides[0] and seed in sides[1]]
    one, two = (
        Runs(
            np.array([side[seed][0] for seed in seeds], float),
            np.array([side[seed][1] for seed in seeds], bool),
        )
        for side in sides
    )
    sample = Sample(one, two, metric.sign, metric.low, metric.high)
    margin = 1.0 if metric.unit == "%" else None
    return looks_at(sample, Asked(None, 0.0, margin=margin), first)
