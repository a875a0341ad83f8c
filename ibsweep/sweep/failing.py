"""Values whose trials fail, each time: what no rule knew before, the sweep tells while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.results.records import TrialState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ibsweep.results.records import Trial

__all__ = ["FailingValues"]

_ENOUGH = 3
"""Failures of a value, and no trial of it that did not fail, after which it is told."""


class FailingValues:
    """Counts how the trials of each value end.

    A training function of the user's own is not called before the sweep, so that a value which it
    cannot take shows by its failures alone.

    Args:
        rows: Trials that an earlier run finished.

    Example:
        >>> FailingValues([]).noted
        set()
    """

    def __init__(self, rows: Iterable[Trial]) -> None:
        self._failed: dict[tuple[str, Any], int] = {}
        self._worked: set[tuple[str, Any]] = set()
        self.noted: set[tuple[str, Any]] = set()
        """Names and values that were told."""
        for row in rows:
            self.add(row)

    def add(self, row: Trial) -> list[str]:
        """Count a finished trial; return what is to be told now, a line each."""
        values = list(row.config.items())
        if row.state != TrialState.FAIL:
            self._worked.update(values)
            return []
        for key in values:
            self._failed[key] = self._failed.get(key, 0) + 1
        if not self._worked:
            return []  # everything fails: no value is to blame
        lines = []
        for key in values:
            told = key in self._worked or key in self.noted or self._failed[key] < _ENOUGH
            if not told:
                self.noted.add(key)
                why = (row.reason or "").splitlines()
                lines.append(
                    f"all {self._failed[key]} trials with {key[0]} {key[1]!r} failed"
                    + (f" ({why[0][:200]})" if why else "")
                    + "; leave it out of the space if it cannot work"
                )
        return lines
