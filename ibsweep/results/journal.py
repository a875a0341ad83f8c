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
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ibsweep.errors import InputError, SweepError

__all__ = [
    "append_rows",
    "exclusive_lock",
    "first_fault",
    "read_rows",
    "replace_file",
    "rewrite_rows",
]

Row = TypeVar("Row", bound=BaseModel)


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


def append_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    """Append rows as lines; once this returns they survive a power cut.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    content = _lines(rows)
    with _disk_errors(path), path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Read rows; a torn last line (no newline, or half a row) was never finished and is left out.

    Raises:
        SweepError: If a line before the last is not a row.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop()  # what follows the last newline: nothing, or a torn line
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(kind.model_validate_json(line))
        except ValidationError as error:
            if number == len(lines) and not torn:
                break  # blocks of the last write can reach the disk out of order
            raise SweepError(
                f"{path}: line {number} is no {kind.__name__.lower()} row ({first_fault(error)}); "
                "remove that line to go on without it"
            ) from error
    return rows


def rewrite_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    """Make a file hold these rows and nothing else; one that does already, or is none, stays.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    content = _lines(rows)
    if path.exists() and path.read_bytes() != content:
        replace_file(path, content)


def first_fault(error: ValidationError) -> str:
    """Return the first thing that is wrong with a row, and where."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else fault["msg"]


def _lines(rows: Iterable[BaseModel]) -> bytes:
    return "".join(row.model_dump_json() + "\n" for row in rows).encode()


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
