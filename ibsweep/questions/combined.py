"""Combinations of values of several hyperparameters, of which there may be more than can be made.

Ten ranges of a hundred values have more than ``len`` can tell and ``range`` can be drawn from.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from ibsweep.questions.points import axis_size

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["combination_count", "combinations", "drawn"]


def combination_count(axes: Iterable[Sequence[Any]]) -> int:
    """Return how many combinations there are."""
    return math.prod(map(axis_size, axes))


def combinations(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield all combinations, the last axis fastest.

    Args:
        axes: Values by hyperparameter.
    """
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def drawn(
    axes: Mapping[str, Sequence[Any]], most: int, draws: random.Random
) -> Iterator[dict[str, Any]]:
    """Yield different combinations in random order: all, or as many as are asked for.

    Args:
        axes: Values by hyperparameter.
        most: How many at most.
        draws: What they are drawn with, each when it is asked for.

    Example:
        >>> import random
        >>> len(list(drawn({"a": [1, 2, 3], "b": [True, False]}, 100, random.Random(0))))
        6
    """
    total = combination_count(axes.values())
    moved: dict[int, int] = {}  # a shuffle of all numbers that writes down those that it moved
    for i in range(min(total, most)):
        chosen = draws.randrange(i, total)
        yield _combination(axes, moved.get(chosen, chosen))
        moved[chosen] = moved.pop(i, i)


def _combination(axes: Mapping[str, Sequence[Any]], number: int) -> dict[str, Any]:
    """Return one of all combinations by its number."""
    found = {}
    for name, axis in axes.items():
        number, place = divmod(number, axis_size(axis))
        found[name] = axis[place]
    return found
