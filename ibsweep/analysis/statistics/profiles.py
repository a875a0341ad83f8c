"""Performance profiles: which share of fresh runs reaches a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics.rates import rate_interval
from ibsweep.analysis.statistics.studentised import DECIMALS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Profile", "performance_profile"]


class Profile(NamedTuple):
    """Shares of runs that reach a figure, each field with shape ``(figures,)``, between 0 and 1.

    Attributes:
        share: Share of the runs.
        low: Lower end of its interval.
        high: Upper end.
    """

    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def performance_profile(
    values: ArrayLike, at: ArrayLike, *, sign: int = 1, confidence: float = 0.95
) -> Profile:
    """Return which share of runs reaches each of some figures.

    A mean hides whether all runs are middling or some fail; the whole distribution shows it, and
    where one profile lies above another everywhere, its runs are better by any measure.

    Intervals are pointwise, exact binomial ones (Clopper-Pearson) as of every rate: each holds at
    the figure that is asked for, all of them together less often. A band for all at once (that of
    Dvoretzky, Kiefer and Wolfowitz) would be a third of the axis to either side at 16 runs, also
    at its ends, where failing runs show.

    Args:
        values: One figure a run, with shape ``(runs,)``; one that is not a number reaches nothing.
        at: Figures to reach, with shape ``(figures,)``.
        sign: 1 where a run reaches what it is at least, -1 where what it is at most.
        confidence: Least coverage of each interval.

    Raises:
        ValueError: If there is no run.

    References:
        Agarwal, R., Schwarzer, M., Castro, P. S., Courville, A., Bellemare, M. G., 2021. Deep
        Reinforcement Learning at the Edge of the Statistical Precipice. NeurIPS,
        https://arxiv.org/abs/2108.13264

    Example:
        >>> performance_profile([33.3, 95.0, 97.0, 99.0], [90.0, 98.0]).share.tolist()
        [0.75, 0.25]
    """
    runs = sign * np.round(np.asarray(values, float), DECIMALS)
    wanted = sign * np.round(np.asarray(at, float), DECIMALS)
    if runs.ndim != 1 or not runs.size:
        raise ValueError(f"`values` must hold one run or more, but got {runs.shape=}")
    counts = (runs >= wanted[:, None]).sum(axis=1)
    rates = [rate_interval(int(count), runs.size, confidence=confidence) for count in counts]
    found = np.array([(rate.share, rate.low, rate.high) for rate in rates]).reshape(-1, 3)
    return Profile(*found.T)
