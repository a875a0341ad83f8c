"""Confirmation: the leading trials re-trained with fresh replicates, scored on held-out test
images.

The sweep's winner is the luckiest of many, so its own figure flatters it. Here the leaders meet
replicate seeds that the sweep never used: the best configuration is the one that is best on
*their* validation images, and test images only score it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import ray
import torch
import yaml

from ibsweep.analysis.summary import Confirmed, leading, summarise
from ibsweep.errors import SweepError
from ibsweep.hyperparameters import resolve
from ibsweep.questions import Arm, Question
from ibsweep.records import Confirmation, Trial
from ibsweep.store import SweepStore, replace_file
from ibsweep.sweep.attempts import keeping_off
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.remote import RETRIES, as_they_end, workers
from ibsweep.sweep.trainable import choose_device
from ibsweep.sweep.trial import TrialPlan, TrialRun, in_parts

__all__ = ["confirm", "measure_efficiency", "missing_sizes"]


class Job(NamedTuple):
    """A trial to train with fresh replicates at a number of images per class."""

    trial: Trial
    images: int

    @property
    def cost(self) -> float:
        """A measure of how long it takes."""
        return self.trial.seconds * self.images


def _train_job(
    plan: dict[str, Any], cpus: float, gpus: float, weights: bool
) -> tuple[list[dict[str, Any]], dict[int, dict[str, torch.Tensor]]]:
    """Train and score a plan in a worker; return rows, and weights by replicate seed if wanted."""
    run = TrialRun(TrialPlan(**plan), choose_device(cpus, gpus))
    last = run.complete()
    train, test = run.score("train"), run.score("test")
    rows = [
        Confirmation(
            trial=last.trial,
            images=run.plan.images,
            seed=replicate.seed,
            epochs=last.epoch,
            valid_accuracy=replicate.valid_accuracy,
            valid_loss=replicate.valid_loss,
            train_accuracy=train.accuracy[lane].item(),
            test_accuracy=test.accuracy[lane].item(),
            test_loss=test.loss[lane].item(),
            test_confusion=test.confusion[lane].tolist(),
            diverged_epoch=replicate.diverged_epoch,
            seconds=run.seconds,
        ).model_dump()
        for lane, replicate in enumerate(last.replicates)
    ]
    kept = enumerate(last.replicates) if weights else ()
    return rows, {r.seed: run.model.lane_state_dict(i) for i, r in kept}


def confirm(
    store: SweepStore,
    question: Question,
    arm: Arm,
    progress: Progress,
    avoided: Collection[str] = (),
) -> None:
    """Confirm what is not confirmed yet, then write ``best.yaml`` and ``best.pt``.

    Args:
        store: The sweep, its trials finished.
        question: Its question.
        arm: Its arm.
        progress: Is told how far it is.
        avoided: Ids of nodes that are to get nothing.

    Raises:
        SweepError: If no trial was completed, or a worker was lost too often.
    """
    manifest, objective = store.manifest, question.objective
    conditions = question.conditions(arm.name)
    leaders = leading(store.trials(), manifest.confirm, objective, conditions)
    if not leaders:
        raise SweepError(
            f"no trial of {manifest.name} was completed, so there is nothing to confirm: "
            f"see the reasons in {store.paths.trials}"
        )
    jobs = [Job(trial, arm.images) for trial in leaders]
    steps = _finish(
        store, question, arm, jobs, progress, "confirming", weights=True, avoided=avoided
    )
    for job, rows, states in steps:
        _save_models(store, job.trial.trial, states)
        store.add_confirmations(rows)
    _write_best(store, arm)


def missing_sizes(store: SweepStore, images: Sequence[int]) -> list[int]:
    """Return the numbers of images that a confirmed sweep's best was not trained at yet.

    A number of which replicates are missing, after a crash, is none that it was trained at.
    """
    best = summarise(store).best
    assert best is not None, "the sweep is confirmed"
    done = Counter(row.images for row in store.confirmations() if row.trial == best.trial.trial)
    return [size for size in images if done[size] < store.manifest.confirm_replicates]


def measure_efficiency(
    store: SweepStore, question: Question, arm: Arm, images: Sequence[int], progress: Progress
) -> None:
    """Train the best configuration of a sweep at several numbers of images.

    The replicates are the confirmation's, so that an arm's accuracies at several numbers, and
    several arms' at one, are paired.

    Args:
        store: The sweep, confirmed.
        question: Its question.
        arm: Its arm.
        images: Training images per class.
        progress: Is told how far it is.

    Raises:
        SweepError: If a worker was lost too often.
    """
    best = summarise(store).best
    assert best is not None, "the sweep is confirmed"
    jobs = [Job(best.trial, size) for size in images]
    steps = _finish(store, question, arm, jobs, progress, "measuring efficiency", weights=False)
    for _, rows, _ in steps:
        store.add_confirmations(rows)


def _finish(
    store: SweepStore,
    question: Question,
    arm: Arm,
    jobs: Sequence[Job],
    progress: Progress,
    phase: str,
    *,
    weights: bool,
    avoided: Collection[str] = (),
) -> Iterator[tuple[Job, list[Confirmation], dict[int, dict[str, torch.Tensor]]]]:
    """Train the jobs that have no rows yet, and yield each with its rows and weights."""
    manifest = store.manifest
    seeds = manifest.confirmation_seeds
    done = {(row.trial, row.images) for row in store.confirmations() if row.seed in seeds}
    missing = [job for job in jobs if (job.trial.trial, job.images) not in done]
    # the longest first, and in the most parts: cores end together
    missing.sort(key=lambda job: job.cost, reverse=True)
    total = sum(job.cost for job in missing) or 1.0
    there = workers(manifest.cpus_per_trial, manifest.gpus_per_trial)
    remote = ray.remote(_train_job).options(
        num_cpus=manifest.cpus_per_trial,
        num_gpus=manifest.gpus_per_trial,
        max_retries=RETRIES,
        label_selector=keeping_off(avoided),
    )
    waiting = {
        remote.remote(
            asdict(part),
            manifest.cpus_per_trial,
            manifest.gpus_per_trial,
            weights,
        ): job
        for job in missing
        for part in in_parts(
            _plan(question, arm, job, seeds),
            share=job.cost / total,
            workers=there,
            gpu=manifest.gpus_per_trial > 0,
        )
    }
    parts: dict[tuple[int, int], tuple[list[Confirmation], dict[int, Any]]] = {}
    done_jobs = len(jobs) - len(missing)
    progress.phase(f"{phase} {done_jobs}/{len(jobs)}")
    for job, (rows, states) in as_they_end(
        waiting, lambda job: f"{phase} trial {job.trial.trial} of {manifest.name}"
    ):
        confirmed, weights_by_seed = parts.setdefault((job.trial.trial, job.images), ([], {}))
        confirmed += [Confirmation.model_validate(row) for row in rows]
        weights_by_seed |= states
        progress.trained(sum(row["epochs"] for row in rows))
        if len(confirmed) == len(seeds):  # a trial's rows are one write
            # by seed, whichever part ended first
            confirmed.sort(key=lambda row: row.seed)
            yield job, confirmed, dict(sorted(weights_by_seed.items()))
            done_jobs += 1
            progress.phase(f"{phase} {done_jobs}/{len(jobs)}")


def _plan(question: Question, arm: Arm, job: Job, seeds: tuple[int, ...]) -> TrialPlan:
    return TrialPlan(
        trial=job.trial.trial,
        model=arm.model,
        task=question.task,
        images=job.images,
        settings=resolve(arm.model, arm.fixed, job.trial.config),
        seeds=seeds,
    )


def _save_models(
    store: SweepStore, trial: int, states: dict[int, dict[str, torch.Tensor]]
) -> None:
    store.paths.models.mkdir(exist_ok=True)
    replace_file(store.paths.model(trial), _tensor_bytes(states))


def _tensor_bytes(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _write_best(store: SweepStore, arm: Arm) -> None:
    """Write the best configuration, and its replicate that is best on validation images."""
    summary = summarise(store)
    best = summary.best
    assert best is not None, "something was confirmed"
    row = best.best_row(summary.question.objective)
    states = torch.load(store.paths.model(best.trial.trial), weights_only=True)
    replace_file(store.paths.best_model, _tensor_bytes(states[row.seed]))
    text = yaml.safe_dump(_best_document(store, arm, best, row), sort_keys=False)
    replace_file(store.paths.best_config, text.encode())


def _best_document(
    store: SweepStore, arm: Arm, best: Confirmed, row: Confirmation
) -> dict[str, Any]:
    return {
        "sweep": store.manifest.name,
        "arm": arm.name,
        "trial": best.trial.trial,
        "config": best.trial.config,
        "model": arm.model,
        "settings": resolve(arm.model, arm.fixed, best.trial.config),
        "images": arm.images,
        "sweep_valid_accuracy": best.trial.valid_accuracy,
        "confirmed": {
            "replicates": len(best.rows),
            "valid_accuracy": best.valid._asdict(),
            "test_accuracy": best.test._asdict(),
        },
        "best_pt": {
            "seed": row.seed,
            "valid_accuracy": row.valid_accuracy,
            "test_accuracy": row.test_accuracy,
        },
    }
