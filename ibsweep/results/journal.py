"""Journals of rows, a sealed JSON object a line, to which lines are only appended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from ibsweep.errors import SweepError
from ibsweep.results.files import append_file, replace_file
from ibsweep.results.reading import read_file
from ibsweep.results.seal import FIRST, Seal, link_after

__all__ = ["append_rows", "rewrite_rows"]


_SEAL_BYTES = 64
"""More than the seal of a line and its end take."""


def append_rows(path: Path, rows: Iterable[BaseModel], seal: Seal, *, create: bool = True) -> None:
    """Append rows as sealed lines; once this returns they survive a power cut.

    Args:
        path: The journal.
        rows: What to append, in one write.
        seal: Of the journal's lines.
        create: Begin the journal where there is none.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    append_file(path, _lines(rows, seal, _last_link(path)), create=create)


def rewrite_rows(path: Path, rows: Iterable[BaseModel], seal: Seal) -> None:
    """Make a journal hold these rows and nothing else; one that does already stays as it is.

    Where there are no rows and no journal, none is begun.

    Raises:
        SweepError: If the file cannot be read, or the disk is full or refuses.
    """
    content = _lines(rows, seal, FIRST)
    try:
        there = read_file(path)
    except FileNotFoundError:
        there = b""
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SweepError(f"{path}: cannot be read: {reason}") from error
    if there != content:
        replace_file(path, content)


def _lines(rows: Iterable[BaseModel], seal: Seal, link: bytes) -> bytes:
    lines = []
    for row in rows:
        lines.append(seal.close(row.model_dump_json().encode(), link) + b"\n")
        link = link_after(lines[-1])
    return b"".join(lines)


def _last_link(path: Path) -> bytes:
    try:
        return link_after(read_file(path, end=_SEAL_BYTES))
    except OSError:  # there is none yet, or whoever writes to it says what is wrong
        return FIRST
