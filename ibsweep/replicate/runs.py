"""Training the notebook's settings: seed 10 as the notebook did, the other seeds as lanes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import ibsweep
from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.pool import run_tasks, share
from ibsweep.data import attach, open_dataset
from ibsweep.models import MODELS
from ibsweep.questions.files import load_all
from ibsweep.questions.published import PublishedSetting, published_settings
from ibsweep.replicate.notebook import PROCEDURES, SEED, follow
from ibsweep.results.replications import Replication, ReplicationStore
from ibsweep.trial.device import configure_device
from ibsweep.trial.figures import lane_figures
from ibsweep.trial.parts import in_parts, kernels_fault
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["ReplicationPlan", "missing_plans", "replicate", "train"]


@dataclass(frozen=True)
class ReplicationPlan:
    """A published setting and the seeds to train it with.

    ``exact`` stands for the notebook's own seed, which is a plan by itself.
    """

    published: PublishedSetting
    seeds: tuple[int, ...]
    exact: bool

    @property
    def trial_plan(self) -> TrialPlan:
        """The trial that trains it."""
        published = self.published
        return TrialPlan(
            0,
            published.model,
            published.data,
            published.train_size,
            published.settings,
            self.seeds,
            metrics=published.metrics,
        )

    @property
    def cost(self) -> float:
        """About how long it takes, in passes of an image through the MLP."""
        published = self.published
        passes = len(self.seeds) * published.train_size * int(published.settings["epochs"])
        return MODELS[published.model].cost * passes


def missing_plans(
    wanted: Sequence[PublishedSetting], seeds: Sequence[int], rows: Iterable[Replication]
) -> list[ReplicationPlan]:
    """Return what is left to train.

    Args:
        wanted: The settings.
        seeds: Replicate seeds of each.
        rows: What is trained already; rows whose task or settings differ from those that a wanted
            one has now do not count.
    """
    trained = list(rows)
    notebook = [
        published
        for published, _ in published_settings(load_all().values())
        if published.name in PROCEDURES
    ]
    plans = []
    for published in wanted:
        done = {row.seed for row in trained if published.holds(row)}
        left = [seed for seed in seeds if seed not in done]
        if SEED in left and published in notebook:
            left.remove(SEED)
            plans.append(ReplicationPlan(published, (SEED,), exact=True))
        if left:
            plans.append(ReplicationPlan(published, tuple(left), exact=False))
    return plans


def _in_parts(
    plans: Sequence[ReplicationPlan], workers: int, *, gpu: bool
) -> list[ReplicationPlan]:
    """Split plans so that workers end together, the longest first."""
    total = sum(plan.cost for plan in plans)
    parts = []
    for plan in plans:
        split = in_parts(
            plan.trial_plan, work_fraction=plan.cost / total, workers=workers, gpu=gpu
        )
        parts += [replace(plan, seeds=tuple(part.seeds)) for part in split]
    return sorted(parts, key=lambda part: part.cost, reverse=True)


def train(plan: ReplicationPlan, device: str = "cpu") -> list[Replication]:
    """Train a plan and return a row a seed.

    Args:
        plan: What to train.
        device: ``"cpu"`` or a CUDA device.
    """
    published = plan.published
    if plan.exact:
        generator, orders = follow(PROCEDURES[published.name], plan.trial_plan)
        run = TrialRun(plan.trial_plan, device, generators=[generator])
        run.model.use_kernels = False  # the notebook's sums: rounding decides some figures
        for order in orders:
            run.trainer.run_epoch(order.unsqueeze(0))
            if run.trainer.all_diverged:
                break
        curve = run.validate()
    else:
        run = TrialRun(plan.trial_plan, device)
        curve = run.complete()
    fitted = run.score("train")
    software = {"ibsweep": ibsweep.__version__, "torch": torch.__version__}
    software |= {"python": platform.python_version(), "machine": platform.machine()}
    return [
        Replication(
            question=published.question,
            arm=published.arm,
            setting=published.setting,
            train_size=published.train_size,
            seed=replicate.seed,
            exact=plan.exact,
            model=published.model,
            data=published.data,
            settings=published.settings,
            epochs=curve.epoch,
            valid=replicate.valid,
            train=lane_figures(fitted.figures, fitted.loss, lane),
            diverged_epoch=replicate.diverged_epoch,
            software=software,
        )
        for lane, replicate in enumerate(curve.replicates)
    ]


def _train_on(
    plan: ReplicationPlan, data: Mapping[str, Any] | None, resources: dict[str, float]
) -> list[Replication]:
    """Train a plan in a worker of Ray with these CPUs and GPUs, on these arrays."""
    attach(plan.published.data, data)
    return train(plan, configure_device(resources))


def replicate(
    store: ReplicationStore,
    plans: Sequence[ReplicationPlan],
    nodes: Nodes,
    note: Callable[[str], None],
    on_done: Callable[[ReplicationPlan], None],
    folders: Mapping[str, Path | None] | None = None,
) -> None:
    """Train plans on the Ray that runs, in parts, and store each part's rows as it ends.

    Args:
        store: Where rows go, open for writing.
        plans: What to train.
        nodes: The nodes, and what a part asks for.
        note: Called with a line that says why nothing runs, or why training is slower than it
            should be.
        on_done: Called with each part whose rows are on disk.
        folders: By question, the folder of its file, where its data lie.

    Raises:
        InputError: If a model cannot be made for its task's images.
        SweepError: If a worker was lost too often or the disk is full.
    """
    gpu = "GPU" in nodes.resources
    data: dict[str, ObjectRef | None] = {}
    for published in (plan.published for plan in plans):
        if published.question not in data:
            folder = (folders or {}).get(published.question)
            arrays = open_dataset(published.data, folder).arrays()
            attach(published.data, arrays)
            data[published.question] = None if arrays is None else share(arrays)
    parts = _in_parts(plans, nodes.slots(), gpu=gpu)
    # the notebook itself never uses kernels
    faults = (kernels_fault(part.trial_plan, gpu=gpu) for part in parts if not part.exact)
    if fault := next(filter(None, faults), None):
        note(fault)
    for part, rows in run_tasks(
        parts,
        _train_on,
        lambda part: (part, data[part.published.question]),
        _describe,
        nodes,
        note,
    ):
        store.add(rows)
        on_done(part)


def _describe(part: ReplicationPlan) -> str:
    return f"replicating {part.published.name} with {part.published.train_size} images"
