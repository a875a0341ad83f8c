"""Locks on files, which die with their process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibsweep.errors import InputError
from ibsweep.results.files import disk_errors
from ibsweep.results.system import require_system

__all__ = ["exclusive_lock", "is_locked", "lock_of"]


@contextmanager
def exclusive_lock(path: Path, taken: str, patience: float = 2.0) -> Iterator[None]:
    """Hold a lock that dies with the process.

    Args:
        path: The lock's file.
        taken: Says what another process does that holds it.
        patience: Seconds to wait for one that only looks whether the lock is held.

    Raises:
        InputError: If another process holds it.
        SweepError: If the file cannot be written.
    """
    require_system()
    import filelock

    lock = filelock.FileLock(path)
    with disk_errors(path):
        try:
            lock.acquire(timeout=patience)
        except filelock.Timeout as error:
            raise InputError(f"{taken}; wait for it or stop it") from error
    try:
        yield
    finally:
        lock.release()


def lock_of(entry: Path) -> Path:
    """Return the lock of an entry of a results directory: a sweep, or a file beside the sweeps."""
    return entry / ".lock" if entry.is_dir() else entry.with_name(f".{entry.stem}.lock")


def is_locked(path: Path) -> bool:
    """Return whether a living process holds a lock; False where we may not look.

    Nothing is written, and two that look at once do not take each other for a holder.
    """
    try:
        import fcntl
    except ImportError:  # nor does a sweep run on such a system
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False
