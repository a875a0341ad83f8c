"""Training the notebook's settings: seed 10 as the notebook did, the other seeds as lanes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import torch

from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.pool import as_they_end
from ibsweep.models import MODELS
from ibsweep.questions.files import load_all
from ibsweep.questions.published import PublishedSetting, published_settings
from ibsweep.replicate.notebook import PROCEDURES, SEED, follow
from ibsweep.results.records import Replication
from ibsweep.results.store import ReplicationStore
from ibsweep.trial.device import configure_device
from ibsweep.trial.parts import in_parts
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

__all__ = ["Job", "missing_jobs", "replicate", "train"]


@dataclass(frozen=True)
class Job:
    """A published setting and the seeds to train it with.

    ``exact`` stands for the notebook's own seed, which is a job by itself.
    """

    published: PublishedSetting
    seeds: tuple[int, ...]
    exact: bool

    @property
    def plan(self) -> TrialPlan:
        """What a trial needs to know to train it."""
        published = self.published
        return TrialPlan(
            0, published.model, published.task, published.images, published.settings, self.seeds
        )

    @property
    def cost(self) -> float:
        """About how long it takes, in passes of an image through the MLP."""
        published = self.published
        passes = len(self.seeds) * published.images * int(published.settings["epochs"])
        return MODELS[published.model].cost * passes


def missing_jobs(
    wanted: Sequence[PublishedSetting], seeds: Sequence[int], rows: Iterable[Replication]
) -> list[Job]:
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
    jobs = []
    for published in wanted:
        done = {row.seed for row in trained if published.holds(row)}
        left = [seed for seed in seeds if seed not in done]
        if SEED in left and published in notebook:
            left.remove(SEED)
            jobs.append(Job(published, (SEED,), exact=True))
        if left:
            jobs.append(Job(published, tuple(left), exact=False))
    return jobs


def _in_parts(jobs: Sequence[Job], workers: int, *, gpu: bool) -> list[Job]:
    """Split jobs so that workers end together, the longest first."""
    total = sum(job.cost for job in jobs)
    found = []
    for job in jobs:
        plans = in_parts(job.plan, share=job.cost / total, workers=workers, gpu=gpu)
        found += [replace(job, seeds=tuple(plan.seeds)) for plan in plans]
    return sorted(found, key=lambda job: job.cost, reverse=True)


def train(job: Job, device: str = "cpu") -> list[Replication]:
    """Train a job and return a row a seed.

    Args:
        job: What to train.
        device: ``"cpu"`` or a CUDA device.
    """
    published = job.published
    plan = job.plan
    if job.exact:
        generator, orders = follow(PROCEDURES[published.name], plan)
        run = TrialRun(plan, device, generators=[generator])
        run.model.use_kernels = False  # the notebook's sums: rounding decides some figures
        for order in orders:
            run.trainer.run_epoch(order.unsqueeze(0))
            if run.trainer.all_diverged:
                break
        curve = run.validate()
    else:
        run = TrialRun(plan, device)
        curve = run.complete()
    fitted = run.score("train").accuracy
    software = {"ibsweep": version("ibsweep"), "torch": torch.__version__}
    software |= {"python": platform.python_version(), "machine": platform.machine()}
    return [
        Replication(
            question=published.question,
            arm=published.arm,
            setting=published.setting,
            images=published.images,
            seed=replicate.seed,
            exact=job.exact,
            model=published.model,
            task=published.task,
            settings=published.settings,
            epochs=curve.epoch,
            valid_accuracy=replicate.valid_accuracy,
            valid_loss=replicate.valid_loss,
            train_accuracy=fitted[lane].item(),
            diverged_epoch=replicate.diverged_epoch,
            software=software,
        )
        for lane, replicate in enumerate(curve.replicates)
    ]


def _work(job: dict[str, Any], share: dict[str, float]) -> list[dict[str, Any]]:
    job = job | {"published": PublishedSetting(**job["published"])}
    return [row.model_dump() for row in train(Job(**job), configure_device(share))]


def replicate(
    store: ReplicationStore,
    jobs: Sequence[Job],
    nodes: Nodes,
    note: Callable[[str], None],
    on_done: Callable[[Job], None],
) -> None:
    """Train jobs on the Ray that runs, in parts, and store each part's rows as it ends.

    Args:
        store: Where rows go, open for writing.
        jobs: What to train.
        nodes: The nodes, and what a job asks for.
        note: Is told why nothing runs.
        on_done: Is told each part whose rows are on disk.

    Raises:
        SweepError: If a worker was lost too often or the disk is full.
    """
    parts = _in_parts(jobs, nodes.room(), gpu="GPU" in nodes.share)
    ended = as_they_end(parts, _work, lambda job: (asdict(job),), _described, nodes, note)
    for job, rows in ended:
        store.add(Replication.model_validate(row) for row in rows)
        on_done(job)


def _described(job: Job) -> str:
    return f"replicating {job.published.name} with {job.published.images} images"
