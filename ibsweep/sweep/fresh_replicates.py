"""Fresh replicates of finished trials, trained on all cores; a trial's rows come at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.pool import run_tasks
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.records import Confirmation, Manifest, Trial
from ibsweep.results.store import SweepStore
from ibsweep.sweep.plans import trial_plan
from ibsweep.sweep.progress import Progress
from ibsweep.trial.parts import in_parts, kernels_fault
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.score import train_and_score

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["Purpose", "Retraining", "Stage", "split_plans", "train_missing", "without_rows"]

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
        seeds: Theirs.
        words: What progress says.
        weights: Whether they are kept.
    """

    purpose: Purpose
    seeds: tuple[int, ...]
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
    """Train what the plans have no rows of yet, and yield each with its new rows and weights."""
    manifest, phase = store.manifest, stage.words
    missing = without_rows(store, plans, stage.purpose)
    parts = split_plans(missing, question, arm, manifest, nodes)
    trained: dict[tuple[int, int], tuple[list[Confirmation], dict[int, Any]]] = {}
    for _, part in parts:
        if fault := kernels_fault(part, gpu=manifest.gpus_per_trial > 0):
            progress.kernels_failed(fault)
    done = len(plans) - len(missing)
    progress.phase(f"{phase} {done}/{len(plans)}")
    for (plan, _), (rows, states, log) in run_tasks(
        parts,
        train_and_score,
        lambda part: (part[1], stage.purpose, stage.weights, data),
        lambda part: f"{phase} trial {part[0].trial.trial} of {manifest.name}",
        nodes,
        progress.note,
    ):
        confirmed, weights_by_seed = trained.setdefault(
            (plan.trial.trial, plan.train_size), ([], {})
        )
        if log:
            header = f"--- {phase}: {len(rows)} fresh replicates ---\n"
            store.add_log(plan.trial.trial, header + log)
        confirmed += rows
        weights_by_seed |= states
        progress.add_model_epochs(sum(row.epochs for row in rows))
        seeds = plan.seeds
        if len(confirmed) == len(seeds):  # a trial's rows are one write
            # in the seeds' order, whichever part ended first
            confirmed.sort(key=lambda row: seeds.index(row.seed))
            ordered = {seed: weights_by_seed[seed] for seed in seeds if seed in weights_by_seed}
            yield plan, confirmed, ordered
            done += 1
            progress.phase(f"{phase} {done}/{len(plans)}")


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


def split_plans(
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
