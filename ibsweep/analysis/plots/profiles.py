"""Figure of whole distributions: which share of an arm's fresh runs reaches a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ibsweep.analysis.plots.comparisons import arms_info
from ibsweep.analysis.plots.style import arm_colours, draw_key, draw_no_data, style_axes
from ibsweep.analysis.statistics import Profile, performance_profile
from ibsweep.analysis.wording import column_title, heading

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ibsweep.questions.schema import Objective, Question

__all__ = ["ProfilesInfo", "plot_profiles", "profiles_info"]

_FAINT, _MOST = 0.15, 0.4
"""Opacity of a band, and of all bands together where there are many."""
_MARGIN = 0.04
"""Of the axis, beyond the least and the greatest figure."""


class ProfilesInfo(NamedTuple):
    """The distributions of the arms' fresh runs.

    Attributes:
        at: Figures of the objective on test examples, rising: those of all runs, and the ends of
            the axis; with shape ``(figures,)``.
        profiles: The share of runs that reach each of them, by arm; without arms that have none.
        runs: How many runs an arm has.
        families: The family of every arm's model by name, so that colours stay theirs.
        metric: The question's objective.
    """

    at: NDArray[np.float64]
    profiles: Mapping[str, Profile]
    runs: Mapping[str, int]
    families: Mapping[str, str]
    metric: Objective


def profiles_info(question: Question, confirmations: pd.DataFrame) -> ProfilesInfo:
    """Return which share of the runs that score each arm's best reaches a figure, by figure.

    Each arm is at its own training-set size.

    Args:
        question: The question.
        confirmations: The rows of ``Results.confirmations`` of its current sweeps.

    Raises:
        InputError: If there are rows of several sweeps of an arm.
    """
    info = arms_info(question, confirmations)
    metric = info.metric
    best = zip(info.families, info.best, strict=True)
    values = {name: found.values for name, found in best if found is not None}
    at = _figures(metric, [value for found in values.values() for value in found])
    profiles = {
        name: performance_profile(found, at, sign=metric.sign) for name, found in values.items()
    }
    runs = {name: len(found) for name, found in values.items()}
    return ProfilesInfo(at, profiles, runs, info.families, metric)


def _figures(metric: Objective, values: list[float]) -> NDArray[np.float64]:
    """Return the figures at which a share can change, between two ends a little outside."""
    if not values:
        return np.empty(0)
    inner = np.unique(values)
    margin = _MARGIN * (inner[-1] - inner[0]) or _MARGIN * abs(inner[0]) or 1.0
    low, high = inner[0] - margin, inner[-1] + margin
    if metric.low is not None:
        low = max(low, metric.low)
    if metric.high is not None:
        high = min(high, metric.high)
    return np.unique([low, *inner, high])


def plot_profiles(ax: Axes, info: ProfilesInfo) -> Axes:
    """Draw shares as stairs, one an arm, with the 95 % interval at each figure as a band."""
    from matplotlib.lines import Line2D

    if not info.profiles:
        return draw_no_data(ax)
    colours = arm_colours(info.families)
    # the share of runs that are at least x holds up to x itself, that of at most x from there on
    where: Literal["pre", "post"] = "pre" if info.metric.sign > 0 else "post"
    faint = min(_FAINT, _MOST / len(info.profiles))
    marks = []
    for name, profile in info.profiles.items():
        share, low, high = (100 * values for values in profile)
        colour = colours[name]
        ax.fill_between(info.at, low, high, step=where, color=colour, alpha=faint, linewidth=0)
        ax.plot(info.at, share, drawstyle=f"steps-{where}", color=colour, linewidth=1.8)
        marks.append(Line2D([], [], color=colour, lw=1.8, label=name))
    ax.set_xlim(info.at[0], info.at[-1])
    ax.set_ylim(0, 102)
    bound = "of at least" if info.metric.sign > 0 else "of at most"
    title = f"{column_title(info.metric, info.metric.test)} {bound}"
    ax.set_xlabel(heading(info.metric, title))
    ax.set_ylabel("share of runs, %")
    style_axes(ax)
    draw_key(ax, marks, columns=3, labelcolor="linecolor")
    return ax
