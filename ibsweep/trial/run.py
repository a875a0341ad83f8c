"""One trial, free of Ray: a configuration goes in, figures of its replicates come out.

Runs in any process: Ray's workers use it, and so do ``ibsweep train``, the tests and a debugger.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ibsweep.data import Dataset, Examples, open_dataset
from ibsweep.metrics import METRICS
from ibsweep.metrics.own import figure_functions
from ibsweep.models import build, count_parameters
from ibsweep.models.base import LaneModel
from ibsweep.models.module_lanes import seeded
from ibsweep.models.own import own_model, training_errors
from ibsweep.models.settings import split_settings
from ibsweep.results.records import Curve, Replicate
from ibsweep.training import Evaluation, LaneData, Trainer, TrainingSettings
from ibsweep.trial.costs import step_flops
from ibsweep.trial.figures import lane_figures
from ibsweep.trial.function_run import FunctionRun
from ibsweep.trial.plan import TrialPlan
from ibsweep.user_code import is_reference, verify

__all__ = ["Run", "TrialRun", "lane_data", "start_run"]

_BATCH_STREAM = 3
"""Batch orders come from a stream of their own: the same for every arm that shares the seed."""


_READY_BYTES = 32 * 2**20
"""Up to here a split is kept as the model takes it; what is larger is gathered by batch."""


@lru_cache(maxsize=3)
def _split(
    data: str,
    seeds: tuple[int, ...],
    train_size: int,
    split: str,
    device: str,
    fingerprint: str,
) -> LaneData:
    """Draw one split for every seed; kept on the device, since a worker trains and scores many
    trials on the same data. Of two files under one name the fingerprint tells which it is."""
    del fingerprint
    dataset = open_dataset(json.loads(data))
    if split == "test":
        sets = [dataset.held_out(seed, train_size) for seed in seeds]
    else:
        replicates = [dataset.replicate(seed, train_size) for seed in seeds]
        sets = [one.train if split == "train" else one.valid for one in replicates]
    lanes = _lanes(sets).made_ready(_READY_BYTES)
    if lanes.rows is not None:
        lanes = replace(lanes, inputs=_POOL.on(sets[0].inputs, device))
    return lanes.to(device)


def _lanes(sets: Sequence[Examples]) -> LaneData:
    """Lay one set of examples for every lane side by side; a pool that they share stays one."""

    def stacked(arrays: Sequence[NDArray[Any] | None]) -> torch.Tensor | None:
        present = [torch.tensor(array) for array in arrays if array is not None]
        return torch.stack(present) if present else None

    targets = stacked([one.targets for one in sets])
    rows = stacked([one.rows for one in sets])
    own = stacked([one.inputs for one in sets]) if rows is None else _shared(sets[0].inputs)
    assert own is not None
    assert targets is not None
    shift, factor = stacked([one.shift for one in sets]), stacked([one.factor for one in sets])
    return LaneData(own, targets, rows, shift, factor)


class _Pool:
    """The pool that was last asked for, on its device: the splits of it are rows of one tensor."""

    def __init__(self) -> None:
        self._kept: tuple[NDArray[Any], str, torch.Tensor] | None = None

    def on(self, array: NDArray[Any], device: str) -> torch.Tensor:
        """Return a pool's tensor on a device, copied there once."""
        if self._kept is None or self._kept[0] is not array or self._kept[1] != device:
            self._kept = array, device, _shared(array).to(device)
        return self._kept[2]


_POOL = _Pool()


def _shared(pool: NDArray[Any]) -> torch.Tensor:
    """Return a tensor in the memory of a pool, which may be read-only: nobody writes to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable")
        return torch.from_numpy(pool)


def lane_data(
    data: Mapping[str, Any],
    seeds: Sequence[int],
    train_size: int,
    split: str,
    device: str = "cpu",
) -> LaneData:
    """Return one split's examples and targets with a lane for every seed.

    Args:
        data: The question's data document.
        seeds: Replicate seeds.
        train_size: Size of the training set; leaves ``valid`` and ``test`` as they are.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        device: Where the tensors are to lie.
    """
    document = json.dumps(data, sort_keys=True)
    fingerprint = open_dataset(data).fingerprint()
    return _split(document, tuple(seeds), train_size, split, device, fingerprint)


def _batch_seed(seed: int) -> int:
    state = np.random.SeedSequence([seed, _BATCH_STREAM]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


class Run(Protocol):
    """A trial in progress, of whatever is trained in it."""

    plan: TrialPlan
    dataset: Dataset
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""

    @property
    def failure(self) -> str | None:
        """Why the trial failed, or None."""

    def advance(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the next rung, or to the end, and validate."""

    def complete(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the end and return the last figures."""

    def score(self, split: str) -> Evaluation:
        """Score every lane on its own examples of a split."""

    def preprocessing(self, lane: int) -> dict[str, Any]:
        """Return what a user needs to apply one lane's saved model to examples of the source."""

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` needs to continue exactly."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where ``state_dict`` was taken from a run of the same plan."""


def start_run(plan: TrialPlan, device: str = "cpu") -> Run:
    """Start a trial.

    Args:
        plan: What to train.
        device: ``"cpu"`` or a CUDA device.

    Raises:
        InputError: If the data or the model cannot be had, or code of the user's own has changed.
    """
    return TrialRun(plan, device) if plan.train is None else FunctionRun(plan, device)


def _build(
    plan: TrialPlan,
    dataset: Dataset,
    seeds: Sequence[int | torch.Generator],
    options: Mapping[str, Any],
) -> LaneModel:
    outputs = 1 if dataset.classes is None else len(dataset.classes)
    shape = dataset.example_shape
    if not is_reference(plan.model):
        return build(plan.model, seeds, num_classes=outputs, shape=shape, **options)
    own = plan.own or {}
    verify(own.get("code", {}), plan.folder)
    model = own_model(plan.model, plan.folder)
    return model.build(seeds, shape, outputs, options, fused=own.get("fused"))


class TrialRun:
    """A trial in progress: a model's lanes.

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
        self.epochs: int = training["epochs"]
        self.dataset = open_dataset(plan.data)
        self.model = _build(plan, self.dataset, generators or plan.seeds, options).to(device)
        self.trainer = Trainer(
            self.model,
            TrainingSettings(**training),
            self._data("train"),
            [_batch_seed(seed) for seed in plan.seeds],
            figure_functions(
                plan.metrics, classes=self.dataset.classes is not None, folder=plan.folder
            ),
        )
        self._costs = [name for name in plan.metrics if name in METRICS and METRICS[name].cost]
        self._flops: int | None = None
        self._is_own = is_reference(plan.model)
        self.seconds = 0.0

    def _data(self, split: str) -> LaneData:
        plan = self.plan
        sizes = (plan.seeds, plan.train_size, split, self.device)
        return lane_data(plan.data, *sizes)

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
        started = time.perf_counter() - self.seconds
        stop = self.plan.next_stop(self.trainer.epoch)
        while True:
            with training_errors(self.plan.model) if self._is_own else nullcontext():
                self.trainer.run_to(self.trainer.epoch + 1 if self.plan.every_epoch else stop)
            self.seconds = time.perf_counter() - started
            curve = self.validate()
            if on_curve:
                on_curve(curve)
            if self.trainer.epoch >= stop or self.finished:
                break
        self.seconds = time.perf_counter() - started
        return curve

    def complete(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the end and return the last figures; ``on_curve`` as for ``advance``."""
        while True:
            curve = self.advance(on_curve)
            if self.finished:
                return curve

    def score(self, split: str) -> Evaluation:
        """Score every lane on its own images of a split: ``train``, ``valid`` or ``test``.

        What it has cost so far is the same for all splits.
        """
        scores = self.trainer.evaluate(self._data(split))
        costs = {name: self._cost(name) for name in self._costs}
        return scores._replace(figures={**scores.figures, **costs})

    def _cost(self, name: str) -> torch.Tensor:
        """Return a cost of each lane, float64 ``[L]``."""
        trainer = self.trainer
        if name in ("epochs", "image_epochs"):
            epochs = [trainer.epoch if end is None else end for end in trainer.diverged]
            shown = self._data("train").count if name == "image_epochs" else 1
            return shown * torch.tensor(epochs, dtype=torch.float64)
        if name == "seconds":  # lanes are trained together
            value = self.seconds / self.model.lanes
        elif name == "parameters":
            value = count_parameters(self.model, only_trainable=True)
        elif name == "training_examples":
            value = self._data("train").count
        else:
            self._flops = value = self._flops or self._step_flops()
        return torch.full((self.model.lanes,), value, dtype=torch.float64)

    def _step_flops(self) -> int:
        """Count the operations of a step of one lane, with a model that is built for it."""
        plan, dataset, data = self.plan, self.dataset, self._data("train").of([0])
        training, options = split_settings(plan.settings)
        size = min(training["batch_size"], data.count)
        inputs = data.batch(torch.arange(size, device=data.targets.device).unsqueeze(0))
        if not is_reference(plan.model):
            model: torch.nn.Module = _build(plan, dataset, [0], options)
            return step_flops(model.to(self.device), inputs)
        outputs = 1 if dataset.classes is None else len(dataset.classes)
        own = own_model(plan.model, plan.folder)
        with seeded(0):  # it may draw from the generators that the user's code draws from
            model = own.module(dataset.example_shape, outputs, options)
            return step_flops(model.to(self.device), inputs[0])

    def validate(self) -> Curve:
        """Score every lane as it is now on its validation examples."""
        trainer, valid = self.trainer, self.score("valid")
        train = trainer.train_figures
        replicates = [
            Replicate(
                seed=seed,
                valid=lane_figures(valid.figures, valid.loss, lane),
                train=lane_figures(train, train["loss"], lane) if train else {},
                diverged_epoch=trainer.diverged[lane],
            )
            for lane, seed in enumerate(self.plan.seeds)
        ]
        return Curve(trial=self.plan.trial, epoch=trainer.epoch, replicates=tuple(replicates))

    def preprocessing(self, lane: int) -> dict[str, Any]:
        """Return what a user needs to apply one lane's saved model to examples of the source.

        Returns:
            Plain JSON values, fitted on the lane's training set: what the dataset says of its
            inputs; for a numerical target, ``target_mean`` and ``target_std`` with
            prediction = output * std + mean.
        """
        sets = self.dataset.replicate(self.plan.seeds[lane], self.plan.train_size)
        return {**(sets.preprocessing or {}), **self.trainer.loss.preprocessing(lane)}

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` needs to continue exactly."""
        return {"trainer": self.trainer.state_dict(), "seconds": self.seconds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where ``state_dict`` was taken from a run of the same plan."""
        self.trainer.load_state_dict(state["trainer"])
        self.seconds = state["seconds"]
