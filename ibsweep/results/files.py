"""Writing files: whole or not at all, safe from a power cut, and in directories of others too.

Every file that ibsweep writes, other than in a directory that it has just made for itself alone,
is written here. In a shared directory somebody else may have put a symbolic link, a pipe or a
device where a file is to be; none of them is written through. A directory that is a link itself
is followed: people put results on another disk so.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ibsweep.errors import InputError, SweepError
from ibsweep.results.system import require_system

__all__ = [
    "append_file",
    "disk_errors",
    "is_leftover",
    "make_directory",
    "remove_leftovers",
    "replace_file",
    "unwritable",
]

_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.new")
"""Names of files that are not whole yet."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one clear line.

    Raises:
        SweepError: In place of an OSError of the block.
    """
    try:
        yield
    except OSError as error:
        known = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk is full",
            errno.ELOOP: "it is a symbolic link, and those are not written through",
            errno.ENXIO: "it is no regular file",  # a pipe that nobody reads
        }
        what = known.get(error.errno or 0, (error.strerror or str(error)).lower())
        raise SweepError(f"cannot write {path}: {what}") from error


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    require_system()
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file so that readers see the old one or the new one, also after a power cut.

    Of several processes that write one file at once, one is the last and its file stays. A link
    that has the file's name is replaced, and what it points to stays as it is.

    Args:
        path: The file, in a directory that exists.
        content: All of it.

    Raises:
        SweepError: If the disk is full or refuses.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     replace_file(Path(folder, "best.yaml"), b"trial: 3")
        ...     Path(folder, "best.yaml").read_text()
        'trial: 3'
    """
    # nobody can guess the name and have a link there before us
    aside = f".{secrets.token_hex(8)}.new"
    with disk_errors(path), _opened(path.parent) as folder:
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(aside, new, 0o666, dir_fd=folder)
        try:
            try:
                _write(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(aside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(aside, dir_fd=folder)
            raise
        os.fsync(folder)


def append_file(path: Path, content: bytes, *, create: bool = True, durable: bool = True) -> None:
    """Append to a file.

    Args:
        path: The file, in a directory that exists.
        content: What to append.
        create: Begin the file where there is none.
        durable: Return only when it will survive a power cut.

    Raises:
        SweepError: If the disk is full or refuses, or the path is no regular file.
    """
    with disk_errors(path), _opened(path.parent) as folder:
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        is_new = False
        try:
            descriptor = os.open(path.name, flags, dir_fd=folder)
        except FileNotFoundError:
            if not create:
                raise SweepError(f"cannot write {path}: it was removed meanwhile") from None
            descriptor = os.open(path.name, flags | os.O_CREAT, 0o666, dir_fd=folder)
            is_new = True
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SweepError(f"cannot write {path}: it is no regular file")
            _write(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if durable and is_new:
            os.fsync(folder)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def make_directory(path: Path, option: str) -> None:
    """Make a directory that a user has named, with those above it, where there is none.

    Args:
        path: The directory.
        option: What names another one, such as ``--out``.

    Raises:
        InputError: If it is a file, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"{option} {path} is a file; name a directory") from error
    except OSError as error:
        raise unwritable(path, option, error) from error


def unwritable(path: Path, option: str, error: OSError) -> InputError:
    """Return the error that a directory which a user has named cannot be written."""
    reason = (error.strerror or str(error)).lower()
    what = f"the results directory {path}" if option == "--results" else str(path)
    return InputError(f"cannot write to {what}: {reason}; name another with {option}")


def is_leftover(name: str) -> bool:
    """Return whether a file has the name of one that was not written to its end."""
    return _LEFTOVER.fullmatch(name) is not None


def remove_leftovers(directory: Path) -> None:
    """Remove what killed processes have begun to write in a directory that this one holds."""
    with suppress(OSError):
        for path in list(directory.iterdir()):
            if is_leftover(path.name):
                path.unlink(missing_ok=True)
