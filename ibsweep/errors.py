"""What can go wrong, for the user to read.

IbsweepError          anything this project reports as one clear message; exit code 1
├── InputError        an argument, a file or an option is wrong; exit code 2
│   └── ChangedCodeError  code of the user's own is not what a sweep began with
└── SweepError        a sweep cannot go on; what it finished is on disk
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class IbsweepError(Exception):
    """A failure with a message written for the user: one or two lines, no traceback."""

    exit_code: ClassVar[int] = 1


class InputError(IbsweepError):
    """Something the user gave is wrong; the message says what would be right."""

    exit_code: ClassVar[int] = 2


class ChangedCodeError(InputError):
    """Code of the user's own is not what a sweep began with."""


class SweepError(IbsweepError):
    """A sweep cannot go on; what it finished is on disk and it can be resumed."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the nearest known names as the tail of an error message.

    Args:
        word: What the user wrote.
        known: The names that would be right.

    Returns:
        ``"did you mean 'q7_wider'?"`` where something is near, else the list of all names.
    """
    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(repr(name) for name in near)}?"
    return f"known are {', '.join(names)}"


class Fault(NamedTuple):
    """One thing that is wrong in something the user gave.

    Attributes:
        path: Keys and list positions that lead to the place, outermost first.
        text: What is wrong, what was found and what would be right.
    """

    path: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        # A key may hold anything; it must not break the line, nor steer the terminal.
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in where.removeprefix("."))
        return f"{plain}: {self.text}" if where else self.text


def format_value(value: object) -> str:
    """Return a value for a message: its repr, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
