"""Figure of what n trials of a sweep come to: the best of n of them, were their order random."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.plots.style import INK, draw_key, draw_no_data, style_axes
from ibsweep.analysis.statistics import BestOf, best_of
from ibsweep.analysis.wording import column_title, heading
from ibsweep.questions.schema import Objective

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["ExpectedBestInfo", "expected_best_info", "plot_expected_best"]

_BLUE = "#2f7fd1"


class ExpectedBestInfo(NamedTuple):
    """The best of n of the trials that a sweep's sampler proposed, by n.

    Attributes:
        expected: The best of n of them by the objective on validation examples, had they come in
            random order; None where fewer than two have a figure, or none was completed.
        observed: The best of the first n as they came, with shape ``(trials,)``; not a number
            before the first complete one.
        baseline: The baseline's figure, or None.
        metric: The objective.
    """

    expected: BestOf | None
    observed: NDArray[np.float64]
    baseline: float | None
    metric: Objective


def expected_best_info(
    trials: pd.DataFrame, sweep: str, metric: Objective | str = "accuracy"
) -> ExpectedBestInfo:
    """Return what n trials of a sweep's sampler come to.

    The baseline, what was given and what earlier sweeps found are none of them: it took no trial
    to find these here, and in a random order they would make few trials look like enough. Pruned
    and failed trials count as ``statistics.best_of`` says. Figures are on the examples that
    choose: the best of many is optimistic.

    Args:
        trials: The frame ``Results.trials``.
        sweep: Name of the sweep.
        metric: The question's objective, or its name.
    """
    objective = Objective.model_validate(metric)
    rows = trials[trials["sweep"] == sweep].sort_values("trial")
    column = rows[objective.valid].where(rows["state"] != "FAIL")
    of_sampler = ~rows["origin"].isin(["baseline", "enqueued", "earlier"])
    baseline = column[(rows["origin"] == "baseline") & np.isfinite(column)]
    figures = column[of_sampler].to_numpy(dtype=np.float64)
    known = np.isfinite(figures)
    complete = known & (rows.loc[of_sampler, "state"] == "COMPLETE").to_numpy(dtype=np.bool_)
    leading = np.where(complete, objective.sign * figures, -np.inf)
    best = objective.sign * np.maximum.accumulate(leading)
    expected = None
    if known.sum() > 1 and complete.any():
        failed = int((~known).sum())
        expected = best_of(figures[known], complete[known], failed=failed, sign=objective.sign)
    return ExpectedBestInfo(
        expected,
        np.where(np.isfinite(best), best, np.nan),
        float(baseline.iloc[0]) if len(baseline) else None,
        objective,
    )


def plot_expected_best(ax: Axes, info: ExpectedBestInfo) -> Axes:
    """Draw the mean over all orders with the range of 95 % of them, and the order that was."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    if info.expected is None:
        return draw_no_data(ax, "too few trials to tell")
    n, mean, low, high = info.expected
    ax.fill_between(n, low, high, color=_BLUE, alpha=0.18, linewidth=0)
    ax.plot(n, mean, color=_BLUE, linewidth=1.8)
    ax.step(n, info.observed, where="post", color=INK, linewidth=1.2)
    marks = [
        Line2D([], [], color=_BLUE, lw=1.8, label="random order"),
        Line2D([], [], color=INK, lw=1.2, label="as they came"),
    ]
    if info.baseline is not None:
        dashes = (0, (4, 3))
        ax.axhline(info.baseline, color=INK, linewidth=1, linestyle=dashes)
        marks.append(Line2D([], [], color=INK, lw=1, ls=dashes, label="baseline"))
    if info.metric.unit == "%" and info.metric.high is not None:
        ax.set_ylim(top=info.metric.high + 1)
    ax.set_xlim(1, float(n[-1]))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    title = column_title(info.metric, info.metric.valid)
    ax.set_xlabel("trials of the sampler")
    ax.set_ylabel(heading(info.metric, f"best {title}"))
    style_axes(ax)
    draw_key(ax, marks)
    return ax
