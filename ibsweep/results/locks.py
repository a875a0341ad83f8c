"""Locks on files, which die with their process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from ibsweep.errors import InputError
from ibsweep.results.files import disk_errors
from ibsweep.results.system import require_system

__all__ = ["exclusive_lock", "hand_over_locks", "is_locked", "lock_of", "take_over_locks"]

_held: set[Path] = set()
"""The files of the locks that this process holds."""

_taken_over: dict[Path, int] = {}
"""Locks that an earlier image of this process held, as descriptors, until they are asked for."""


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
    place = path.absolute()
    release = _taken_over_lock(place) or _acquired(path, taken, patience)
    _held.add(place)
    try:
        yield
    finally:
        _held.discard(place)
        release()


def _acquired(path: Path, taken: str, patience: float) -> Callable[[], object]:
    """Take a lock as ``exclusive_lock`` does, and return what gives it back."""
    import filelock

    lock = filelock.FileLock(path)
    with disk_errors(path):
        try:
            lock.acquire(timeout=patience)
        except filelock.Timeout as error:
            raise InputError(f"{taken}; wait for it or stop it") from error
    return lock.release


def _taken_over_lock(path: Path) -> Callable[[], object] | None:
    """Return what gives a lock back that an earlier image of this process has left to it."""
    descriptor = _taken_over.pop(path, None)
    if descriptor is None:
        return None
    with suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return partial(os.close, descriptor)
    os.close(descriptor)  # of a file that is not there any more
    return None


def hand_over_locks() -> str:
    """Leave the locks of this process to the image that is about to replace it (``exec``).

    A lock belongs to its open file, which outlives the image if its descriptor may be inherited.

    Returns:
        What the new image needs for ``take_over_locks``.
    """
    wanted = {}
    for path in _held:
        with suppress(OSError):
            found = path.stat()
            wanted[found.st_dev, found.st_ino] = path
    kept = {}
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  a descriptor of its own is among them
        with suppress(OSError):
            found = os.fstat(int(name))
            if (held := wanted.get((found.st_dev, found.st_ino))) is not None:
                os.set_inheritable(int(name), True)
                kept[str(held)] = int(name)
    return json.dumps(kept)


def take_over_locks(handed_over: str) -> None:
    """Take the locks that the image before has left to this one.

    Args:
        handed_over: What ``hand_over_locks`` returned there.
    """
    import fcntl

    for path, descriptor in json.loads(handed_over).items():
        with suppress(OSError):
            os.set_inheritable(descriptor, False)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _taken_over[Path(path)] = descriptor


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
