"""Replicate seeds, derived so that no two sweeps and no two uses of a replicate share one.

Counting up from a sweep's seed would not do: sweeps of seed 10 and 11 would meet the same data,
and the one would be no check of the other.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["CHOICE", "SCORE", "SEARCH", "derived_seeds"]

SEARCH, CHOICE, SCORE = range(3)
"""What a replicate is for: search, choice among the leaders, score of what was chosen."""

_NOTEBOOKS = 10


@lru_cache(maxsize=256)
def derived_seeds(seed: int, role: int, count: int) -> tuple[int, ...]:
    """Return the first replicate seeds of a sweep for a role.

    A seed is the first 52 bits of ``numpy.random.SeedSequence(seed, spawn_key=(role, index))``:
    as many as JSON and JavaScript hold exactly. It depends on nothing else, so more replicates
    may be asked for later. One is none of these: the first in the search of sweep seed 10 is 10,
    the notebook's own.

    Args:
        seed: The sweep's.
        role: ``SEARCH``, ``CHOICE`` or ``SCORE``.
        count: How many.

    Example:
        >>> derived_seeds(10, SEARCH, 2)
        (10, 127305489640681)
        >>> derived_seeds(10, SCORE, 3)[:2] == derived_seeds(10, SCORE, 2)
        True
    """
    from numpy.random import SeedSequence

    seeds = []
    for index in range(count):
        if (seed, role, index) == (_NOTEBOOKS, SEARCH, 0):
            seeds.append(_NOTEBOOKS)
            continue
        (low, high) = SeedSequence(seed, spawn_key=(role, index)).generate_state(2)
        seeds.append((int(high) << 32 | int(low)) >> 12)
    return tuple(seeds)
