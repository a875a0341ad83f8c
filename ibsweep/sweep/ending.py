"""When a sweep's search ends before it has all of its trials, and what is written down of it.

Model-epochs and patience follow from the rows of finished trials alone, in the order in which they
finished, so that a resumed sweep ends where it would have ended. Trials that are under way end.

The best became better where a complete trial is one that no earlier complete one is as good as: of
one objective, where its figure is better; of several, where it is a new point of their front, by
which the hypervolume grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.results.records import TrialState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ibsweep.questions.schema import Objective
    from ibsweep.results.manifest import Manifest
    from ibsweep.results.records import Trial
    from ibsweep.sweep.clock import SearchClock

__all__ = ["SearchEnd"]


class SearchEnd:
    """Counts what a search has spent and for how long it has found nothing better.

    Args:
        manifest: The sweep's, with its limits.
        objectives: Say what is better.
        clock: Of the search.
        trials: What is finished, in the order in which it finished.
    """

    def __init__(
        self,
        manifest: Manifest,
        objectives: Sequence[Objective],
        clock: SearchClock,
        trials: Iterable[Trial] = (),
    ) -> None:
        self._manifest, self._objectives, self._clock = manifest, objectives, clock
        self._trials: list[Trial] = []
        self._front: list[tuple[float, ...]] = []
        self._better_at = 0
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
        if row.state == TrialState.COMPLETE and self._is_better(row):
            self._better_at = len(self._trials)
        self._clock.keep_back(self._trials, self._objectives)

    def _is_better(self, row: Trial) -> bool:
        """Tell whether no earlier trial is as good; a lower loss at the same figure is no gain."""
        figures = [row.figure(objective.valid) for objective in self._objectives]
        known = [figure for figure in figures if figure is not None]
        if len(known) < len(figures):
            return False
        point = tuple(o.sign * f for o, f in zip(self._objectives, known, strict=True))
        if any(_as_good(other, point) for other in self._front):
            return False
        self._front = [other for other in self._front if not _as_good(point, other)]
        self._front.append(point)
        return True

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
        if manifest.budget is not None and self.model_epochs + running >= manifest.budget:
            return "budget"
        # the budget first: trials under way when it was spent may use up the patience as well
        if manifest.patience is not None and self.without_gain >= manifest.patience:
            return "patience"
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


def _as_good(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True))
