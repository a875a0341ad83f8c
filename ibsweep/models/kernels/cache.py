"""Where compiled kernels are kept: a cache saves half a minute, and nothing depends on it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import platformdirs
from numba.core import config
from numba.core.caching import FunctionCache

__all__ = ["TolerantCache", "cache_directory", "cache_note"]


class TolerantCache(FunctionCache):
    """Numba's cache of a function on disk, where whatever goes wrong means to compile it."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept for a signature, None where that is nothing, or damaged."""
        try:
            return super().load_overload(sig, target_context)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  a damaged file may fail in any way
            with contextlib.suppress(OSError):
                self.flush()  # the index begins anew
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, if there is room."""
        try:
            super().save_overload(sig, data)
        except OSError:  # a full disk, or a limit
            self.disable()


def cache_directory() -> Path | None:
    """Return where kernels are kept: the first place that can be written, or none.

    That is ``NUMBA_CACHE_DIR``, or the user's cache directory; where neither can be written, as in
    a container whose user has no home, a directory of this user's own among temporary files.
    """
    try:
        usual = _usual()
        usual.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=usual).close()
    except (OSError, RuntimeError):
        with contextlib.suppress(OSError):
            return _private(Path(tempfile.gettempdir()))
        return None
    return usual


def cache_note(found: Path | None) -> str | None:
    """Return a line on what a cache elsewhere than usual means, None where it is as usual.

    Args:
        found: What ``cache_directory`` returned.
    """
    try:
        if found == _usual():
            return None
    except RuntimeError:
        pass
    where = f"are kept in {found}" if found else "are not kept: every process compiles its own"
    return f"compiled kernels {where}; NUMBA_CACHE_DIR may name a directory that can be written"


def _usual() -> Path:
    """Return where kernels are kept by default.

    Raises:
        RuntimeError: If nobody knows the user's home.
    """
    return Path(config.CACHE_DIR or platformdirs.user_cache_path("ibsweep") / "kernels")


def _private(parent: Path) -> Path:
    """Make a directory for this user alone, or find it; what is in it is run.

    Raises:
        OSError: If that cannot be done, or the directory is not this user's alone.
    """
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    made = parent / f"ibsweep-kernels-{user}"
    made.mkdir(mode=0o700, exist_ok=True)
    found = made.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid != user:
        raise PermissionError(f"{made} is not this user's alone")
    tempfile.TemporaryFile(dir=made).close()
    return made
