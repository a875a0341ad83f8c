"""Words for a process that Ray ends while it starts: nothing of Python's runs then any more."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ibsweep.terminal import visible

__all__ = ["told_if_ended"]

_SCRIPT = 'read -r _ || printf "%s\\n" "$0" >&2'
"""Says its words unless it is told a line before its input ends, as it does with its writer."""


@contextmanager
def told_if_ended(words: str) -> Iterator[None]:
    """Have another process say on the standard error stream that this one was ended in a block.

    Where a raylet dies while a process registers with it, Ray's core ends that process at once,
    with code 1, and what it says goes where the rest of its chatter does.

    Args:
        words: A line.
    """
    try:
        teller = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, visible(words)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not meant for it
        )
    except OSError:  # too many processes, perhaps; whatever begins next has words for that
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            teller.communicate(b"\n")
