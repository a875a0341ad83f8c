"""Reading journals: every line is checked, what is wrong is named, equal lines count once."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from ibsweep.errors import SweepError
from ibsweep.results.damage import REMOVE_LINE, Damage, damage_text
from ibsweep.results.seal import FIRST, WRONG, Seal

__all__ = [
    "OF_OTHERS",
    "TORN",
    "Journal",
    "Row",
    "first_fault",
    "read_file",
    "read_journal",
]

OF_OTHERS = f"({WRONG}){REMOVE_LINE}"
"""How what is wrong with a line ends where its checksum is."""

TORN = "was never finished, and is left out"
"""What is said of the last line of a process that was killed, or is just writing it."""

_NOT_NEXT = "did not follow the line before it: a line is gone, or they were in another order"


class _Keyed(Protocol):
    @property
    def key(self) -> Hashable: ...


Row = TypeVar("Row", bound=_Keyed)


@dataclass(frozen=True)
class Journal(Generic[Row]):
    """What a journal holds.

    Attributes:
        rows: Its rows by their lines, each once.
        damage: What is wrong with it.
    """

    rows: dict[int, Row]
    damage: tuple[Damage, ...] = ()

    def sound(self) -> list[Row]:
        """Return the rows in order.

        Raises:
            SweepError: If a line cannot be counted on, with all of them.
        """
        faults = [one for one in self.damage if one.remedy == "remove"]
        if faults:
            raise SweepError(damage_text(faults))
        return list(self.rows.values())


_READ = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # systems lack some of these
    _READ |= getattr(os, _name, 0)


def read_file(path: Path, end: int | None = None) -> bytes:
    """Return the content of a regular file; reading a pipe or a device might never end.

    Args:
        path: The file.
        end: Return so many bytes of its end.

    Raises:
        OSError: If it is none, or cannot be read.
    """
    descriptor = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        if end is not None:
            file.seek(max(0, os.fstat(descriptor).st_size - end))
        return file.read()


def read_journal(path: Path, kind: type[Row], seal: Seal) -> Journal[Row]:
    """Read a journal, which there need not be.

    A torn last line (no newline, or half a row) was never finished and is left out. A line that
    stands twice counts once, and one that is empty says nothing. Lines may end in CR LF, as copies
    in text mode make them. Where a line is gone the next one says so.

    Args:
        path: The journal.
        kind: What its rows are; ``key`` tells which of them are of one thing.
        seal: Of its lines.
    """
    try:
        lines = read_file(path).split(b"\n")
    except FileNotFoundError:
        return Journal({})
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Journal({}, (Damage(path, None, f"cannot be read: {reason}"),))
    torn = lines.pop()  # what follows the last newline: nothing, or a torn line
    word = kind.__name__.lower()
    rows: dict[int, Row] = {}
    first: dict[Hashable, int] = {}
    damage: list[Damage] = []
    before: bytes | None = FIRST  # what a line is linked to; None where that cannot be told
    if any(line.endswith(b"\r") for line in lines):
        text = "has lines that end in CR LF, as a copy in text mode makes them; they are read"
        damage.append(Damage(path, None, text, "none"))
    if torn:
        damage.append(Damage(path, len(lines) + 1, TORN, "none"))
    for number, line in enumerate(lines, start=1):
        line = line.removesuffix(b"\r")
        if not line.strip():
            damage.append(Damage(path, number, "is empty; it is passed over", "none"))
            continue
        try:
            content, check, link = seal.open(line)
            row = kind.model_validate_json(content)  # type: ignore[attr-defined]
        except ValueError as error:
            if number == len(lines) and not torn and _is_torn(line, seal):
                damage.append(Damage(path, number, TORN, "none"))
                break  # blocks of the last write can reach the disk out of order
            damage.append(Damage(path, number, _refusal(word, error)))
            before = None
            continue
        known = first.setdefault(row.key, number)
        if known != number and rows[known] == row:
            text = f"is line {known} once more; it is counted once"
            damage.append(Damage(path, number, text, "none"))
            continue
        if link is not None and before is not None and link != before:
            damage.append(Damage(path, number, _NOT_NEXT, "none"))
        before = check
        if known == number:
            rows[number] = row
        else:
            text = f"contradicts line {known}: both are of {_words(row.key)}"
            damage.append(Damage(path, number, f"{text}; remove one of them to go on"))
    return Journal(rows, tuple(damage))


def first_fault(error: ValidationError) -> str:
    """Return the first thing that is wrong with a row, and where."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    text = f"{where}: {fault['msg']}" if where else fault["msg"]
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)[:300]


def _refusal(word: str, error: ValueError) -> str:
    reason = first_fault(error) if isinstance(error, ValidationError) else str(error)
    return f"is no {word} row ({reason}){REMOVE_LINE}"


def _is_torn(line: bytes, seal: Seal) -> bool:
    """Return whether a line can be one that was never finished: it has no seal, and is no JSON."""
    try:
        seal._replace(required=True).open(line)
    except ValueError:
        try:
            from_json(line)
        except ValueError:
            return True
    return False


def _words(key: Hashable) -> str:
    return " ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
