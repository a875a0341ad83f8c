"""A command whose local Ray died begins again: in a new image of its own process.

What it has finished is on disk, and it is what ``resume`` would go on from. The new image has the
process's id, parent, terminal and streams, so that whoever waits for the command notices nothing;
it has none of the threads, locks and connections that the old one had with a dead Ray.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from ibsweep.cli.interruption import HowToResume
from ibsweep.cluster.recovery import Recovery
from ibsweep.cluster.stop_signals import stop_requested
from ibsweep.results.location import close_mirrors
from ibsweep.results.locks import hand_over_locks, take_over_locks
from ibsweep.terminal import say, show_cursor

__all__ = ["CommandRecovery", "remember_process"]

_COUNT = "IBSWEEP_RAY_RESTARTS"
"""The environment variable that tells a new image how often the command has begun again."""
_LOCKS = "IBSWEEP_RAY_RESTART_LOCKS"
"""The one that tells it of the locks that it still holds."""
_MOST = 3
_CLOSE_SECONDS = 20.0
"""How long a command that ends at once may take to bring its results to their URL."""


class _Process(NamedTuple):
    """How this process began: its environment, the words up to the command's own, and how often
    it has begun again.
    """

    environment: dict[str, str]
    start: list[str]
    restarts: int


_process: _Process | None = None


def remember_process() -> None:
    """Take this process for the command's own, before it has changed anything."""
    global _process
    count, locks = os.environ.pop(_COUNT, ""), os.environ.pop(_LOCKS, "")
    own = len(sys.orig_argv) - len(sys.argv[1:])
    start = [sys.executable, *sys.orig_argv[1:own]]
    _process = _Process(dict(os.environ), start, int(count) if count.isdecimal() else 0)
    if count and locks:
        take_over_locks(locks)
    if count:
        with contextlib.suppress(ChildProcessError):  # when all that the old image left are gone
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


class CommandRecovery(Recovery):
    """Begins a command again, at most three times, else ends it with how to go on.

    Args:
        display: What the command shows, to be closed before.
        how: Returns how far it came.
        words: Returns what to run in place of the command's own words, where these would begin
            anew.
    """

    def __init__(
        self,
        display: AbstractContextManager[object],
        how: Callable[[], HowToResume],
        words: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._display, self._how, self._words = display, how, words

    @property
    def owns_process(self) -> bool:
        """Whether this process is the command's own, and nobody else's who called it."""
        return _process is not None

    def how_to_resume(self) -> str:
        """Return how far the command came, and what goes on."""
        return self._how().text()

    def begin_again(self, daemon: str) -> None:
        """Replace this process, unless it is not the command's own or has been replaced often."""
        if _process is None or _process.restarts >= _MOST:
            return
        self._close_display()
        with contextlib.suppress(Exception):  # a line that cannot be had keeps nobody from it
            say(f"ibsweep: Ray's {daemon} died; starting Ray again, {self._how().progress}")
        words = list(sys.argv[1:] if self._words is None else self._words())
        if "--debug" in sys.argv and "--debug" not in words:
            words.append("--debug")
        environment = {
            **_process.environment,
            _COUNT: str(_process.restarts + 1),
            _LOCKS: hand_over_locks(),
        }
        if stop_requested():  # it would be forgotten with this image
            self.end(None)
        with contextlib.suppress(OSError):  # no executable any more: end, with how to go on
            os.execve(sys.executable, [*_process.start, *words], environment)

    def end(self, reason: str | None, hint: str = "") -> None:
        """Say what happened and how to go on, and end the process at once, if it is ours."""
        if _process is None:
            return
        try:
            self._close_display()
            if reason is None:
                self._how().report_interruption()
            else:
                often = f" {_MOST + 1} times" if _process.restarts >= _MOST else ""
                say(f"ibsweep: {reason}{often}; {self.how_to_resume()}{hint}")
            # results at a URL have everything, if that can be done in time
            last = threading.Thread(target=close_mirrors, daemon=True)
            last.start()
            last.join(_CLOSE_SECONDS)
        finally:  # whatever became of the words
            os._exit(130 if reason is None else 1)

    def _close_display(self) -> None:
        with contextlib.suppress(Exception):
            self._display.__exit__(None, None, None)
        show_cursor()
