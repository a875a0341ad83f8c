"""The time that a sweep has searched, over all of its runs.

A time budget is for the sweep, not for each of its runs: what was spent is on disk every few
seconds, so that a resumed sweep has what is left. It is measured by the monotonic clock of each
run and added up; the clock on the wall may be set while a sweep runs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ibsweep.results.extent import record_spent, spent_seconds

if TYPE_CHECKING:
    from ibsweep.results.store import SweepStore

__all__ = ["SearchClock"]

_EVERY = 5.0
"""Seconds between two records: what a power cut takes from the account at most."""


class SearchClock:
    """Counts on from what earlier runs spent.

    Args:
        store: The sweep, which keeps the account.
    """

    def __init__(self, store: SweepStore) -> None:
        self._store = store
        self._budget = store.manifest.time_budget
        self._before = self._recorded = spent_seconds(store)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Spent so far, in this run and in those before it."""
        return self._before + time.monotonic() - self._started

    @property
    def is_over(self) -> bool:
        """Whether the sweep's time budget is spent; it may have none."""
        return self._budget is not None and self.seconds >= self._budget

    def tick(self) -> None:
        """Record what is spent, unless that was done a moment ago."""
        if self.seconds - self._recorded >= _EVERY:
            self.record()

    def record(self) -> None:
        """Record what is spent, durably.

        Raises:
            SweepError: If the disk is full or refuses.
        """
        spent = self.seconds
        record_spent(self._store, spent)
        self._recorded = spent
