"""How to go on after Ctrl-C or a signal: a sentence for people, in a job a line for ``stop``."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from typing import NamedTuple, Self

from ibsweep.cluster.in_job import IN_JOB
from ibsweep.terminal import say

__all__ = ["HowToResume", "LogFilter"]

_PREFIX = "ibsweep-job: "
"""Of the line in a job's log that is for programs, in JSON; the rest is for people."""


class HowToResume(NamedTuple):
    """How far a command came, and how to go on from there.

    Attributes:
        progress: What is done, without a full stop.
        resume: Arguments for ``ibsweep resume``; without any the same command goes on.
    """

    progress: str
    resume: tuple[str, ...] = ()

    def text(self, command: str = "ibsweep resume") -> str:
        """Return it as a sentence.

        Args:
            command: What ``resume`` is called by where the sentence is read.
        """
        if not self.resume:
            return f"{self.progress}, the same command goes on from there"
        return f"{self.progress}, go on with: {command} {shlex.join(self.resume)}"

    def report_interruption(self) -> None:
        """Print it on the standard error stream."""
        say(f"ibsweep: interrupted; {self.text()}")
        if os.environ.get(IN_JOB):
            say(f"{_PREFIX}{json.dumps(self._asdict())}")

    @classmethod
    def from_log(cls, log: str) -> Self | None:
        """Return what the command of a job reported, None if it was killed before it had.

        Args:
            log: What the job has printed.
        """
        reports = [line for line in log.splitlines() if line.startswith(_PREFIX)]
        if not reports:
            return None
        try:
            report = json.loads(reports[-1].removeprefix(_PREFIX))
            return cls(report["progress"], tuple(report["resume"]))
        except (ValueError, KeyError, TypeError):  # cut off by the end of the job
            return None


class LogFilter:
    """Passes on a job's log, in pieces of any length, without the line that is for programs.

    Args:
        write: Called with what is for people, as soon as that is certain.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._held = ""  # the beginning of a line, which may be one for programs
        self._in_line = False  # whether the beginning of the last line is written

    def feed(self, text: str) -> None:
        """Take the next piece of the log."""
        *lines, rest = (self._held + text).split("\n")
        shown = ""
        for line in lines:
            if self._in_line or not line.startswith(_PREFIX):
                shown += f"{line}\n"
            self._in_line = False
        self._held = ""
        if not self._in_line and rest[: len(_PREFIX)] == _PREFIX[: len(rest)]:
            self._held = rest
        else:
            shown += rest
            self._in_line = True
        if shown:
            self._write(shown)

    def close(self) -> None:
        """Pass on what was held back and is for people, at the end of the log."""
        if self._held and not self._held.startswith(_PREFIX):
            self._write(self._held)
        self._held = ""
