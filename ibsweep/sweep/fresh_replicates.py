"""Fresh replicates of finished trials, trained on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.pool import run_tasks
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Confirmation, Trial
from ibsweep.results.store import SweepStore
from ibsweep.sweep.plans import trial_plan
from ibsweep.sweep.progress import Progress
from ibsweep.trial.parts import in_parts, kernels_fault
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.score import train_and_score

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["Purpose", "Retraining", "Stage", "train_missing", "train_parts", "without_rows"]

Purpose = Literal["choice", "score"] | None
"""What fresh replicates are for; None: both, as in formats 2 and 3."""


class Retraining(NamedTuple):
    """A trial to train again, with these fresh replicates, at a training-set size."""

    trial: Trial
    train_size: int
    seeds: tuple[int, ...]

    @property
    def cost(self) -> float:
        """A measure of how long it takes."""
        return self.trial.seconds * self.train_size * len(self.seeds)


class Stage(NamedTuple):
    """What fresh replicates are trained for.

    Attributes:
        purpose: Of their rows.
        words: What progress says.
        weights: Whether they are kept.
    """

    purpose: Purpose
    words: str
    weights: bool = False


def train_missing(
    store: SweepStore,
    question: Question,
    arm: Arm,
    plans: Sequence[Retraining],
    stage: Stage,
    progress: Progress,
    nodes: Nodes,
    data: ObjectRef | None,
) -> Iterator[tuple[Retraining, list[Confirmation], dict[int, dict[str, torch.Tensor]]]]:
    """Train what the plans have no rows of yet, and yield each with its new rows and weights.

    A plan's rows come at once, so that they are one write.
    """
    phase = stage.words
    missing = without_rows(store, plans, stage.purpose)
    trained: dict[tuple[int, int], tuple[list[Confirmation], dict[int, Any]]] = {}
    done = len(plans) - len(missing)
    progress.phase(f"{phase} {done}/{len(plans)}")
    for plan, rows, states in train_parts(
        store, question, arm, missing, stage, nodes, data, progress.note, progress.kernels_failed
    ):
        confirmed, weights_by_seed = trained.setdefault(
            (plan.trial.trial, plan.train_size), ([], {})
        )
        confirmed += rows
        weights_by_seed |= states
        progress.add_model_epochs(sum(row.epochs for row in rows))
        seeds = plan.seeds
        if len(confirmed) == len(seeds):
            # in the seeds' order, whichever part ended first
            confirmed.sort(key=lambda row: seeds.index(row.seed))
            ordered = {seed: weights_by_seed[seed] for seed in seeds if seed in weights_by_seed}
            yield plan, confirmed, ordered
            done += 1
            progress.phase(f"{phase} {done}/{len(plans)}")


def train_parts(
    store: SweepStore,
    question: Question,
    arm: Arm,
    plans: Sequence[Retraining],
    stage: Stage,
    nodes: Nodes,
    data: ObjectRef | None,
    note: Callable[[str], None],
    kernels_failed: Callable[[str], None],
) -> Iterator[tuple[Retraining, list[Confirmation], dict[int, dict[str, torch.Tensor]]]]:
    """Train plans, split over the cores, and yield the rows and weights of each part as it ends.

    Args:
        store: The sweep; what training functions print goes to its logs.
        question: Its question.
        arm: Its arm.
        plans: What is to be trained.
        stage: What for.
        nodes: Where.
        data: Where workers find the arrays of the data; None where these are generated.
        note: Told what matters whatever is shown.
        kernels_failed: Told why training is slower than it should be.
    """
    manifest = store.manifest
    parts = _split(plans, question, arm, manifest, nodes)
    for _, part in parts:
        if fault := kernels_fault(part, gpu=manifest.gpus_per_trial > 0):
            kernels_failed(fault)
    for (plan, _), (rows, states, log) in run_tasks(
        parts,
        train_and_score,
        lambda part: (part[1], stage.purpose, stage.weights, data),
        lambda part: f"{stage.words} trial {part[0].trial.trial} of {manifest.name}",
        nodes,
        note,
    ):
        if log:
            header = f"--- {stage.words}: {len(rows)} fresh replicates ---\n"
            store.add_log(plan.trial.trial, header + log)
        yield plan, rows, states


def without_rows(
    store: SweepStore, plans: Sequence[Retraining], purpose: Purpose
) -> list[Retraining]:
    """Return what of plans is to be trained: each with the seeds that it has no row of.

    Where a settlement was stopped, there may be rows of later seeds and none of an earlier one.

    Args:
        store: The sweep.
        plans: What there is to be.
        purpose: What the fresh replicates are for.
    """
    stored = {
        (row.trial, row.train_size, row.seed)
        for row in store.confirmations()
        if row.purpose == purpose
    }
    missing = []
    for plan in plans:
        at = (plan.trial.trial, plan.train_size)
        if seeds := tuple(seed for seed in plan.seeds if (*at, seed) not in stored):
            missing.append(plan._replace(seeds=seeds))
    return missing


def _split(
    plans: Sequence[Retraining],
    question: Question,
    arm: Arm,
    manifest: Manifest,
    nodes: Nodes,
) -> list[tuple[Retraining, TrialPlan]]:
    """Split plans over the cores: the longest first, and in the most parts, so that all cores end
    together.

    Args:
        plans: What is to be trained.
        question: The sweep's question.
        arm: Its arm.
        manifest: Its manifest.
        nodes: Where it is to be trained.

    Returns:
        Each part with the plan that it is of.
    """
    total = sum(plan.cost for plan in plans) or 1.0
    return [
        (plan, part)
        for plan in sorted(plans, key=lambda plan: plan.cost, reverse=True)
        for part in in_parts(
            trial_plan(
                manifest,
                question,
                arm,
                trial=plan.trial.trial,
                config=plan.trial.config,
                train_size=plan.train_size,
                seeds=plan.seeds,
            ),
            work_fraction=plan.cost / total,
            workers=nodes.slots(),
            gpu=manifest.gpus_per_trial > 0,
        )
    ]
