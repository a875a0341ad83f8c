"""NumPy's legacy generators from the seed of a replicate, whatever the seed's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import RandomState

__all__ = ["random_state"]

_WORD = 2**32


def random_state(seed: int, *stream: int) -> RandomState:
    """Return the generator of a replicate's stream.

    ``RandomState`` takes seeds of 32 bits, as the notebook's is; a longer one becomes an array of
    its words, which no short one's array is equal to.

    Args:
        seed: The replicate's seed, 0 or more.
        stream: What tells its streams apart, integers of 32 bits; none for the notebook's own.

    Example:
        >>> int(random_state(10).randint(100)), int(random_state(2**40 + 10).randint(100))
        (9, 53)
    """
    if seed < _WORD:
        return np.random.RandomState([seed, *stream] if stream else seed)
    # the zero, since all streams of a short seed have other numbers there
    return np.random.RandomState([seed % _WORD, seed // _WORD, 0, *stream])
