"""What can go wrong, for the user to read.

IbsweepError          anything this project reports as one clear message; exit code 1
├── InputError        an argument, a file or an option is wrong; exit code 2
│   └── ChangedCodeError  code of the user's own is not what a sweep began with
└── SweepError        a sweep cannot go on; what it finished is on disk
    └── SweepGoneError    its directory is gone
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ibsweep.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST = 80
"""Characters of a value that a message quotes; and of a name."""
_MOST = 20
"""Values or faults that a message lists before it says how many more there are."""


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


class SweepGoneError(SweepError):
    """A sweep's directory was removed or moved while it ran: there is nothing to go on with."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the nearest known names as the tail of an error message.

    Args:
        word: What the user wrote.
        known: The names that would be right.

    Returns:
        ``"did you mean 'q7_wider'?"`` where something is near, else the list of all names.
    """
    names = sorted(known)
    if len(word) <= _LONGEST:  # to compare takes the product of the lengths
        compared = [name for name in names if len(name) <= _LONGEST][:1000]
        if near := get_close_matches(word, compared, n=3, cutoff=0.6):
            return f"did you mean {' or '.join(map(repr, near))}?"
    return f"known are {listed(map(_cut, names))}"


class Fault(NamedTuple):
    """One thing that is wrong in something the user gave.

    Attributes:
        path: Keys and list positions that lead to the place, outermost first.
        text: What is wrong, what was found and what would be right.
    """

    path: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        parts = (f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in self.path)
        where = "".join(parts).removeprefix(".")
        # A key may hold anything; it must not break the line, nor steer the terminal.
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in where)
        text = visible(_cut(self.text, 10 * _LONGEST)).replace("\n", "\\n")
        return f"{plain}: {text}" if where else text


def fault_lines(faults: Sequence[Fault], where: object = None) -> str:
    """Return faults as a message, a line each; of many the first twenty, and how many more.

    Args:
        faults: What is wrong.
        where: Put before every line: the file.
    """
    before = "" if where is None else f"{_end_of(str(where))}: "
    lines = [f"{before}{fault}" for fault in faults[:_MOST]]
    if len(faults) > _MOST:
        lines.append(f"{before}and {len(faults) - _MOST:,} faults more")
    return "\n".join(lines)


def format_value(value: object) -> str:
    """Return a value for a message: its repr, cut where it is long."""
    try:
        return _cut(repr(value))
    except ValueError:  # Python writes out no integer of more than some thousand digits
        return "an integer of thousands of digits"


def listed(words: Iterable[str]) -> str:
    """Return words with commas between them; of many the first twenty, and how many more.

    Example:
        >>> listed(["a", "b"])
        'a, b'
    """
    given = list(words)
    more = f" and {len(given) - _MOST:,} more" if len(given) > _MOST else ""
    return ", ".join(map(str, given[:_MOST])) + more


def _cut(text: object, most: int = _LONGEST) -> str:
    text = str(text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _end_of(path: str) -> str:
    return path if len(path) <= 3 * _LONGEST else f"...{path[3 - 3 * _LONGEST :]}"
