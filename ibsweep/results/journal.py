"""Journals of rows, a sealed JSON object a line, to which lines are only appended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from ibsweep.results.files import append_file, replace_file
from ibsweep.results.reading import read_file
from ibsweep.results.seal import Seal

__all__ = ["append_rows", "rewrite_rows"]


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
    append_file(path, _lines(rows, seal), create=create)


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
