"""How to go on after Ctrl-C or a signal: a sentence for people, in a job a line for ``stop``."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import NamedTuple, Self

from ibsweep.cluster.jobs import IN_JOB

__all__ = ["HowToResume"]

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
        print(f"ibsweep: interrupted; {self.text()}", file=sys.stderr)
        if os.environ.get(IN_JOB):
            print(f"{_PREFIX}{json.dumps(self._asdict())}", file=sys.stderr)

    @classmethod
    def from_log(cls, log: str) -> Self | None:
        """Return what the command of a job reported, None if it was ended before it could.

        Args:
            log: What the job has printed.
        """
        reports = [line for line in log.splitlines() if line.startswith(_PREFIX)]
        if not reports:
            return None
        report = json.loads(reports[-1].removeprefix(_PREFIX))
        return cls(report["progress"], tuple(report["resume"]))
