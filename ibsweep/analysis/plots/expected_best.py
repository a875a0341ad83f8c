"""Figure of what n trials of a sweep come to: the best of n of them, were their order random."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.expected_best import sampler_trials, would_more_pay
from ibsweep.analysis.plots.style import INK, draw_key, draw_no_data, style_axes
from ibsweep.analysis.wording import column_title, heading
from ibsweep.questions.schema import Objective

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ibsweep.analysis.statistics import BestOf, Interval

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

    def would_more_pay(self, score: Interval | None = None) -> str:
        """Say in a sentence whether more trials would have paid; empty where it cannot be told.

        Args:
            score: Of the best configuration, to whose width their gain is compared.
        """
        return would_more_pay(self.expected, self.metric, score)


def expected_best_info(
    trials: pd.DataFrame, sweep: str, metric: Objective | str = "accuracy"
) -> ExpectedBestInfo:
    """Return what n trials of a sweep's sampler come to.

    Of which trials, ``analysis.expected_best`` says. Figures are on the examples that choose: the
    best of many is optimistic.

    Args:
        trials: The frame ``Results.trials``.
        sweep: Name of the sweep.
        metric: The question's objective, or its name.
    """
    objective = Objective.model_validate(metric)
    rows = trials[trials["sweep"] == sweep].sort_values("trial")
    column = rows[objective.valid].where(rows["state"] != "FAIL")
    baseline = column[(rows["origin"] == "baseline") & np.isfinite(column)]
    found = sampler_trials(
        rows["origin"].tolist(), rows["state"].tolist(), rows[objective.valid], objective
    )
    return ExpectedBestInfo(
        found.expected,
        found.observed,
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
