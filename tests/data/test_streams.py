"""Generators from seeds of any size: short ones as they always were, long ones of their own."""

from __future__ import annotations

import numpy as np

from ibsweep.data.streams import random_state


def numbers(rng):
    return tuple(rng.randint(2**31, size=4).tolist())


def test_short_seeds_draw_what_they_always_drew():
    assert numbers(random_state(10)) == numbers(np.random.RandomState(10))
    assert numbers(random_state(2**32 - 1)) == numbers(np.random.RandomState(2**32 - 1))
    assert numbers(random_state(10, 1, 30)) == numbers(np.random.RandomState([10, 1, 30]))


def test_long_seeds_share_no_stream():
    seeds = [10, 2**32 + 10, 2**33 + 10, 2**52 - 1, 2**32, 2 * 2**32]
    streams = [(), (2,), (1, 30), (4,), (0,)]
    drawn = {numbers(random_state(seed, *stream)) for seed in seeds for stream in streams}
    assert len(drawn) == len(seeds) * len(streams)
