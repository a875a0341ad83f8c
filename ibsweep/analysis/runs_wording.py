"""Runs of a configuration in words, for pages and terminal alike: how many train, how well those
do, and how far the mean of all can be believed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ibsweep.analysis.statistics import unseen_failures
from ibsweep.analysis.wording import interval_text

if TYPE_CHECKING:
    from ibsweep.analysis.statistics import Comparison, Interval, Rate, RunFigures
    from ibsweep.analysis.versus import Versus
    from ibsweep.data.schema import DataSchema
    from ibsweep.questions.schema import Objective

__all__ = [
    "SAME_REPLICATES",
    "failing_text",
    "mean_text",
    "of_all_text",
    "probability_text",
    "rate_text",
    "runs_text",
    "share_text",
    "standing",
    "unseen_text",
    "versus_text",
]


SAME_REPLICATES = "chosen and scored on the same replicates"
"""What is said of sweeps of formats 2 and 3."""


def failing_text(data: DataSchema) -> str:
    """Return when a run fails, in words."""
    what = "classes' frequencies do" if data.classes else "mean of the targets does"
    return f"A run fails where it diverged or its predictions say no more than the {what}"


def share_text(low: float, high: float, unit: str = " %") -> str:
    """Return an interval of a share, such as ``[67, 99 %]``."""
    return f"[{100 * low:.0f}, {100 * high:.0f}{unit}]"


def unseen_text(runs: int) -> str:
    """Return how large a share of failures so many runs without one do not rule out."""
    return f"up to {100 * unseen_failures(runs):.0f} % could fail"


def rate_text(rate: Rate) -> str:
    """Return how many runs train, such as ``17 of 19 [67, 99 %]``."""
    return f"{rate.count} of {rate.runs} {share_text(rate.low, rate.high)}"


def mean_text(metric: Objective, interval: Interval) -> str:
    """Return a mean with its unit and interval, such as ``97.90 % [97.40, 98.30]``."""
    mean, low, high = interval
    return f"{metric.format(mean)} {interval_text(metric, low, high, beside=mean)}".rstrip()


def runs_text(metric: Objective, runs: RunFigures) -> str:
    """Return what fresh runs of a configuration give.

    Where some failed, the rate of runs that train and the mean of those; where none did, the mean
    and how large a share of failures so many runs do not rule out.

    Example:
        >>> from ibsweep.analysis.statistics import describe_runs
        >>> from ibsweep.questions.schema import Objective
        >>> accuracy = Objective.model_validate("accuracy")
        >>> runs_text(accuracy, describe_runs([98, 97, 33], [True, True, False], 0, 100))
        'trains in 2 of 3 runs [9, 99 %]; then 97.50 % [91.15, 100.00]'
        >>> runs_text(accuracy, describe_runs([96, 98, 97, 97], [True] * 4, 0, 100))
        '97.00 % [95.70, 98.30], no failure in 4 runs (up to 53 % could fail)'
    """
    rate = runs.rate
    if rate.count == rate.runs:
        text = mean_text(metric, runs.mean)
        if rate.runs == 1:
            return f"{text}, one run"
        return f"{text}, no failure in {rate.runs} runs ({unseen_text(rate.runs)})"
    text = f"trains in {rate.count} of {rate.runs} runs {share_text(rate.low, rate.high)}"
    return f"{text}; then {mean_text(metric, runs.trained)}" if rate.count else text


def of_all_text(metric: Objective, runs: RunFigures) -> str:
    """Return the mean of all fresh runs where some failed, and that it is not to be trusted.

    Empty where none failed: the mean is that of the runs that train.
    """
    if runs.rate.count == runs.rate.runs or math.isnan(runs.mean.mean):
        return ""
    return f"all runs: {mean_text(metric, runs.mean)}, not to be trusted where runs fail"


def probability_text(found: Comparison) -> str:
    """Return a probability with its interval, such as ``94 % [70, 100]``."""
    return f"{100 * found.effect:.0f} % {share_text(found.low, found.high, '')}"


def standing(found: Versus) -> str:
    """Return what is shown of the first of two configurations: better, worse, or neither."""
    return {1: "better", -1: "worse", 0: "not shown to be better"}[found.leader]


def versus_text(metric: Objective, found: Versus, other: str) -> str:
    """Return how a configuration compares with another, in a sentence.

    Args:
        metric: The objective.
        found: The comparison.
        other: What the other one is called, such as ``the baseline``.
    """
    parts = []
    if found.any_failed:
        first, second = found.rates
        parts.append(f"trains in {first.count}, the other in {second.count} of {first.runs} runs")
    if found.difference is not None:
        effect, low, high = found.difference[:3]
        ends = interval_text(metric, low, high, beside=effect, signed=True)
        of = " where both train" if found.any_failed else f" on {found.replicates} replicates"
        parts.append(f"{metric.format(effect + 0.0, signed=True)} {ends}{of}")
    parts.append(
        f"a fresh run of it beats one of the other in {probability_text(found.probability)}"
    )
    return f"{standing(found)} than {other}: {'; '.join(parts)}"
