"""Signals by which a command is told to stop, and which its Ray is to survive until it has.

Batch systems warn a job before they end it, and most can be told to warn all of its processes:
Slurm sends what ``--signal`` names, such as ``USR1@120`` two minutes ahead, LSF sends SIGUSR2 and
Grid Engine SIGUSR1, SIGUSR2 or SIGXCPU. A terminal that is closed sends SIGHUP to all that runs in
it. Whoever does not expect these dies of them. Here they mean what Ctrl-C does: finished trials
are on disk, and the command says how to go on.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["handle_stop_signals", "hidden_from_children", "stop_requested"]

_WARNINGS = [
    found
    for name in ("SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGHUP")
    if (found := getattr(signal, name, None)) is not None
]
"""What batch systems send ahead of SIGTERM and SIGKILL, and what a closed terminal sends."""

_STOPS = {signal.SIGINT, signal.SIGTERM, *_WARNINGS}

_received: int | None = None
"""Where the numbers of signals arrive, also while Python code cannot run: the end of a pipe."""
_stopping = False


def handle_stop_signals() -> None:
    """Have each of them raise ``KeyboardInterrupt`` in the main thread, which calls this.

    A signal that is ignored stays so: whoever started the process wanted that, as ``nohup`` does.
    """
    global _received, _stopping
    if os.name != "posix":  # nothing that trains runs there, and nobody sends these
        return
    for one in (signal.SIGTERM, *_WARNINGS):
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, signal.default_int_handler)
    _stopping = False
    if _received is None:
        _received, into = os.pipe()
        os.set_blocking(_received, False)
        os.set_blocking(into, False)
        signal.set_wakeup_fd(into, warn_on_full_buffer=False)
    stop_requested()  # what came before is not meant for this command
    _stopping = False


def stop_requested() -> bool:
    """Return whether one has arrived since, even if the main thread could not react so far."""
    global _stopping
    if _received is not None:
        with contextlib.suppress(BlockingIOError):
            _stopping = not _STOPS.isdisjoint(os.read(_received, 4096)) or _stopping
    return _stopping


@contextmanager
def hidden_from_children() -> Iterator[None]:
    """Have processes that are started in a block never see the warnings.

    A child has its parent's mask. Ray hides Ctrl-C from its daemons in the same way. Here the
    warnings wait until the block has ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WARNINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
