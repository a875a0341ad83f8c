"""Importing large libraries in less time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's garbage collector off what a block imports, then and afterwards.

    It would walk over the functions and classes of torch, Ray Tune and pandas again and again
    while they are defined, a fifth of the time, and once more in every full collection. They stay
    until the process ends.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
