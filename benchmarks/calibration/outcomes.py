"""What one replayed sweep reports of its best configuration, held to the truth of a population."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.search import Member
from ibsweep.analysis.statistics import (
    ALPHA,
    describe_runs,
    paired_difference,
    paired_rates,
    sequential_p,
)
from ibsweep.metrics.training_test import classes_told_apart
from ibsweep.questions.schema import Objective

__all__ = ["Known", "Outcome", "known", "outcome"]


class Known(NamedTuple):
    """A configuration of a population, its truth being what all of its replicates come to.

    Attributes:
        member: The configuration.
        trains: Whether each replicate trains, ``[R]``.
        valid: Mean of the objective on validation examples.
        mean: On test examples.
        rate: Share of the replicates that train.
        trained: Mean on test examples of those; not a number where none does.
    """

    member: Member
    trains: NDArray[np.bool_]
    valid: float
    mean: float
    rate: float
    trained: float


def known(member: Member) -> Known:
    """Return a configuration with its truth."""
    told_apart = [classes_told_apart(counts.tolist()) for counts in member.test_confusion]
    trains = np.array(told_apart, bool) & (member.diverged_epoch == 0)
    trained = float(member.test[trains].mean()) if trains.any() else math.nan
    return Known(
        member,
        trains,
        float(member.valid[-1].mean()),
        float(member.test.mean()),
        float(trains.mean()),
        trained,
    )


class Outcome(NamedTuple):
    """What a sweep reports, and whether it is so; what does not apply is not a number.

    Attributes:
        mean_error: The mean reported of all fresh runs, less the true one, in points.
        trained_error: The same of the runs that train.
        spread: Standard deviation of the replicates that train, in points.
        covers_trained: Whether the 95 % interval of the runs that train holds their true mean.
        covers_rate: Whether that of the rate of runs that train holds the true rate.
        covers_mean: Whether that of the mean of all fresh runs holds the true mean.
        trusted: Whether the library says that the interval of the mean of all can be trusted.
        failures_seen: Whether a run failed.
        worse: Whether the configuration is truly worse than the baseline, in the mean of all.
        called_better: Whether a claim that it is better would be supported.
        wrongly: Whether it is called better, and is not.
        regret: By how much the best configuration of the population is better, in points.
    """

    mean_error: float
    trained_error: float
    spread: float
    covers_trained: float
    covers_rate: float
    covers_mean: float
    trusted: float
    failures_seen: float
    worse: float
    called_better: float
    wrongly: float
    regret: float


def outcome(
    all_known: Sequence[Known], best: int, score: NDArray[np.int_], objective: Objective
) -> Outcome:
    """Return what a sweep reports.

    Args:
        all_known: The population, the baseline first.
        best: Which was chosen.
        score: Indices of the replicates that score it, and the baseline.
        objective: The question's.
    """
    chosen, baseline = all_known[best], all_known[0]
    values, trained = chosen.member.test[score], chosen.trains[score]
    found = describe_runs(values, trained, objective.low, objective.high)
    sign = objective.sign
    better = best != 0 and _called_better(
        sign * values, trained, sign * baseline.member.test[score], baseline.trains[score]
    )
    gain = sign * (chosen.mean - baseline.mean)
    return Outcome(
        mean_error=found.mean.mean - chosen.mean,
        trained_error=found.trained.mean - chosen.trained,
        spread=float(chosen.member.test[chosen.trains].std()) if chosen.rate else math.nan,
        covers_trained=_covers(found.trained.low, found.trained.high, chosen.trained),
        covers_rate=_covers(found.rate.low, found.rate.high, chosen.rate),
        covers_mean=_covers(found.mean.low, found.mean.high, chosen.mean),
        trusted=found.trusted,
        failures_seen=found.rate.count < found.rate.runs,
        worse=gain < 0,
        called_better=better,
        wrongly=better and gain <= 0,
        regret=max(sign * (one.mean - chosen.mean) for one in all_known),
    )


def _covers(low: float | None, high: float | None, truth: float) -> float:
    if math.isnan(truth) or low is None or high is None:
        return math.nan
    return float(low - 1e-9 <= truth <= high + 1e-9)


def _called_better(
    a: NDArray[np.float64],
    a_trained: NDArray[np.bool_],
    b: NDArray[np.float64],
    b_trained: NDArray[np.bool_],
) -> bool:
    """Return whether a claim that ``a`` is better is supported: one test, looked at once.

    On the mean where no run failed, else on rate and trained together.
    """
    both = a_trained & b_trained
    parts = []
    if both.sum() >= 2:
        found = paired_difference(a[both], b[both])
        parts.append((found.effect, found.p))
    if not both.all():
        rates = float(a_trained.mean() - b_trained.mean())
        parts.append((rates, paired_rates(a_trained, b_trained)))
    shown = {effect > 0 for effect, p in parts if sequential_p([min(1.0, len(parts) * p)]) < ALPHA}
    return shown == {True}
