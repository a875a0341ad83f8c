"""What a process must be allowed (``ulimit``) to run a sweep, and errors for want of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NamedTuple

from ibsweep.errors import InputError

__all__ = ["explained", "limits_in_force", "require_limits"]


class _Limit(NamedTuple):
    """A limit of ``setrlimit``.

    Attributes:
        name: Its constant in ``resource``.
        flag: The shell's, of ``ulimit``.
        what: What it limits.
        unit: Bytes, or things, that the shell counts as one.
        least: What a local Ray with PyTorch needs of it, in bytes or things.
    """

    name: str
    flag: str
    what: str
    unit: int
    least: int


_ADDRESSES = _Limit("RLIMIT_AS", "-v", "address space", 1024, 3 * 2**30)
_FILE_SIZE = _Limit("RLIMIT_FSIZE", "-f", "the size of a file", 1024, 256 * 2**20)
_FILES = _Limit("RLIMIT_NOFILE", "-n", "open files", 1, 256)
_THREADS = _Limit("RLIMIT_NPROC", "-u", "processes and threads", 1, 300)

_WORKER_THREADS = 50
"""Threads of a worker, PyTorch's included."""


def require_limits() -> None:
    """Refuse limits under which a local Ray would die, each with words of its own.

    Raises:
        InputError: A line for each that is too low.
    """
    faults = [
        f"{limit.what} is limited to {_amount(limit, allowed)} (ulimit {limit.flag} "
        f"{allowed // limit.unit}), and a sweep needs {_amount(limit, limit.least)}: raise it, or "
        f"ulimit {limit.flag} unlimited"
        for limit in (_ADDRESSES, _FILE_SIZE, _FILES)
        if (allowed := _allowed(limit)) is not None and allowed < limit.least
    ]
    faults += _threads_fault()
    if faults:
        raise InputError("\n".join(faults))


def limits_in_force() -> str:
    """Return the limits that may be why something failed, empty where none is low."""
    found = [
        f"{limit.what} {_amount(limit, allowed)} (ulimit {limit.flag})"
        for limit in (_ADDRESSES, _FILE_SIZE, _FILES, _THREADS)
        if (allowed := _allowed(limit)) is not None and allowed < 4 * limit.least
    ]
    return ", ".join(found)


_OF_THE_MACHINE = {
    errno.EFBIG,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
    errno.ENOMEM,
    errno.EIO,
}
"""Kinds of OSError that are no fault of a program's."""


def explained(error: Exception) -> str:
    """Return the words for an error that nobody foresaw: of the machine, of limits, or a fault."""
    limits = limits_in_force()
    if isinstance(error, MemoryError):
        text = "out of memory"
    elif isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = f": {error.filename}" if error.filename else ""
        text = f"{(error.strerror or 'the machine refuses').lower()}{where}"
    else:
        text = f"unexpected {type(error).__name__}: {error} (--debug shows the traceback)"
        if not isinstance(error, ImportError | RuntimeError):
            return text
    return f"{text}\nlimits are in force, which may be why: {limits}" if limits else text


def _allowed(limit: _Limit) -> int | None:
    """Return what a limit allows, None where nothing limits it.

    Ray raises the soft limit of open files to the hard one by itself.
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    soft, hard = resource.getrlimit(getattr(resource, limit.name))
    allowed = hard if limit is _FILES else soft
    return None if allowed == resource.RLIM_INFINITY else allowed


def _amount(limit: _Limit, value: int) -> str:
    if limit.unit == 1:
        return f"{value:,}"
    return f"{value / 2**30:.3g} GiB" if value >= 2**30 else f"{value / 2**20:.3g} MiB"


def _threads_fault() -> list[str]:
    """Return what forbids the threads that Ray needs: the user's limit, or a container's."""
    allowed = _allowed(_THREADS)
    if allowed is not None and os.geteuid() != 0:  # root is exempt
        used, needed = _threads_of_user(), _needed_threads()
        if allowed - used < needed:
            return [
                f"{_THREADS.what} are limited to {allowed:,} (ulimit -u), {used:,} are in use, "
                f"and a sweep needs {needed:,} on this machine: raise it"
            ]
    try:
        group = Path("/sys/fs/cgroup")
        most = int((group / "pids.max").read_text())  # "max" where there is no limit
        used = int((group / "pids.current").read_text())
    except (OSError, ValueError):
        return []
    needed = _needed_threads()
    if most - used < needed:
        return [
            f"this container may have {most:,} processes and threads, {used:,} of them in use, "
            f"and a sweep needs {needed:,} on this machine: raise its limit (--pids-limit)"
        ]
    return []


def _needed_threads() -> int:
    from ibsweep.cluster.ray_internals.core import cpus_of_this_machine

    return _THREADS.least + _WORKER_THREADS * cpus_of_this_machine()


def _threads_of_user() -> int:
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == os.geteuid():
                count += sum(1 for _ in (folder / "task").iterdir())
        except OSError:  # it has ended, or is another's
            continue
    return count
