"""What one thread prints goes to a log of its own; the output of others stays where it was."""

from __future__ import annotations

import io
import sys
import threading
from typing import Any, TextIO

__all__ = ["Log", "capture_thread_output", "release_thread_output"]

_MOST_CHARACTERS = 200_000
"""Of a replicate's log: it travels with the results of a trial."""


class Log(io.TextIOBase):
    """Collects what is written; ``take`` returns whole lines.

    Args:
        mark: Put before every line.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._open = ""  # the line that has not ended yet
        self._lines: list[str] = []
        self._left = _MOST_CHARACTERS

    def writable(self) -> bool:
        """Writing is all that it is for."""
        return True

    def write(self, text: str) -> int:
        """Take text; of a line that is drawn over and over, as progress bars do, the last one."""
        *lines, self._open = (self._open + text).split("\n")
        if "\r" in self._open[:-1]:
            self._open = self._open[self._open[:-1].rindex("\r") + 1 :]
        for line in lines:
            self._keep(line)
        return len(text)

    def note(self, text: str) -> None:
        """Take lines that must not be lost, however much was written before."""
        self._end_line()
        self._lines += [f"{self._mark}{line}" for line in text.splitlines()]

    def take(self, *, ended: bool) -> str:
        """Return what was written since the last call.

        Args:
            ended: Whether nothing more is to come, so that an open line is whole.
        """
        if ended:
            self._end_line()
        text = "".join(f"{line}\n" for line in self._lines)
        self._lines.clear()
        return text

    def _end_line(self) -> None:
        if self._open:
            self._keep(self._open)
            self._open = ""

    def _keep(self, line: str) -> None:
        shown = line.rstrip("\r").rpartition("\r")[2]
        before, self._left = self._left, self._left - len(shown) - 1
        if self._left >= 0:
            self._lines.append(self._mark + shown)
        elif before >= 0:
            self._lines.append(f"{self._mark}... what was printed from here on is not kept")


_logs: dict[int, Log] = {}
"""By thread."""


class _Routed:
    """Stands in for a standard stream: threads with a log write to it, all others as before."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    @property
    def _target(self) -> Any:
        return _logs.get(threading.get_ident(), self.beneath)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


def capture_thread_output(log: Log) -> None:
    """Have all that this thread prints from now on go to a log, on either standard stream."""
    _logs[threading.get_ident()] = log
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Routed):
            setattr(sys, name, _Routed(stream))


def release_thread_output() -> None:
    """End what ``capture_thread_output`` began in this thread."""
    _logs.pop(threading.get_ident(), None)
    if _logs:
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _Routed):
            setattr(sys, name, stream.beneath)
