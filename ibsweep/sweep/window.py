"""Which trials a sampler looks at where there are many: the best, and the most recent.

TPE fits a density to at most 25 trials, the best, and another to all others; it evaluates both at
every proposal. Beyond a thousand the others tell it little that is new, and cost it as much again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["best_and_recent", "best_of"]

_BEST_SHARE = 10
"""One of so many is among the best, the others are the most recent: four times what TPE takes."""


def best_and_recent(
    finished: Sequence[int],
    values: Mapping[int, Sequence[float]],
    most: int,
) -> list[int]:
    """Return the trials to look at, in rising order.

    Args:
        finished: Numbers of the finished trials, in rising order.
        values: Of those that have one for each objective, each such that less is better.
        most: How many to look at.

    Example:
        >>> best_and_recent(range(30), {i: [abs(i - 3)] for i in range(30)}, 10)
        [3, 21, 22, 23, 24, 25, 26, 27, 28, 29]
    """
    if len(finished) <= most:
        return list(finished)
    numbers = sorted(values)
    flat = itertools.chain.from_iterable(map(values.__getitem__, numbers))
    table = np.fromiter(flat, dtype=float).reshape(len(numbers), -1 if numbers else 1)
    best = {numbers[i] for i in best_of(table, max(1, most // _BEST_SHARE))}
    recent: list[int] = []
    for number in reversed(finished):
        if len(recent) + len(best) == most:
            break
        if number not in best:
            recent.append(number)
    return sorted([*best, *recent])


def best_of(values: npt.NDArray[np.float64], count: int) -> list[int]:
    """Return which rows are best: of several objectives, those that the fewest fronts dominate.

    Args:
        values: A row a trial, a column an objective, less is better.
        count: How many rows.
    """
    if values.shape[1] == 1:
        return [int(i) for i in np.argsort(values[:, 0], kind="stable")[:count]]
    chosen: list[int] = []
    left = np.lexsort(values.T[::-1])  # by the first objective: none dominates one before it
    while len(left) and len(chosen) < count:
        front: list[int] = []
        rest = left
        while len(rest):
            front.append(int(rest[0]))
            rest = rest[1:][~np.all(values[rest[0]] <= values[rest[1:]], axis=1)]
        left = left[~np.isin(left, front)]
        spread = np.linspace(0, len(front) - 1, min(len(front), count - len(chosen)))
        chosen += [front[round(i)] for i in spread]
    return chosen
