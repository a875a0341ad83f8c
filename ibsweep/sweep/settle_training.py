"""The training of a settlement: score replicates of several sweeps, each row safe once trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ibsweep.questions.files import question_from_manifest
from ibsweep.results.store import SweepStore
from ibsweep.sweep.best import write_best
from ibsweep.sweep.fresh_replicates import Retraining, Stage, train_parts
from ibsweep.sweep.nodes import check_nodes
from ibsweep.sweep.plans import share_data
from ibsweep.sweep.settle_plan import Trained
from ibsweep.sweep.settle_sides import missing_seeds

if TYPE_CHECKING:
    from ray import ObjectRef

    from ibsweep.cluster.nodes import Nodes
    from ibsweep.questions.schema import Question
    from ibsweep.sweep.settle import SettleProgress

__all__ = ["ScoreTraining"]

_SETTLING = Stage("score", "settling")


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
        self._prepared: dict[str, tuple[Question, Nodes, ObjectRef | None]] = {}
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
        question, nodes, data = self._prepare(store)
        trials = {trial.trial: trial for trial in store.trials()}
        for plan, rows, _ in train_parts(
            store,
            question,
            question.arms[store.manifest.arm],
            [Retraining(trials[side.trial], side.train_size, seeds) for side, seeds in missing],
            _SETTLING,
            nodes,
            data,
            self._progress.note,
            self._kernels_failed,
        ):
            side = Trained(store.manifest.name, plan.trial.trial, plan.train_size)
            store.add_confirmations(rows)
            self._progress.runs_finished(side, len(rows))
            yield side, len(rows)

    def renew_best(self, sweeps: Collection[str]) -> None:
        """Write ``best.yaml`` of these sweeps anew: its figures are of all score replicates."""
        for name in sorted(sweeps):
            store = self._stores[name]
            question, _, _ = self._prepare(store)
            write_best(store, question, question.arms[store.manifest.arm])

    def _prepare(self, store: SweepStore) -> tuple[Question, Nodes, ObjectRef | None]:
        """Return a sweep's question, the nodes that may train for it, and its data: once."""
        manifest = store.manifest
        if manifest.name not in self._prepared:
            question = question_from_manifest(manifest.question, store.paths.manifest)
            nodes = check_nodes(store, self._progress.note, local=self._local)
            self._prepared[manifest.name] = question, nodes, share_data(manifest, question)
        return self._prepared[manifest.name]

    def _kernels_failed(self, fault: str) -> None:
        """Note, once, why training is slower than it should be."""
        if not self._fault_told:
            self._fault_told = True
            self._progress.note(fault)
