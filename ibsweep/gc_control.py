"""Python's garbage collector, kept off the functions and classes of large libraries.

It would walk over those of torch, Ray Tune and pandas again and again while they are imported, a
fifth of the time that takes, and once more in every full collection, although they stay until the
process ends.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["freeze_imports", "gc_paused"]

_process_is_ours = False


def freeze_imports() -> None:
    """Leave what is imported, now and later, out of every collection in this process.

    It concerns all objects that are alive, so this is for processes that are ibsweep's own, the
    command and Ray's workers, and not for one that may be the user's, such as a notebook.
    """
    global _process_is_ours
    if not _process_is_ours:
        _process_is_ours = True
        gc.freeze()


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the collector while a block imports large libraries.

    What was imported counts as old afterwards, so that only a full collection walks over it; see
    ``freeze_imports`` for where none does.
    """
    enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if _process_is_ours:
            gc.freeze()
        elif not frozen:  # or the user's own frozen objects would be thawed
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
        if enabled:
            gc.enable()
