"""The training of a settlement: score replicates of several sweeps, each row safe once trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ibsweep.cluster.pool import run_tasks
from ibsweep.questions.files import question_from_manifest
from ibsweep.results.store import SweepStore
from ibsweep.sweep.fresh_replicates import Retraining, split_plans
from ibsweep.sweep.nodes import check_nodes
from ibsweep.sweep.plans import share_data
from ibsweep.sweep.settle_plan import Trained
from ibsweep.sweep.settle_sides import missing_seeds
from ibsweep.trial.parts import kernels_fault
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.score import train_and_score

if TYPE_CHECKING:
    from ray import ObjectRef

    from ibsweep.cluster.nodes import Nodes
    from ibsweep.sweep.settle import SettleProgress

__all__ = ["ScoreTraining"]


class ScoreTraining:
    """Trains further score replicates of sweeps that this process holds, while Ray runs.

    Args:
        stores: The sweeps by name, each locked and repaired.
        progress: Told what is on disk.
        local: Whether Ray runs on this machine alone.
    """

    def __init__(
        self, stores: Mapping[str, SweepStore], progress: SettleProgress, *, local: bool
    ) -> None:
        self._stores, self._progress, self._local = stores, progress, local
        self._prepared: dict[str, tuple[Nodes, ObjectRef | None]] = {}
        self._fault_told = False

    def train(self, wanted: Mapping[Trained, int]) -> Iterator[tuple[Trained, int]]:
        """Train what is wanted and not there yet.

        Args:
            wanted: Score replicates to have, by what is trained.

        Yields:
            What was trained, and how many runs of it are on disk now that were not.

        Raises:
            InputError: If training can be placed nowhere.
            SweepError: If a worker was lost too often.
        """
        missing: dict[str, list[tuple[Trained, tuple[int, ...]]]] = {}
        for side, count in wanted.items():
            store = self._stores[side.sweep]
            seeds = missing_seeds(store.manifest, store.confirmations(), side, count)
            missing.setdefault(side.sweep, []).append((side, seeds))
        self._progress.batch_started(sum(len(s) for own in missing.values() for _, s in own))
        for name, own in missing.items():
            yield from self._train_for(self._stores[name], own)

    def _train_for(
        self, store: SweepStore, missing: Sequence[tuple[Trained, tuple[int, ...]]]
    ) -> Iterator[tuple[Trained, int]]:
        nodes, data = self._prepare(store)
        for (plan, _), (rows, _, log) in run_tasks(
            self._parts(store, missing, nodes),
            train_and_score,
            lambda part: (part[1], "score", False, data),
            lambda part: f"training trial {part[0].trial.trial} of {store.manifest.name}",
            nodes,
            self._progress.note,
        ):
            side = Trained(store.manifest.name, plan.trial.trial, plan.train_size)
            if log:
                store.add_log(side.trial, f"--- settling: {len(rows)} fresh replicates ---\n{log}")
            store.add_confirmations(rows)
            self._progress.runs_finished(side, len(rows))
            yield side, len(rows)

    def _prepare(self, store: SweepStore) -> tuple[Nodes, ObjectRef | None]:
        """Return the nodes that may train for a sweep, and its data: checked and loaded once."""
        manifest = store.manifest
        if manifest.name not in self._prepared:
            question = question_from_manifest(manifest.question, store.paths.manifest)
            nodes = check_nodes(store, self._progress.note, local=self._local)
            self._prepared[manifest.name] = nodes, share_data(manifest, question)
        return self._prepared[manifest.name]

    def _parts(
        self,
        store: SweepStore,
        missing: Sequence[tuple[Trained, tuple[int, ...]]],
        nodes: Nodes,
    ) -> list[tuple[Retraining, TrialPlan]]:
        manifest = store.manifest
        question = question_from_manifest(manifest.question, store.paths.manifest)
        trials = {trial.trial: trial for trial in store.trials()}
        plans = [Retraining(trials[side.trial], side.train_size, seeds) for side, seeds in missing]
        parts = split_plans(plans, question, question.arms[manifest.arm], manifest, nodes)
        for _, part in parts:
            fault = kernels_fault(part, gpu=manifest.gpus_per_trial > 0)
            if fault and not self._fault_told:
                self._fault_told = True
                self._progress.note(fault)
        return parts
