"""A running command with all the processes that it started, found by a mark in their environment.

A process whose parent was killed has another parent, and Ray's daemons have sessions of their own:
only the environment that they inherited tells whose they were.
"""

from __future__ import annotations

import re
import secrets
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
from sweeps_run import start

_MARK = "CHAOS_MARK"

DAEMONS = {
    "raylet": "raylet/raylet",
    "gcs_server": "gcs/gcs_server",
    "agent": "agent",
    "log monitor": "log_monitor",
    "worker": "ray::",
}
"""What the command lines of Ray's processes hold."""


class Command:
    """A command that is to be disturbed.

    Args:
        folder: Where it runs; its results lie in ``results``.
        words: Its words.
        environment: Variables to add.
    """

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self.mark = secrets.token_hex(8)
        self.process = start(folder, *words, **{_MARK: self.mark}, **environment)
        self.started = time.monotonic()

    def processes(self) -> list[psutil.Process]:
        """Return the command and all that it started and that still runs."""
        wanted, found = f"{_MARK}={self.mark}".encode(), []
        for folder in Path("/proc").iterdir():
            with suppress(OSError, psutil.NoSuchProcess, ValueError):
                # what has been killed has no environment any more
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(psutil.Process(int(folder.name)))
        return found

    def daemons(self, kind: str) -> list[psutil.Process]:
        """Return its processes of a kind of ``DAEMONS``."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if process.pid != self.process.pid and DAEMONS[kind] in line:
                    found.append(process)
        return found

    def signal_all(self, sent: signal.Signals) -> None:
        """Send a signal to the command and all that it started."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.send_signal(sent)

    def is_running(self) -> bool:
        """Return whether the command itself runs."""
        return self.process.poll() is None

    def wait(self, seconds: float) -> bool:
        """Wait until the command has ended; return whether it has."""
        deadline = time.monotonic() + seconds
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.is_running()

    def leftovers(self, seconds: float) -> list[str]:
        """Wait until all that it started has ended, and return what has not; that is killed.

        Ray's agents, which hold nothing of a sweep, are killed without a word: where a driver
        died, they look for its control service for a minute before they end.
        """
        deadline = time.monotonic() + seconds
        while (left := [p for p in self.processes() if not _is_agent(p)]) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.25)
        names = []
        for process in left:
            with suppress(psutil.Error):
                words = process.cmdline()
                names.append(" ".join(Path(word).name for word in words)[:80])
        self.signal_all(signal.SIGKILL)
        return names

    def end(self) -> str:
        """Kill whatever is left, and return what the command said."""
        self.signal_all(signal.SIGCONT)
        self.signal_all(signal.SIGKILL)
        out, err = self.process.communicate(timeout=60)
        return f"{out[-600:]}{err[-1500:]}"


def _is_agent(process: psutil.Process) -> bool:
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return True
    return bool(re.search(r"DashboardAgent|RuntimeEnvAgent|agent\.py|runtime_env/agent", words))
