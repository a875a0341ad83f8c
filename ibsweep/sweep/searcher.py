"""The bridge between Ray Tune's trials and a sweep's records: the project's own Searcher.

Ray's stock OptunaSearch tells trials that a scheduler stopped as complete, hides errors and merges
studies; here a pruned trial is PRUNED, a diverged one FAILs with the reason, and every finished
trial is on disk before Tune goes on.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from ibsweep.errors import SweepError
from ibsweep.questions import Objective
from ibsweep.records import Curve, Proposal, Trial, TrialState
from ibsweep.store import SweepStore
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.proposals import Proposer

__all__ = ["SweepSearcher"]

_ATTEMPTS = 3
"""How often a trial is handed to Tune; each time Tune itself restarts it where it can."""


class SweepSearcher(Searcher):  # type: ignore[misc]
    """Asks the proposer, and writes what Tune reports.

    Args:
        proposer: Where configurations come from.
        store: Where finished trials go.
        configure: Makes the trainable's configuration of a proposal.
        objective: Metric and direction.
        progress: Is told everything.
        deadline: ``time.monotonic()`` after which nothing new is proposed.
    """

    def __init__(
        self,
        proposer: Proposer,
        store: SweepStore,
        configure: Callable[[Proposal], dict[str, Any]],
        objective: Objective,
        progress: Progress,
        deadline: float,
    ) -> None:
        super().__init__(metric=objective.metric, mode=objective.mode)
        self.proposer, self.store, self.configure = proposer, store, configure
        self.objective, self.progress = objective, progress
        self.deadline = deadline
        self.failure: SweepError | None = None
        """Why the records could not be written; the sweep ends with it."""
        self._proposals: dict[str, Proposal] = {}
        self._curves: dict[int, dict[int, Curve]] = {}
        self._lost: deque[Proposal] = deque()
        self._attempts: Counter[int] = Counter()

    @property
    def unfinished(self) -> bool:
        """Whether lost trials wait although Tune has ended: it needs another run."""
        return bool(self._lost) and self.failure is None

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the next trial's configuration, or FINISHED."""
        proposal = self._lost.popleft() if self._lost else self._propose()
        if proposal is None:
            return str(Searcher.FINISHED)
        self._proposals[trial_id] = proposal
        self._attempts[proposal.trial] += 1
        self._curves.setdefault(proposal.trial, {})
        self.progress.trial_started(proposal)
        return self.configure(proposal)

    def _propose(self) -> Proposal | None:
        if self.failure or time.monotonic() > self.deadline:
            return None
        proposed = self.proposer.propose()
        if proposed is None:
            return None
        proposal, new = proposed
        if new:
            self._write(lambda: self.store.add_proposal(proposal))
        return proposal

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Take the figures up to a rung."""
        proposal = self._proposals.get(trial_id)
        if proposal is None:
            return
        passed = self._curves[proposal.trial]
        for text in result["curves"]:
            curve = Curve.model_validate_json(text)
            if curve.epoch in passed:
                continue  # a trial that lost its worker passes its rungs again
            passed[curve.epoch] = curve
            value = getattr(curve, self.objective.metric)
            self.proposer.report(proposal.trial, curve.epoch, value)
            self.progress.trial_advanced(proposal, curve)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Write a finished trial, then tell the study."""
        if result and not error:
            self.on_trial_result(trial_id, result)
        proposal = self._proposals.pop(trial_id, None)
        if proposal is None:
            return
        if error or result is None:
            self._write(self.store.probe)  # a full disk loses workers; no trial is to blame for it
            if self._attempts[proposal.trial] < _ATTEMPTS:
                self._lost.append(proposal)
                return
        curves = [curve for _, curve in sorted(self._curves.pop(proposal.trial).items())]
        if error or result is None:
            reason = "its worker was lost again and again"
            row = self._row(proposal, curves, {}, TrialState.FAIL, reason)
        elif result["failure"]:
            row = self._row(proposal, curves, result, TrialState.FAIL, result["failure"])
        elif result["epoch"] < proposal_epochs(self.configure(proposal)):
            reason = f"pruned at the rung of {result['epoch']} epochs"
            row = self._row(proposal, curves, result, TrialState.PRUNED, reason)
        else:
            row = self._row(proposal, curves, result, TrialState.COMPLETE, None)
        self._write(lambda: self.store.add_trial(row, curves))
        self.proposer.finish(row)
        self.progress.trial_finished(row)

    def _row(
        self,
        proposal: Proposal,
        curves: list[Curve],
        result: dict[str, Any],
        state: TrialState,
        reason: str | None,
    ) -> Trial:
        last = curves[-1] if curves else None
        scored = last is not None and state != TrialState.FAIL
        return Trial(
            trial=proposal.trial,
            origin=proposal.origin,
            state=state,
            config=proposal.config,
            epochs=last.epoch if last else 0,
            valid_accuracy=last.valid_accuracy if last and scored else None,
            valid_loss=last.valid_loss if last and scored else None,
            rungs=tuple((c.epoch, getattr(c, self.objective.metric)) for c in curves),
            replicates=last.replicates if last else (),
            seconds=result.get("seconds", 0.0),
            device=result.get("device", "unknown"),
            node=result.get("node", "unknown"),
            reason=reason,
        )

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except SweepError as error:
            self.failure = error
            raise

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the sweep's own records are the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: ``ibsweep resume`` rebuilds the study from the records."""

    def get_state(self) -> dict[str, Any]:
        """Return no state, see ``save``."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its tuner for a restore that nobody calls; open files and displays cannot go
        # along
        return {}


def proposal_epochs(config: dict[str, Any]) -> int:
    """Return the epochs that a trainable's configuration asks for."""
    epochs: int = config["plan"]["settings"]["epochs"]
    return epochs
