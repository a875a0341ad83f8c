"""What n trials of a sweep's sampler come to, and whether more of them would have paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics import BestOf, best_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from ibsweep.analysis.statistics import Interval
    from ibsweep.questions.schema import Objective
    from ibsweep.results.records import Trial

__all__ = ["SamplerTrials", "of_rows", "sampler_trials", "would_more_pay"]

_FEWEST = 8
"""Trials below which half of them say nothing."""


class SamplerTrials(NamedTuple):
    """The trials that a sweep's sampler proposed, by what n of them come to.

    Attributes:
        expected: The best of n of them by the objective on validation examples, had they come in
            random order; None where fewer than two have a figure, or none was completed.
        observed: The best of the first n as they came, with shape ``(trials,)``; not a number
            before the first complete one.
    """

    expected: BestOf | None
    observed: NDArray[np.float64]


def sampler_trials(
    origins: Sequence[str], states: Sequence[str], values: ArrayLike, objective: Objective
) -> SamplerTrials:
    """Return what n trials of a sampler come to.

    The baseline, what was given and what earlier sweeps found are none of them: it took no trial
    to find these here, and in a random order they would make few trials look like enough. Pruned
    and failed trials count as ``statistics.best_of`` says.

    Args:
        origins: Where each trial's configuration is from, in the trials' order.
        states: How each ended, in Optuna's words.
        values: Its figure by the objective, not a number where it has none.
        objective: Says what is better.
    """
    own = ~np.isin(np.asarray(origins, str), ["baseline", "enqueued", "earlier"])
    ended = np.asarray(states, str)[own]
    figures = np.where(ended != "FAIL", np.asarray(values, float)[own], np.nan)
    known = np.isfinite(figures)
    complete = known & (ended == "COMPLETE")
    leading = np.where(complete, objective.sign * figures, -np.inf)
    best = objective.sign * np.maximum.accumulate(leading)
    expected = None
    if known.sum() > 1 and complete.any():
        failed = int((~known).sum())
        expected = best_of(figures[known], complete[known], failed=failed, sign=objective.sign)
    return SamplerTrials(expected, np.where(np.isfinite(best), best, np.nan))


def of_rows(trials: Sequence[Trial], objective: Objective) -> SamplerTrials:
    """Return what n of a sweep's finished trials come to."""
    rows = sorted(trials, key=lambda row: row.trial)
    figures = (row.figure(objective.valid) for row in rows)
    return sampler_trials(
        [row.origin for row in rows],
        [row.state.value for row in rows],
        [np.nan if value is None else value for value in figures],
        objective,
    )


def would_more_pay(
    expected: BestOf | None, objective: Objective, score: Interval | None = None
) -> str:
    """Say whether more trials would have paid, by what the second half of them added.

    Of independent draws the expected best rises ever more slowly: each further trial adds its
    excess over the best so far, which grows. So as many trials again add at most what the trials
    from one half to all of them would come to at their pace.

    Args:
        expected: The best of n trials.
        objective: What they are compared by.
        score: Of the best configuration, on held-out examples.

    Returns:
        A sentence or two without a full stop; empty where there are too few trials to tell.
    """
    if expected is None or len(expected.trials) < _FEWEST:
        return ""
    count, half = len(expected.trials), len(expected.trials) // 2
    gain = max(0.0, objective.sign * float(expected.mean[-1] - expected.mean[half - 1]))
    most = gain * count / (count - half)
    there = objective.format(float(expected.mean[half - 1]))
    less = objective.format(gain, signed=True).lstrip("+")
    text = (
        f"{half} of the sampler's {count} trials would have come to {there} on average, {less} "
        f"short of all; {count} more random ones would add "
        f"{objective.format(most, signed=True).lstrip('+')} at most"
    )
    if score is None or score.low is None or score.high is None:
        return text
    known = (score.high - score.low) / 2
    width = objective.format(known, signed=True).lstrip("+")
    if most < known:
        return f"{text}, less than the {width} to which the best's score is known: hardly worth it"
    return f"{text}, and the best's score is known to {width}: more may well have paid"
