"""Training-set sizes at which learning curves reach a figure.

Notation: ``k`` is the number of training-set sizes at which a curve is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ibsweep.analysis.statistics.studentised import DECIMALS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["sizes_to_reach"]


def sizes_to_reach(
    sizes: ArrayLike, curves: ArrayLike, target: ArrayLike, *, sign: int = 1
) -> NDArray[np.float64]:
    """Return the training-set sizes at which curves first reach a figure.

    Args:
        sizes: Training-set sizes, with shape ``(k,)``, in any order.
        curves: Figures at these sizes, with shape ``(curves, k)``.
        target: The figure to reach, one for all or with shape ``(curves,)``.
        sign: 1 where more is better, -1 where less is.

    Returns:
        Sizes with shape ``(curves,)``: interpolated between the two sizes around the first
        crossing, linearly in the logarithm of the size; the smallest size where the figure is
        reached already, infinity where the curve stays short of it.

    Raises:
        ValueError: If a curve has another length than ``sizes``, or there is no size.
    """
    x, y = np.asarray(sizes, float), sign * np.asarray(curves, float)
    if x.ndim != 1 or x.size == 0 or y.shape[1:] != x.shape:
        raise ValueError(f"`curves` must be (curves, k), but got {x.shape=}, {y.shape=}")
    order = np.argsort(x)
    x, y = np.log2(x[order]), y[:, order]
    # above[i, j]: how far curve i is beyond the target at size j   (curves, k)
    above = np.round(y - sign * np.reshape(np.asarray(target, float), (-1, 1)), DECIMALS)
    rows, last = np.arange(len(y)), np.argmax(above >= 0, axis=1)
    before = np.maximum(last - 1, 0)
    gap = above[rows, last] - above[rows, before]
    share = np.divide(-above[rows, before], gap, out=np.zeros(len(y)), where=last > 0)
    found = 2 ** (x[before] + share * (x[last] - x[before]))
    # the power of a logarithm may miss the size itself by its last digit
    found = np.where(share == 0, np.asarray(sizes, float)[order][before], found)
    found = np.where(share == 1, np.asarray(sizes, float)[order][last], found)
    return np.where((above >= 0).any(axis=1), found, np.inf)
