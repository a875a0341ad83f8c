"""What the tests that break things share: how often they do it, what they count and find.

The counts are those of the short form, or with ``CHAOS=long`` those of ``make chaos``; each can be
set by itself, such as ``CHAOS_KILLS=20``. A test ends after ``CHAOS_MINUTES`` whatever its count,
and with ``CHAOS_LOG`` a file is told of what is done as it is done.
"""

from __future__ import annotations

import functools
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import hypothesis
import pytest

_COUNTS = {  # in the short form, in the long form
    "kills": (2, 150),  # of sweeps with their Ray
    "writes": (30, 1_500),  # of commands that write without Ray
    "nodes": (1, 30),
    "files": (150, 6_000),  # question files
    "lines": (100, 4_000),  # command lines
    "damaged": (60, 5_000),
    "stores": (15, 500),  # runs over an object store that refuses
    "races": (1, 6),
}

LONG = os.environ.get("CHAOS") == "long"

tally: Counter[str] = Counter()
"""What was done, in words, for the last lines of the run."""


def count(name: str) -> int:
    """Return how often to do something."""
    short, long = _COUNTS[name]
    return int(os.environ.get(f"CHAOS_{name.upper()}") or (long if LONG else short))


def clock() -> Callable[[], bool]:
    """Return what tells whether the time of a test that begins now is over."""
    minutes = float(os.environ.get("CHAOS_MINUTES") or (40 if LONG else 3))
    deadline = time.monotonic() + 60 * minutes
    return lambda: time.monotonic() > deadline


def require(name: str, done: int, over: Callable[[], bool]) -> None:
    """Make sure that a test did what it says: a rule that nothing is held against always holds.

    Args:
        name: What was to be done, as for ``count``.
        done: How often it was.
        over: What ``clock`` gave: whether there was no time for more.
    """
    wanted = 1 if over() else count(name)
    assert done >= wanted, f"{done} of {count(name)} {name}"


def note(text: str) -> None:
    """Tell the log, if there is one, what is done."""
    if path := os.environ.get("CHAOS_LOG"):
        with open(path, "a", encoding="utf-8") as log:  # noqa: PTH123
            log.write(f"{time.strftime('%H:%M:%S')} {text}\n")


@functools.cache
def seed() -> int:
    """Return the seed of what is drawn: always the same in the short form."""
    return int(os.environ.get("CHAOS_SEED") or (time.time_ns() % 2**32 if LONG else 0))


def examples(name: str) -> hypothesis.settings:
    """Return the settings of a test that draws so many examples."""
    return hypothesis.settings(
        max_examples=count(name),
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],  # findings are gathered, not shrunk
        suppress_health_check=list(hypothesis.HealthCheck),
    )


class Findings:
    """What went wrong, gathered so that the first does not hide the others."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, kind: str, example: str) -> None:
        """Note a finding.

        Args:
            kind: What went wrong; of one kind the first examples are shown.
            example: How to see it.
        """
        tally["findings"] += 1
        note(f"FOUND {kind}\n    {example}")
        self._found.setdefault(kind, []).append(example)

    def check(self) -> None:
        """Fail if there are any."""
        lines = [
            f"{len(them)} x {kind}\n    "
            + "\n    ".join(re.sub(r"(.)\1{60,}", r"\1...\1", one)[:4000] for one in them[:3])
            for kind, them in sorted(self._found.items())
        ]
        if lines:
            pytest.fail("\n".join([f"CHAOS_SEED={seed()}", *lines]), pytrace=False)


class HangError(Exception):
    """What should have been refused at once waits, or computes, for ever."""


@dataclass
class Spent:
    """What a block took.

    Attributes:
        seconds: Of this process's CPU time: others may use the machine.
    """

    seconds: float = 0.0


@contextmanager
def watched(patience: float = 60) -> Iterator[Spent]:
    """Measure a block, and end it where it hangs.

    Args:
        patience: Seconds by the clock after which it does.

    Raises:
        HangError: If so.
    """

    def end(*_: object) -> None:
        raise HangError(f"no end within {patience:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, patience)
    spent, started = Spent(), time.process_time()
    try:
        yield spent
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        spent.seconds = time.process_time() - started


def pick(draws: random.Random, *, bound: int) -> int:
    """Return a number from 0 to ``bound - 1`` that is often near either end."""
    kind = draws.random()
    if kind < 0.15:
        return 0
    if kind < 0.3:
        return max(0, bound - 1)
    return draws.randrange(max(1, bound))
