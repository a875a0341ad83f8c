"""One trial, free of Ray: a configuration goes in, figures of its replicates come out.

Runs in any process: Ray's workers use it, and so do ``ibsweep train``, the tests and a debugger.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ibsweep.data import document_of_task, open_dataset
from ibsweep.models import build
from ibsweep.models.base import LaneModel
from ibsweep.models.settings import split_settings
from ibsweep.results.records import Curve, Replicate
from ibsweep.training import Evaluation, LaneData, Trainer, TrainingSettings
from ibsweep.trial.plan import TrialPlan

__all__ = ["TrialRun", "lane_data"]

_BATCH_STREAM = 3
"""Batch orders come from a stream of their own: the same for every arm that shares the seed."""


@lru_cache(maxsize=3)
def _split(task: str, seeds: tuple[int, ...], images: int, split: str) -> LaneData:
    """Draw one split for every seed; kept, since a worker trains many trials on the same data."""
    dataset = open_dataset(document_of_task(json.loads(task)))
    if split == "test":
        sets = [dataset.held_out(seed, images) for seed in seeds]
    else:
        replicates = [dataset.replicate(seed, images) for seed in seeds]
        sets = [one.train if split == "train" else one.valid for one in replicates]
    return LaneData(
        torch.stack([one.tensor() for one in sets]),
        torch.stack([torch.from_numpy(one.targets) for one in sets]),
    )


def lane_data(
    task: Mapping[str, Any], seeds: Sequence[int], images: int, split: str, device: str = "cpu"
) -> LaneData:
    """Return one split's images and labels with a lane for every seed.

    Args:
        task: The question's task.
        seeds: Replicate seeds.
        images: Training images per class; leaves ``valid`` and ``test`` as they are.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        device: Where the tensors are to lie.
    """
    kept = _split(json.dumps(task, sort_keys=True), tuple(seeds), images, split)
    return LaneData(*(tensor.to(device) for tensor in kept))


def _batch_seed(seed: int) -> int:
    state = np.random.SeedSequence([seed, _BATCH_STREAM]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


class TrialRun:
    """A trial in progress.

    Args:
        plan: What to train.
        device: ``"cpu"`` or a CUDA device.
        generators: In place of the seeds, where the weights of each lane are drawn from.
    """

    def __init__(
        self,
        plan: TrialPlan,
        device: str = "cpu",
        generators: Sequence[torch.Generator] | None = None,
    ) -> None:
        self.plan, self.device = plan, device
        training, options = split_settings(plan.settings)
        self.epochs: int = training.pop("epochs")
        dataset = open_dataset(document_of_task(plan.task))
        classes = dataset.classes
        assert classes is not None, "no source of the catalogue has a numerical target"
        self.model: LaneModel = build(
            plan.model,
            generators or plan.seeds,
            num_classes=len(classes),
            shape=dataset.example_shape,
            **options,
        ).to(device)
        self.trainer = Trainer(
            self.model,
            TrainingSettings(**training),
            self._data("train"),
            [_batch_seed(seed) for seed in plan.seeds],
        )
        self.seconds = 0.0

    def _data(self, split: str) -> LaneData:
        plan = self.plan
        return lane_data(plan.task, plan.seeds, plan.images, split, self.device)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train: the last epoch is done or every lane diverged."""
        return self.trainer.epoch >= self.epochs or self.trainer.all_diverged

    @property
    def failure(self) -> str | None:
        """Why the trial failed, or None."""
        if not self.trainer.all_diverged:
            return None
        return f"every replicate diverged, the last in epoch {self.trainer.epoch}"

    def advance(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the next rung, or to the end, and validate.

        Args:
            on_curve: Called with the figures of every epoch that is validated on the way, the
                last one too.

        Returns:
            The replicates' figures there.
        """
        started = time.perf_counter()
        later = [rung for rung in self.plan.rungs if self.trainer.epoch < rung < self.epochs]
        stop = min(later, default=self.epochs)
        while True:
            self.trainer.run_to(self.trainer.epoch + 1 if self.plan.every_epoch else stop)
            curve = self.validate()
            if on_curve:
                on_curve(curve)
            if self.trainer.epoch >= stop or self.finished:
                break
        self.seconds += time.perf_counter() - started
        return curve

    def complete(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the end and return the last figures; ``on_curve`` as for ``advance``."""
        while True:
            curve = self.advance(on_curve)
            if self.finished:
                return curve

    def score(self, split: str) -> Evaluation:
        """Score every lane on its own images of a split: ``train``, ``valid`` or ``test``."""
        return self.trainer.evaluate(self._data(split))

    def validate(self) -> Curve:
        """Score every lane as it is now on its validation images."""
        trainer, valid = self.trainer, self.score("valid")
        replicates = [
            Replicate(
                seed=seed,
                valid_accuracy=valid.accuracy[lane].item(),
                valid_loss=valid.loss[lane].item(),
                train_accuracy=_finite(trainer.train_accuracy[lane].item()),
                train_loss=_finite(trainer.train_loss[lane].item()),
                diverged_epoch=trainer.diverged[lane],
            )
            for lane, seed in enumerate(self.plan.seeds)
        ]
        return Curve(trial=self.plan.trial, epoch=trainer.epoch, replicates=tuple(replicates))

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` needs to continue exactly."""
        return {"trainer": self.trainer.state_dict(), "seconds": self.seconds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where ``state_dict`` was taken from a run of the same plan."""
        self.trainer.load_state_dict(state["trainer"])
        self.seconds = state["seconds"]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
