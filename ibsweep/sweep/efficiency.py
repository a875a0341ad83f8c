"""The best configuration of a sweep with training sets of other sizes."""

from __future__ import annotations

from collections.abc import Sequence

from ibsweep.analysis.summary import summarise
from ibsweep.cluster.session import ray_session
from ibsweep.questions.files import question_from_manifest
from ibsweep.results.store import SweepStore
from ibsweep.sweep.fresh_replicates import Purpose, Retraining, Stage, train_missing, without_rows
from ibsweep.sweep.mend import mend_finished
from ibsweep.sweep.nodes import check_nodes
from ibsweep.sweep.plans import share_data
from ibsweep.sweep.progress import Progress

__all__ = ["measure_efficiency", "missing_sizes"]


def missing_sizes(store: SweepStore, sizes: Sequence[int]) -> list[int]:
    """Return the training-set sizes that a confirmed sweep's best was not trained at yet.

    A size of which replicates are missing, after a crash, is none that it was trained at.
    """
    return [plan.train_size for plan in without_rows(store, *_plans(store, sizes))]


def _plans(store: SweepStore, sizes: Sequence[int]) -> tuple[list[Retraining], Purpose]:
    """Return what there is to be of a confirmed sweep's best, and what it counts as."""
    best = summarise(store).best
    assert best is not None, "the sweep is confirmed"
    manifest = store.manifest
    purpose: Purpose = None if manifest.choice_replicates is None else "score"
    return [Retraining(best.trial, size, manifest.confirmation_seeds) for size in sizes], purpose


def measure_efficiency(
    store: SweepStore,
    sizes: Sequence[int],
    address: str | None,
    progress: Progress | None = None,
) -> None:
    """Train the best configuration of a sweep with training sets of several sizes.

    The replicates are those that score, so that an arm's figures at several sizes, and
    several arms' at one, are paired.

    Args:
        store: The sweep, confirmed.
        sizes: Sizes of the training set, in the unit of the question's split.
        address: Address of a Ray cluster, None for this machine alone.
        progress: Called with how far it is; by default nothing is shown.

    Raises:
        InputError: If another process runs the sweep, or training can be placed nowhere.
        SweepError: If a worker was lost too often.
    """
    progress = progress or Progress()
    manifest = store.manifest
    question = question_from_manifest(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    with store.lock(), ray_session(address):
        mend_finished(store)
        nodes = check_nodes(store, progress.note, local=address is None)
        progress.sweep_started(manifest, question.objective, store.trials())
        plans, purpose = _plans(store, sizes)
        stage = Stage(purpose, "measuring efficiency")
        loaded = share_data(manifest, question)
        for _, rows, _ in train_missing(
            store, question, arm, plans, stage, progress, nodes, loaded
        ):
            store.add_confirmations(rows)
        progress.sweep_finished()
