"""Temporary directories of one process alone; what a killed process left, the next one removes.

A directory is locked by its owner for as long as that lives. What clears old temporary files, such
as systemd-tmpfiles, passes over it for that.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

__all__ = ["make_own_directory", "remove_abandoned"]

_EMPTY_SECONDS = 3600
"""From which age an empty directory that nobody holds is one whose maker was killed right away."""


def make_own_directory(base: str, prefix: str) -> tuple[Path, int]:
    """Make a directory that no other user can enter.

    Args:
        base: Where.
        prefix: How its name begins; eight characters follow.

    Returns:
        The directory, and its descriptor: it is locked until that is closed.

    Raises:
        OSError: If that cannot be done there.
    """
    import fcntl

    made = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    try:
        lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever tries it right now lets an empty one be
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made, lock


def remove_abandoned(base: str, prefix: str) -> None:
    """Remove such directories of this user's processes that live no more; another's are let be."""
    import fcntl

    for path in Path(base).glob(f"{prefix}????????"):
        with contextlib.suppress(OSError):  # another process removes it too
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if any(path.iterdir()) or time.time() - found.st_mtime > _EMPTY_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
