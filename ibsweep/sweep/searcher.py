"""The bridge between Ray Tune's trials and a sweep's records: the project's own Searcher.

Ray's stock OptunaSearch tells trials that a scheduler stopped as complete, hides errors and merges
studies; here a pruned trial is PRUNED, a diverged one FAILs with the reason, and every finished
trial is on disk before Tune goes on.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import ray
from ray.tune.search import Searcher

from ibsweep.cluster.failures import FailureCause, WorkerFailure
from ibsweep.cluster.nodes import Nodes, node_name
from ibsweep.errors import SweepError
from ibsweep.questions.schema import Objective
from ibsweep.results.records import Curve, Proposal, Trial, TrialState
from ibsweep.results.store import SweepStore
from ibsweep.results.working_files import check_disk
from ibsweep.sweep.ending import SearchEnd
from ibsweep.sweep.failing import FailingValues
from ibsweep.sweep.messages import StepResult, TrainableConfig
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.proposals import Proposer
from ibsweep.trial.plan import TrialPlan

__all__ = ["SweepSearcher"]


class SweepSearcher(Searcher):  # type: ignore[misc]
    """Asks the proposer, and writes what Tune reports.

    Args:
        proposer: Where configurations come from.
        store: Where finished trials go.
        plan: Returns what a proposal trains.
        data: Where workers find the arrays of the data; None where these are generated.
        software: What the workers' own must equal, None on this machine.
        nodes: The cluster's nodes, and what a trial asks for.
        objective: Metric and direction.
        progress: Called with all that happens.
        end: Says when nothing new is to be proposed.
        further: The further objectives.
    """

    def __init__(
        self,
        proposer: Proposer,
        store: SweepStore,
        plan: Callable[[Proposal], TrialPlan],
        data: ray.ObjectRef | None,
        software: dict[str, Any] | None,
        nodes: Nodes,
        objective: Objective,
        progress: Progress,
        end: SearchEnd,
        further: Sequence[Objective] = (),
    ) -> None:
        super().__init__(metric=objective.valid, mode=objective.mode)
        self.proposer, self.store = proposer, store
        self.plan, self.data, self.software = plan, data, software
        self.nodes = nodes
        self.objective, self.progress = objective, progress
        self.end = end
        self.further = [one.valid for one in further]
        self.failure: SweepError | None = None
        """Why the sweep ends: the records could not be written, or its code has changed."""
        self._running: dict[str, Proposal] = {}
        self._pruned: dict[str, int] = {}
        self._curves: dict[int, dict[int, Curve]] = {}
        self._to_retry: deque[Proposal] = deque()
        self._failures: defaultdict[int, list[WorkerFailure]] = defaultdict(list)
        self._checkpoints: dict[int, ray.ObjectRef] = {}
        self._warned = False
        self._failing = FailingValues(store.trials())
        self._all_proposed = False

    def suggest(self, trial_id: str) -> TrainableConfig | str | None:
        """Return the next trial's configuration, None while lost ones may come back, or
        FINISHED.
        """
        proposal = self._to_retry.popleft() if self._to_retry else self._propose()
        if proposal is None:
            return None if self._running else str(Searcher.FINISHED)
        self._running[trial_id] = proposal
        self._curves.setdefault(proposal.trial, {})
        self.progress.trial_started(proposal)
        alone = any(one.cause is FailureCause.MEMORY for one in self._failures[proposal.trial])
        return {
            "plan": asdict(self.plan(proposal)),
            "data": self.data,
            "never_prune": proposal.origin == "baseline",
            "resources": dict(self.nodes.largest_share() if alone else self.nodes.resources),
            "nodes_to_avoid": self.nodes.nodes_to_avoid(proposal.trial),
            "checkpoint": self._checkpoints.get(proposal.trial),
            "software": self.software,
            "objective": self.objective.valid,
            "worst": self.objective.worst,
            "further": self.further,
        }

    def _propose(self) -> Proposal | None:
        if self._all_proposed or self.failure or self._is_over():
            return None
        try:
            proposed = self.proposer.propose()
        except SweepError as error:  # a sampler of the user's own has failed
            self.failure = error
            raise
        if proposed is None:
            self._all_proposed = True
            return None
        proposal, new = proposed
        if new:
            self._write(lambda: self.store.add_proposal(proposal))
        return proposal

    def _is_over(self) -> bool:
        limit = self.end.reached(sum(map(_model_epochs, self._curves.values())))
        # what an interrupted run had begun would have ended there, whatever it came to
        begun = self.proposer.has_unfinished and limit in ("patience", "budget")
        return limit is not None and not begun

    def on_trial_result(self, trial_id: str, result: StepResult) -> None:
        """Take the figures of the epochs validated since the last result."""
        proposal = self._running.get(trial_id)
        if proposal is None:
            return
        if result["kernels_fault"]:
            self.progress.kernels_failed(result["kernels_fault"])
        if "checkpoint" in result:
            self._checkpoints[proposal.trial] = ray.put(result["checkpoint"])
        if (warning := result.get("warning")) and not self._warned:
            self._warned = True
            self.progress.note(f"{self.store.manifest.name}: {warning}")
        if log := result.get("log"):
            self._write(lambda: self.store.add_log(proposal.trial, log))
        curves = self._curves[proposal.trial]
        for text in result["curves"]:
            curve = Curve.model_validate_json(text)
            if curve.epoch in curves:
                continue  # a trial that lost its worker passes its rungs again
            curves[curve.epoch] = curve
            self.progress.trial_advanced(proposal, curve)

    def record_pruned(self, trial_id: str, epoch: int) -> None:
        """Remember that the scheduler stopped a trial; Tune then ends it as any other one."""
        self._pruned[trial_id] = epoch

    def on_trial_complete(
        self, trial_id: str, result: StepResult | None = None, error: bool = False
    ) -> None:
        """Write a finished trial, then tell the study; ``attempt_failed`` takes up an error."""
        proposal = self._running.get(trial_id)
        if error or result is None or proposal is None:
            return
        if "ends_sweep" in result:
            self.failure = SweepError(result["ends_sweep"])
            raise self.failure
        self.on_trial_result(trial_id, result)
        del self._running[trial_id]
        self._write(lambda: self.nodes.record_success(result["node_id"], result["gpu_names"]))
        pruned_at = self._pruned.pop(trial_id, None)
        if result["failure"]:
            self._finish(proposal, result, TrialState.FAIL, result["failure"])
        elif pruned_at is not None:
            reason = f"pruned at the rung of {pruned_at} epochs"
            self._finish(proposal, result, TrialState.PRUNED, reason)
        else:
            self._finish(proposal, result, TrialState.COMPLETE, None)

    def attempt_failed(self, trial_id: str, failure: WorkerFailure) -> None:
        """Have a trial tried again, or write why it failed."""
        proposal = self._running.pop(trial_id, None)
        if proposal is None:
            return
        # a full disk loses workers; no trial is to blame for it
        self._write(lambda: check_disk(self.store))
        failures = self._failures[proposal.trial]
        failures.append(failure)
        self._write(lambda: self.nodes.record_failure(proposal.trial, failure))
        reason = self.nodes.reason_to_give_up(failures)
        if reason is None:
            note = f"--- {failure.reason}: tried again ---\n"
            self._write(lambda: self.store.add_log(proposal.trial, note, only_if_there=True))
            self._to_retry.append(proposal)
            return
        self._finish(proposal, None, TrialState.FAIL, reason)

    def _finish(
        self,
        proposal: Proposal,
        result: StepResult | None,
        state: TrialState,
        reason: str | None,
    ) -> None:
        curves = [curve for _, curve in sorted(self._curves.pop(proposal.trial).items())]
        self._checkpoints.pop(proposal.trial, None)
        row = self._row(proposal, curves, result, state, reason)
        self._write(lambda: self.store.add_trial(row, curves))
        self._write(lambda: self.proposer.tell(row))
        self.end.add(row)
        self.progress.trial_finished(row)
        for line in self._failing.add(row):
            self.progress.note(f"{self.store.manifest.name}: {line}")

    def _row(
        self,
        proposal: Proposal,
        curves: list[Curve],
        result: StepResult | None,
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
            valid=last.means() if last and scored else None,
            rungs=tuple(
                (curve.epoch, value)
                for curve in curves
                if (value := curve.mean(self.objective.valid)) is not None
            ),
            replicates=last.replicates if last else (),
            seconds=result["seconds"] if result else 0.0,
            device=result["device"] if result else "unknown",
            node=node_name(result["node_id"]) if result else "unknown",
            reason=reason,
            lost=tuple(self._describe(one) for one in self._failures.pop(proposal.trial, ())),
        )

    def _describe(self, failure: WorkerFailure) -> str:
        node_lost = self.nodes.current_cause(failure) is FailureCause.NODE
        reason = FailureCause.NODE.value if node_lost else failure.reason
        return reason + (f", on {node_name(failure.node)}" if failure.node else "")

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


def _model_epochs(curves: Mapping[int, Curve]) -> int:
    """Return what a trial under way has trained, over all replicates."""
    return max((epoch * len(curve.replicates) for epoch, curve in curves.items()), default=0)
