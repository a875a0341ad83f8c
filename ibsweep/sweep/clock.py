"""The time that a sweep has searched or confirmed, over all of its runs.

A time budget is for the sweep, not for each of its runs: what was spent is on disk every few
seconds, so that a resumed sweep has what is left. It is measured by the monotonic clock of each
run and added up; the clock on the wall may be set while a sweep runs.

The time of a whole command is shared by its sweeps: each may take an even part of what is left
when it begins, and what confirming its leaders will take is kept back from its search.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from ibsweep.analysis.summary import leading
from ibsweep.results.spent import Account, record_spent, seconds_left, spent_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.questions.schema import Objective
    from ibsweep.results.records import Trial
    from ibsweep.results.store import SweepStore

__all__ = ["Clock", "SearchClock"]

_EVERY = 5.0
"""Seconds between two records: what a power cut takes from the account at most."""


class Clock:
    """Counts on from what earlier runs spent.

    Args:
        store: The sweep, which keeps the account.
        account: What is done meanwhile.
    """

    def __init__(self, store: SweepStore, account: Account) -> None:
        self._store, self._account = store, account
        self._before = self._recorded = spent_seconds(store, account)
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds of this run."""
        return time.monotonic() - self._started

    @property
    def seconds(self) -> float:
        """Spent so far, in this run and in those before it."""
        return self._before + self.elapsed

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
        record_spent(self._store, spent, self._account)
        self._recorded = spent


class SearchClock(Clock):
    """Says when a sweep's search has no time left.

    Args:
        store: The sweep, which keeps the account.
    """

    def __init__(self, store: SweepStore) -> None:
        super().__init__(store, "seconds")
        self._budget, self._share = store.manifest.time_budget, _share(store)
        self._reserve = 0.0

    @property
    def over(self) -> Literal["time", "max_time"] | None:
        """Which time is over, that of the sweep's own budget or that of its command."""
        if self._budget is not None and self.seconds >= self._budget:
            return "time"
        if self._share is not None and self.elapsed + self._reserve >= self._share:
            return "max_time"
        return None

    def keep_back(self, trials: Sequence[Trial], objectives: Sequence[Objective]) -> None:
        """Keep back what it will take to confirm the leaders, at the pace of the search so far.

        Replicates that train together take less than they would one by one, so it is too much
        rather than too little.

        Args:
            trials: All finished trials.
            objectives: Say which of them lead; of several the whole front is scored.
        """
        if self._share is None or not trials:
            return
        manifest = self._store.manifest
        objective, *further = objectives
        leaders = leading(trials, manifest.confirm, objective, further=further)
        each = [row.seconds / max(1, len(row.replicates)) for row in leaders]
        # the best and, as the last, the baseline; or all of a front
        scored = each if further else each[:1] + each[-1:]
        chosen = sum(each) * (manifest.choice_replicates or 0)
        needed = chosen + sum(scored) * manifest.confirm_replicates
        side_by_side = sum(row.seconds for row in trials) / max(self.seconds, 1e-9)
        self._reserve = needed / max(1.0, side_by_side)


def _share(store: SweepStore) -> float | None:
    """Return the seconds that a sweep may take of what is left of its command's, or None."""
    limit, left = store.manifest.max_time, seconds_left(store)
    if limit is None or left is None:
        return None
    folder = store.paths.root.parent
    names = [name for name in limit["sweeps"] if name != store.manifest.name]
    others: int = sum(
        (folder / name).exists() and not (folder / name / store.paths.best_config.name).exists()
        for name in names
    )
    return max(0.0, left) / (1.0 + others)
