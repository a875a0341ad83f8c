"""A directory of a command's own for what a local Ray keeps on disk: sockets, logs, spills.

Ray's default, ``/tmp/ray``, is one for all users and never emptied: whoever came first owns it,
and Ray lets everybody write there, so that any user of the machine could put sockets of his own in
the place of another's.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibsweep.cluster.ray_internals.files import LONGEST_SOCKET
from ibsweep.errors import InputError
from ibsweep.own_directory import make_own_directory, remove_abandoned

__all__ = ["private_directory"]

_PREFIX = "ibs-"
_RAYS = "r"
"""Ray's own directory in it."""

_LONGEST_SOCKET = 107
"""Bytes of the path of a Unix domain socket."""
_LONGEST = _LONGEST_SOCKET - len(f"/{_PREFIX}12345678/{_RAYS}/{LONGEST_SOCKET}")
"""Bytes of the path of a directory in which Ray's sockets can lie."""

_ROOM = 32 * 2**20
"""Bytes that must be free: logs, above all."""


@contextmanager
def private_directory() -> Iterator[Path]:
    """Make a directory that nobody else can enter, for the time of a block.

    Where ``RAY_TMPDIR`` is set it is made there, else in the first place that will do. Directories
    of commands that were killed are removed on the way.

    Raises:
        InputError: If none will do; a line for each place says why.
    """
    wanted = os.environ.get("RAY_TMPDIR")
    faults = []
    for base in [wanted] if wanted else _usual_places():
        fault = _unfit(base, create=bool(wanted))
        if fault is None:
            try:
                made, lock = _make(base)
            except OSError as error:
                fault = (error.strerror or str(error)).lower()
        if fault is None:
            break
        faults.append(f"{base}: {fault}")
    else:
        raise _no_directory(faults)
    remove_abandoned(base, _PREFIX)
    try:
        (made / _RAYS).mkdir()  # Ray lets everybody write here, but nobody gets past its parent
        with _temporary_files_in(made):
            yield made / _RAYS
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)
        shutil.rmtree(made, ignore_errors=True)  # what a daemon wrote on its way out


def _no_directory(faults: list[str]) -> InputError:
    """Return the error that no place will do, given why of each."""
    return InputError(
        "\n".join(
            [
                "Ray cannot start, as none of these can take its sockets and logs:",
                *faults,
                "name a directory in RAY_TMPDIR: one that can be written, with "
                f"{_ROOM / 2**20:.0f} MiB free and an absolute path of at most {_LONGEST} bytes",
            ]
        )
    )


def _usual_places() -> list[str]:
    """Return where temporary files go, the best place first; memory is the last resort."""
    named = [os.environ.get("TMPDIR"), "/tmp", "/var/tmp", os.environ.get("XDG_RUNTIME_DIR")]
    return list(dict.fromkeys([*filter(None, named), "/dev/shm"]))


def _unfit(base: str, *, create: bool) -> str | None:
    """Return why Ray's files cannot lie in a directory, None where they can."""
    place = Path(base)
    if not place.is_absolute():
        return "it is no absolute path"
    if (length := len(os.fsencode(base.rstrip("/")))) > _LONGEST:
        return f"its path is {length} bytes long; with Ray's own part a socket's would be too long"
    if any(one in base for one in "'\"\\\n"):
        return "a quote or backslash in a path does not get through Ray's command lines"
    try:
        if create:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found, room = place.stat(), os.statvfs(base)
    except FileExistsError:
        return "it is no directory"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if not stat.S_ISDIR(found.st_mode):
        return "it is no directory"
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        return "everybody can replace what is in it: it lacks the sticky bit (chmod +t sets it)"
    if not os.access(base, os.W_OK | os.X_OK):
        return "it cannot be written"
    if (free := room.f_bavail * room.f_frsize) < _ROOM:
        return f"only {free / 2**20:.0f} MiB are free on its file system"
    return None


def _make(base: str) -> tuple[Path, int]:
    """Make the directory, and return it with the descriptor by which it is held.

    Raises:
        OSError: If that cannot be done there, or no socket can be.
    """
    import socket

    made, lock = make_own_directory(base, _PREFIX)
    try:
        with socket.socket(socket.AF_UNIX) as probe:  # not every file system can
            probe.bind(str(made / "s"))
        (made / "s").unlink()
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)
        raise
    return made, lock


@contextmanager
def _temporary_files_in(directory: Path) -> Iterator[None]:
    """Have Python's temporary files there too, where no usual place takes any."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(directory)
        try:
            yield
        finally:
            tempfile.tempdir = None
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before
    else:
        yield
