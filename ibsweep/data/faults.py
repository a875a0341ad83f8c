"""Errors about data: everything that is wrong at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ibsweep.errors import Fault, InputError

__all__ = ["DataError", "numbered", "raise_faults"]


class DataError(InputError):
    """Data, or what a question says of them, are wrong.

    Attributes:
        faults: What is wrong; the message has a line for each. A path begins inside of the data
            document.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, self.faults)))


def raise_faults(faults: Sequence[Fault]) -> None:
    """Raise one DataError with a line for each fault, if there are any."""
    if faults:
        raise DataError(faults)


def numbered(rows: Sequence[int]) -> str:
    """Return rows in words, the first of them counted as 1: ``rows 3, 17 and 12 more``."""
    shown = ", ".join(str(row + 1) for row in list(rows)[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"row{'s' if len(rows) > 1 else ''} {shown}{more}"
