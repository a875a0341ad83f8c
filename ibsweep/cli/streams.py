"""The standard streams as a command finds them: closed, a pipe that nobody reads, a full disk.

A sweep that trains for hours must not end because nobody looks at it any more: its results are
files. So a closed stream is the null device, and messages that cannot be written are dropped.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from ibsweep.errors import IbsweepError

__all__ = ["hold_descriptors", "open_streams"]


def open_streams() -> None:
    """Have this process' streams open, whatever it was started with; call it first of all."""
    hold_descriptors()
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = _text(_Results(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Messages(2, "w", closefd=False), sys.stderr)


def hold_descriptors() -> None:
    """Open the null device in place of closed standard streams.

    The next file that is opened would have such a stream's number, and get what native code and
    child processes print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it has the lowest number that is free, this one
            os.set_inheritable(number, True)


def _text(raw: io.FileIO, like: Any) -> io.TextIOWrapper:
    """Return a text stream over a file, with the settings of another one, which may be None."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(like, "encoding", None) or "utf-8",
        errors="backslashreplace",  # a character that the encoding lacks is shown, as \\xe9 is
        line_buffering=getattr(like, "line_buffering", True),
        write_through=getattr(like, "write_through", False),
    )


class _Results(io.FileIO):
    """Standard output: what cannot be written is an error, told once."""

    def write(self, data: Any, /) -> int:
        """Write bytes.

        Raises:
            BrokenPipeError: If nobody reads them.
            IbsweepError: If they cannot be written for another reason.
        """
        try:
            return super().write(data)
        except OSError as error:
            _silence(self.fileno())  # the rest, at the end of the process
            if isinstance(error, BrokenPipeError):
                raise
            reason = (error.strerror or str(error)).lower()
            raise IbsweepError(f"cannot write to the standard output: {reason}") from error


class _Messages(io.FileIO):
    """Standard error: what cannot be written is dropped, and all that follows."""

    def write(self, data: Any, /) -> int:
        """Write bytes, or drop them."""
        try:
            return super().write(data)
        except OSError:
            _silence(self.fileno())
            return len(memoryview(data).cast("B"))


def _silence(number: int) -> None:
    """Point a descriptor at the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
