"""Files that survive a power cut, a full disk and a second process.

Journals of rows, a JSON object a line, to which lines are only appended; whole files, which are
replaced at once; and locks, which die with their process.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from ibsweep.errors import InputError, SweepError
from ibsweep.results.reading import read_file
from ibsweep.results.seal import Seal

__all__ = [
    "append_rows",
    "exclusive_lock",
    "replace_file",
    "rewrite_rows",
]


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one clear line."""
    try:
        yield
    except OSError as error:
        what = (
            "the disk is full"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else (error.strerror or str(error)).lower()
        )
        raise SweepError(f"cannot write {path}: {what}") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file so that readers see the old one or the new one, also after a power cut.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    aside = path.with_name(f".{path.name}.new")
    with _disk_errors(path):
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            _sync_directory(path.parent)
        finally:
            aside.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_rows(path: Path, rows: Iterable[BaseModel], seal: Seal) -> None:
    """Append rows as sealed lines; once this returns they survive a power cut.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    content = _lines(rows, seal)
    with _disk_errors(path), path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def rewrite_rows(path: Path, rows: Iterable[BaseModel], seal: Seal) -> None:
    """Make a file hold these rows and nothing else; one that does already, or is none, stays.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    content = _lines(rows, seal)
    if path.exists() and read_file(path) != content:
        replace_file(path, content)


def _lines(rows: Iterable[BaseModel], seal: Seal) -> bytes:
    lines = (seal.close(row.model_dump_json().encode()) for row in rows)
    return b"".join(line + b"\n" for line in lines)


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
    import filelock

    lock = filelock.FileLock(path)
    with _disk_errors(path):
        try:
            lock.acquire(timeout=patience)
        except filelock.Timeout as error:
            raise InputError(f"{taken}; wait for it or stop it") from error
    try:
        yield
    finally:
        lock.release()
