"""When a sweep's search ends before it has all of its trials, and what is written down of it.

Model-epochs and patience follow from the rows of finished trials alone, in the order in which they
finished, so that a resumed sweep ends where it would have ended. Trials that are under way end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ibsweep.results.records import TrialState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ibsweep.questions.schema import Objective
    from ibsweep.results.manifest import Manifest
    from ibsweep.results.records import Trial
    from ibsweep.sweep.clock import SearchClock

__all__ = ["SearchEnd"]


class SearchEnd:
    """Counts what a search has spent and for how long it has found nothing better.

    Args:
        manifest: The sweep's, with its limits.
        objective: Says what is better.
        clock: Of the search.
        trials: What is finished, in the order in which it finished.
    """

    def __init__(
        self,
        manifest: Manifest,
        objective: Objective,
        clock: SearchClock,
        trials: Iterable[Trial] = (),
    ) -> None:
        self._manifest, self._objective, self._clock = manifest, objective, clock
        self._trials: list[Trial] = []
        self._best, self._better_at = -math.inf, 0
        # who extends a sweep wants it to go on, whatever it did before
        self._counted_from = manifest.extended[-1]["done"] if manifest.extended else 0
        self.model_epochs = 0
        """Of the finished trials, over all replicates."""
        for row in trials:
            self.add(row)

    def add(self, row: Trial) -> None:
        """Count a finished trial."""
        self._trials.append(row)
        self.model_epochs += row.model_epochs
        value = row.figure(self._objective.valid)
        if row.state == TrialState.COMPLETE and value is not None:
            figure = self._objective.sign * value
            if figure > self._best:  # a lower loss at the same figure is no better best
                self._best, self._better_at = figure, len(self._trials)
        self._clock.keep_back(self._trials, self._objective)

    @property
    def without_gain(self) -> int:
        """How many trials have finished since the best became better."""
        return len(self._trials) - max(self._better_at, self._counted_from)

    def reached(self, running: int = 0) -> str | None:
        """Return which limit is reached, so that nothing new begins; None where none is.

        Args:
            running: Model-epochs that trials under way have trained.
        """
        manifest = self._manifest
        if manifest.patience is not None and self.without_gain >= manifest.patience:
            return "patience"
        if manifest.budget is not None and self.model_epochs + running >= manifest.budget:
            return "budget"
        return self._clock.over

    def record(self, exhausted: str | None) -> dict[str, Any]:
        """Return why the search has ended, for ``Manifest.ended``.

        Args:
            exhausted: Why nothing more could be proposed, where that is so.
        """
        manifest = self._manifest
        if len(self._trials) >= manifest.trials:
            why, words = "trials", f"it has all of its {manifest.trials} trials"
        elif exhausted:
            why, words = "space", exhausted
        else:
            why = self.reached() or "trials"
            words = {
                "trials": f"it has {len(self._trials)} trials",
                "patience": f"its best did not become better for {self.without_gain} trials",
                "budget": f"its budget of {manifest.budget or 0:,} model-epochs is spent",
                "time": "its time budget is spent",
                "max_time": "the time of its command is over",
            }[why]
        return {
            "why": why,
            "words": words,
            "trials": len(self._trials),
            "model_epochs": self.model_epochs,
            "seconds": round(self._clock.seconds, 3),
        }
