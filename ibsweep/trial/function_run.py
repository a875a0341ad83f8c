"""A trial of a training function of the user's own: replicates advance together to a rung."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ibsweep.data import Dataset, Examples, open_dataset
from ibsweep.errors import InputError
from ibsweep.metrics.confusion import confusion
from ibsweep.metrics.own import figure_functions
from ibsweep.results.records import Curve, Replicate
from ibsweep.results.rows import Figures
from ibsweep.training import Evaluation
from ibsweep.trial.figures import lane_figures
from ibsweep.trial.function_data import FunctionData
from ibsweep.trial.generators import Generators
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.predictions import outputs_of
from ibsweep.trial.replicate_thread import ReplicateThread
from ibsweep.trial.report import Reported
from ibsweep.user_code import load, verify

__all__ = ["FunctionRun"]


class _Row(NamedTuple):
    """What is known of a replicate at an epoch that it reported."""

    epoch: int
    figures: Figures
    finite: bool


class _Replicate:
    """A replicate of a function: its thread, and the rows that it has reported."""

    def __init__(self, run: FunctionRun, seed: int, saved: Mapping[str, Any] | None) -> None:
        self.seed, self._run = seed, run
        self.rows: list[_Row] = []
        self._unscored: Reported | None = None
        self.diverged: int | None = None
        restored = None
        if saved is not None:
            self.rows = [_Row(*row) for row in saved["rows"]]
            files = saved["files"].numpy().tobytes()
            restored = (saved["epoch"], files, Generators.from_state_dict(saved["generators"]))
        plan = run.plan
        self.thread = ReplicateThread(
            run.reference,
            run.function,
            plan.settings,
            FunctionData(run.dataset, seed, plan.train_size, run.device),
            seed,
            run.epochs,
            {name.rpartition(":")[2].replace(".", "_"): name for name in plan.metrics},
            self._checkpoint,
            restored,
        )

    @property
    def epoch(self) -> int:
        """The last epoch that was scored."""
        return self.rows[-1].epoch if self.rows else 0

    @property
    def finished(self) -> bool:
        return (
            self.thread.ended
            or self.diverged is not None
            or max(self.epoch, self.thread.reported.epoch if self.thread.reported else 0)
            >= self._run.epochs
        )

    def run_to(self, epoch: int) -> None:
        """Let it run until it has a row at an epoch or later, or ends."""
        if self.epoch >= epoch or self.finished:
            return
        self.thread.run_to(epoch, self._take(epoch))
        if self.thread.fault is None:
            self._score_last()
        if self.thread.fault is not None:
            raise InputError(self.thread.fault)
        if self.rows and not self.rows[-1].finite:
            self.diverged = self.rows[-1].epoch
            self.thread.close()

    def at(self, epoch: int) -> Replicate:
        """Return its figures at an epoch: those it reported then or next, or else last."""
        row = next((row for row in self.rows if row.epoch >= epoch), self.rows[-1])
        return Replicate(seed=self.seed, valid=row.figures, train={}, diverged_epoch=self.diverged)

    def _take(self, until: int) -> Callable[[Reported], None]:
        def take(reported: Reported) -> None:
            self._unscored = reported
            if reported.epoch >= until:
                self._score_last()

        return take

    def _score_last(self) -> None:
        """Score what was reported last, unless that is done; the user's draws stay the user's."""
        reported, self._unscored = self._unscored, None
        if reported is None:
            return
        if reported.predict is None:
            figures: Figures = {n: _finite(value) for n, value in reported.figures.items()}
            figures.setdefault("loss", None)
            finite = math.isfinite(reported.figures[self._run.objective])
        else:
            before = Generators.now()
            try:
                found, finite = self._run.evaluate(reported.predict, self.seed, "valid")
            finally:
                before.restore()
            figures = lane_figures(found.figures, found.loss, 0)
        self.rows.append(_Row(reported.epoch, figures, finite))

    def _checkpoint(self, epoch: int, files: bytes, generators: Generators) -> None:
        state = {
            "epoch": epoch,
            "files": torch.frombuffer(bytearray(files), dtype=torch.uint8),
            "generators": generators.state_dict(),
            "rows": [list(row) for row in self.rows if row.epoch <= epoch],
        }
        self._run.checkpointed(self.seed, state)


class FunctionRun:
    """A trial in progress: a training function, called once a replicate.

    Args:
        plan: What to train.
        device: ``"cpu"`` or a CUDA device.

    Raises:
        InputError: If the function or the data cannot be had, or code has changed.

    Attributes:
        on_checkpoint: Called with a replicate's seed and its state at a ``report.checkpoint``.
    """

    def __init__(self, plan: TrialPlan, device: str = "cpu") -> None:
        assert plan.train is not None
        self.plan, self.device, self.reference = plan, device, plan.train
        verify((plan.own or {}).get("code", {}), plan.folder)
        self.function: Callable[..., Any] = load(plan.train, plan.folder)
        if not callable(self.function):
            raise InputError(f"{plan.train} must be a function of (config, data, seed, report)")
        self.epochs: int = plan.settings["epochs"]
        self.dataset: Dataset = open_dataset(plan.data)
        self.objective = plan.metrics[0].rpartition(":")[2].replace(".", "_")
        self.on_checkpoint: Callable[[int, Mapping[str, Any]], None] = lambda seed, state: None
        self.epoch = 0
        self.seconds = 0.0
        self._metrics = figure_functions(
            plan.metrics, classes=self.dataset.classes is not None, folder=plan.folder
        )
        self._saved: dict[int, Mapping[str, Any]] = {}
        self._replicates: list[_Replicate] | None = None

    @property
    def replicates(self) -> list[_Replicate]:
        """The replicates, each made when the first of them begins."""
        if self._replicates is None:
            self._replicates = [
                _Replicate(self, seed, self._saved.get(seed)) for seed in self.plan.seeds
            ]
        return self._replicates

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train: all returned, diverged or are at their last epoch."""
        if self.epoch == 0 or not all(one.finished for one in self.replicates):
            return False
        return self.epoch >= min(self.epochs, max(one.epoch for one in self.replicates))

    @property
    def failure(self) -> str | None:
        """Why the trial failed, or None."""
        if not self.finished or any(one.diverged is None for one in self.replicates):
            return None
        return f"every replicate diverged, the last in epoch {self.epoch}"

    @property
    def lost(self) -> bool:
        """Whether a function that was to end goes on in this process."""
        return any(one.thread.lost for one in self._replicates or ())

    def advance(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the next rung, or to the end, and validate.

        Args:
            on_curve: Called with the figures of every epoch that is validated on the way, the
                last one too.

        Returns:
            The replicates' figures there.

        Raises:
            InputError: If the function raised, reported what it must not, or nothing at all.
        """
        started = time.perf_counter()
        stop = self.plan.next_stop(self.epoch)
        try:
            while True:
                before = self.epoch
                target = before + 1 if self.plan.every_epoch else stop
                for one in self.replicates:
                    one.run_to(target)
                reached = max(one.epoch for one in self.replicates)
                self.epoch = min(target, reached) if self.finished_at(target) else target
                curve = Curve(
                    trial=self.plan.trial,
                    epoch=self.epoch,
                    replicates=tuple(one.at(self.epoch) for one in self.replicates),
                )
                if on_curve and self.epoch > before:
                    on_curve(curve)
                if self.epoch >= stop or self.finished:
                    break
        except BaseException:
            self.close()
            raise
        finally:
            self.seconds += time.perf_counter() - started
        return curve

    def finished_at(self, target: int) -> bool:
        """Whether all replicates ended before an epoch, so that none will reach it."""
        return all(one.finished and one.epoch < target for one in self.replicates)

    def complete(self, on_curve: Callable[[Curve], None] | None = None) -> Curve:
        """Train to the end and return the last figures; ``on_curve`` as for ``advance``."""
        while True:
            curve = self.advance(on_curve)
            if self.finished:
                return curve

    @property
    def warning(self) -> str | None:
        """What will keep the confirmation from scoring the trial, or None."""
        for one in self._replicates or ():
            reported = one.thread.reported
            if reported is not None and reported.predict is None:
                return (
                    f"{self.reference} reports figures alone: the confirmation will fail, since "
                    "held-out examples never reach it, unless its last report says what "
                    "predicts, report(epoch, predict=...)"
                )
        return None

    def score(self, split: str) -> Evaluation:
        """Score what each replicate reported last on its own examples of a split.

        Raises:
            InputError: If it reported figures alone.
        """
        found = []
        for one in self.replicates:
            reported = one.thread.reported
            if reported is None or reported.predict is None:
                raise InputError(
                    f"{self.reference} reported figures alone: held-out examples never reach it, "
                    "so its last report must say what predicts, report(epoch, predict=...)"
                )
            found.append(self.evaluate(reported.predict, one.seed, split)[0])
        names = found[0].figures
        return Evaluation(
            torch.cat([one.loss for one in found]),
            {name: torch.cat([one.figures[name] for one in found]) for name in names},
            None
            if found[0].confusion is None
            else torch.cat([one.confusion for one in found if one.confusion is not None]),
            torch.cat([one.outputs for one in found]),
        )

    def evaluate(self, predict: Any, seed: int, split: str) -> tuple[Evaluation, bool]:
        """Score what predicts on one replicate's examples of a split, as one lane.

        Returns:
            The figures, and whether all outputs were finite: where they are not, the replicate
            diverged and is scored as one that says nothing, as a model's lane is.
        """
        sets = self.dataset.replicate(seed, self.plan.train_size)
        examples: Examples
        if split == "test":
            examples = self.dataset.held_out(seed, self.plan.train_size)
        else:
            examples = sets.train if split == "train" else sets.valid
        inputs = examples.tensor().to(self.device)
        classes = self.dataset.classes
        try:
            outputs = outputs_of(predict, inputs, classes).unsqueeze(0)
        except InputError as error:
            raise InputError(f"{self.reference}: {error}") from error
        finite = bool(torch.isfinite(outputs).all())
        if not finite:
            nothing = 0.0 if classes is not None else float(sets.train.targets.mean())
            outputs = torch.full_like(outputs, nothing)
        targets = torch.tensor(examples.targets).unsqueeze(0)
        figures = {name: compute(outputs, targets) for name, compute in self._metrics.items()}
        return Evaluation(
            _loss(outputs, targets), figures, _counts(outputs, targets), outputs
        ), finite

    def preprocessing(self, lane: int) -> dict[str, Any]:
        """Return how an example of the source becomes what the function saw."""
        sets = self.dataset.replicate(self.plan.seeds[lane], self.plan.train_size)
        return dict(sets.preprocessing or {})

    def lane_state_dict(self, lane: int) -> dict[str, Tensor] | None:
        """Return the weights of what a replicate reported last; None where it is no module."""
        reported = self.replicates[lane].thread.reported
        predict = None if reported is None else reported.predict
        if not isinstance(predict, torch.nn.Module):
            return None
        return {name: value.detach().cpu().clone() for name, value in predict.state_dict().items()}

    def take_log(self) -> str:
        """Return what the replicates printed since the last call, each line with its seed."""
        replicates = self._replicates or ()
        return "".join(one.thread.log.take(ended=one.thread.ended) for one in replicates)

    def close(self) -> None:
        """End the function: what it has not done by now it does not do."""
        for one in self._replicates or ():
            one.thread.close()

    def checkpointed(self, seed: int, state: Mapping[str, Any]) -> None:
        """Keep a replicate's checkpoint."""
        self._saved[seed] = state
        self.on_checkpoint(seed, state)

    def state_dict(self) -> dict[str, Any]:
        """Return the checkpoints that the function asked for; a replicate without starts anew."""
        return {"replicates": dict(self._saved)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin with these checkpoints, before the first ``advance``."""
        assert self._replicates is None, "nothing runs yet"
        self._saved = dict(state["replicates"])


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the loss that is recorded, ``[1]``: cross-entropy or mean squared error."""
    if targets.is_floating_point():
        return (outputs - targets).square().mean(1)
    return F.cross_entropy(outputs[0], targets[0]).unsqueeze(0)


def _counts(outputs: Tensor, targets: Tensor) -> Tensor | None:
    return None if targets.is_floating_point() else confusion(outputs, targets)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
