"""The one training loop: epochs over lanes, evaluation, save and restore.

Notation:
    L: lanes, N: examples of a set (the same number for every lane), B: examples of a batch,
    K: classes

Examples stay on the device. Where they are few they are prepared once, and where the compiled
kernels fit, these train many epochs in one call. Else an epoch runs in chunks of batches, each
gathered in the lanes' own orders when its turn comes: of a large pool no lane has a copy. Losses
are means over examples (the notebook divides a sum of batch means by the number of images: its
figures are smaller by about the batch size). The training figures of an epoch are taken before
each update, as in the notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ibsweep.errors import InputError
from ibsweep.metrics import METRICS
from ibsweep.metrics.confusion import confusion
from ibsweep.models import backend
from ibsweep.models.base import LaneModel
from ibsweep.training.data import LaneData
from ibsweep.training.losses import loss_for
from ibsweep.training.optimizers import OPTIMIZERS, clip_by_lane
from ibsweep.training.schedules import LearningRate, Span

__all__ = ["Evaluation", "Trainer", "TrainingSettings"]

Compute = Callable[[Tensor, Tensor], Tensor]
"""Predictions, logits ``[L, N, K]`` or numbers ``[L, N]``, and targets ``[L, N]`` to ``[L]``."""

_DEFAULT_METRICS: Mapping[str, Compute] = {
    name: compute
    for name, compute in [("accuracy", METRICS["accuracy"].compute)]
    if compute is not None
}

_CHUNK_BYTES = 32 * 2**20
"""Examples of all lanes, as float32, that are gathered at a time."""

_PASS_EXAMPLES, _PASS_BYTES = 4096, 4096 * 28 * 28 * 4
"""Examples over all lanes that one evaluation pass holds, and their bytes: of small images that
is some 100 MB of activations."""

_EPOCHS_TOGETHER, _OUTPUTS_TOGETHER = 32, 1_000_000
"""Epochs of one call of the compiled kernels, at most; and the outputs that it may return."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; what may be one number or one a lane is typed so.

    Attributes:
        lr: Learning rate.
        batch_size: Examples of a mini-batch; the last one of an epoch may be smaller. Where a
            model cannot be trained on a single example (BatchNorm), one that is left over joins
            the batch before.
        optimizer: ``"sgd"``, ``"adam"`` or ``"adamw"``.
        momentum: Momentum of SGD, beta1 of Adam.
        weight_decay: Weight decay.
        epochs: What the schedule spans; only ``cosine`` and ``one_cycle`` need it.
        schedule: A key of ``SCHEDULES``; the module ``schedules`` says what each equals.
        warmup_epochs: Epochs in which the learning rate rises.
        step_size: Epochs between two steps of the ``step`` schedule.
        gamma: Its factor.
        clip_norm: Largest norm of a lane's gradients, as ``clip_grad_norm_``; 0 for any.
        label_smoothing: Of the cross-entropy; a numerical target ignores it.
        nesterov: Whether SGD's momentum is Nesterov's.
        beta1: Adam's first beta; None for ``momentum``.
        beta2: Adam's second beta.
    """

    lr: float | Sequence[float]
    batch_size: int
    optimizer: str = "sgd"
    momentum: float | Sequence[float] = 0.9
    weight_decay: float | Sequence[float] = 0.0
    epochs: int | None = None
    schedule: str = "constant"
    warmup_epochs: int = 0
    step_size: int = 30
    gamma: float | Sequence[float] = 0.1
    clip_norm: float | Sequence[float] = 0.0
    label_smoothing: float | Sequence[float] = 0.0
    nesterov: bool = False
    beta1: float | Sequence[float] | None = None
    beta2: float | Sequence[float] = 0.999


class Evaluation(NamedTuple):
    """Figures of one split.

    Attributes:
        loss: Mean loss, ``[L]``: cross-entropy, or the mean squared error in the target's unit
            squared.
        figures: Metrics by name, each ``[L]``.
        confusion: Counts by true and predicted class, ``[L, K, K]``; None without classes.
        outputs: What the metrics were computed of: logits ``[L, N, K]``, or numbers ``[L, N]``.
    """

    loss: Tensor
    figures: dict[str, Tensor]
    confusion: Tensor | None
    outputs: Tensor


class Trainer:
    """Trains a model of L lanes on L data sets; lanes never influence one another.

    A lane whose loss or weights stop being finite is retired at the end of that epoch: its weights
    become zero, so that it scores as a model that knows nothing, and the other lanes go on.

    Args:
        model: The model, already on the device of ``train``.
        settings: How to train.
        train: The training examples.
        batch_seeds: One seed a lane for the order of its batches.
        metrics: What is computed of predictions beside the loss, by name; by default the accuracy
            of classes.
    """

    def __init__(
        self,
        model: LaneModel,
        settings: TrainingSettings,
        train: LaneData,
        batch_seeds: Sequence[int],
        metrics: Mapping[str, Compute] | None = None,
    ) -> None:
        self.model = model
        self.batch_size = settings.batch_size
        if min(self.batch_size, train.count) < model.least_batch:
            raise InputError(
                "the model compares the examples of a batch, as BatchNorm does: there must be at "
                f"least {model.least_batch} in one, but batch_size={self.batch_size} and "
                f"{train.count} training examples"
            )
        of_classes = not train.targets.dtype.is_floating_point
        self.metrics = metrics or (_DEFAULT_METRICS if of_classes else {})
        self._batches = _batches(train.count, settings.batch_size, model.least_batch)
        self.data = train
        self.inputs = model.prepare(train.inputs) if train.ready else None
        """All training examples as the model trains on them; None where they are many."""
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        like = self.parameters[0]

        def by_lane(value: float | Sequence[float]) -> Tensor:
            tensor = torch.as_tensor(value, dtype=like.dtype, device=like.device)
            return tensor.expand(model.lanes)

        self.loss = loss_for(train.targets, by_lane(settings.label_smoothing))
        self.targets = self.loss.fit_targets(train.targets)
        momentum = settings.momentum
        if settings.optimizer != "sgd" and settings.beta1 is not None:
            momentum = settings.beta1
        self.optimizer = OPTIMIZERS[settings.optimizer](
            self.parameters,
            by_lane(settings.lr),
            by_lane(momentum),
            by_lane(settings.weight_decay),
            nesterov=settings.nesterov,
            beta2=settings.beta2,
        )
        self.clip_norm = by_lane(settings.clip_norm)
        self._clips = bool(self.clip_norm.any())
        if settings.epochs is None and settings.schedule in ("cosine", "one_cycle"):
            raise ValueError(f"the schedule {settings.schedule!r} needs `epochs`")
        self.learning_rate = LearningRate(
            settings.schedule,
            Span(
                epochs=settings.epochs or 2**31,
                steps=len(self._batches),
                warmup=settings.warmup_epochs,
                step_size=settings.step_size,
                gamma=by_lane(settings.gamma),
            ),
        )
        self.generators = [torch.Generator().manual_seed(seed) for seed in batch_seeds]
        self.epoch = 0
        self.diverged: list[int | None] = [None] * model.lanes
        """Epoch at which each lane was retired, None for a healthy one."""
        self._last: tuple[Tensor, Tensor] | None = None
        """Predictions of the last epoch, before each update, and their targets."""
        self._train_figures: dict[str, Tensor] = {}

    @property
    def train_figures(self) -> dict[str, Tensor]:
        """The loss and the metrics of the last epoch, before each update, each ``[L]``; nothing
        before the first one."""
        if self._last is not None:
            scores = self._evaluation(*self._last)
            figures = {"loss": scores.loss, **scores.figures}
            self._train_figures = {name: value.cpu() for name, value in figures.items()}
            self._last = None
        return self._train_figures

    def run_epoch(self, order: Tensor | None = None) -> None:
        """Train one epoch, every lane in an order of its own.

        Args:
            order: Positions of the examples, ``[L, N]``, in place of the lanes' own next order.
        """
        self._run_epochs(self._orders(1) if order is None else order.unsqueeze(0))

    def _orders(self, epochs: int) -> Tensor:
        """Draw the lanes' own next orders, ``[E, L, N]``."""
        drawn = [
            torch.randperm(self.data.count, generator=g)
            for _ in range(epochs)
            for g in self.generators
        ]
        return torch.stack(drawn).view(epochs, self.model.lanes, self.data.count)

    def _run_epochs(self, orders: Tensor) -> None:
        """Train the epochs of ``orders`` ``[E, L, N]``, fewer if every lane diverges."""
        orders = orders.to(self.targets.device)
        self.model.train()
        outputs = None
        if self.inputs is not None:
            outputs = self._train_in_kernels(self.inputs, self.targets, orders, self.epoch)
        if outputs is None:
            epochs = enumerate(orders, self.epoch)
            outputs = torch.stack([self._train(order, epoch) for epoch, order in epochs])
        targets = self.data.targets.expand_as(orders).gather(2, orders)
        predictions = self.loss.predictions(outputs)
        losses = self.loss.of_examples(predictions.flatten(0, 1), targets.flatten(0, 1)).mean(1)
        healthy = torch.isfinite(losses).view(orders.shape[:2]).cpu()
        trained = len(orders)
        if not healthy.all():
            for lane in torch.nonzero(~healthy.all(0)).flatten().tolist():
                first = int(healthy[:, lane].long().argmin())
                predictions[first + 1 :, lane] = 0  # a lane that is retired says nothing
                self._retire(lane, self.epoch + first + 1)
            if self.all_diverged:
                trained = max(epoch or 0 for epoch in self.diverged) - self.epoch
        self.epoch += trained
        self._last = predictions[trained - 1], targets[trained - 1]

    def _kernels_fit(self, inputs: Tensor) -> bool:
        """Whether the compiled kernels have all that is asked for."""
        return (
            self.loss.plain
            and self.optimizer.plain
            and not self._clips
            and not self.learning_rate.by_step
            and self.model.runs_in_kernels(inputs)
        )

    def _train_in_kernels(
        self, inputs: Tensor, targets: Tensor, orders: Tensor, epoch: int
    ) -> Tensor | None:
        """Train epochs of prepared inputs ``[L, N, ...]`` in one call of the compiled kernels.

        Args:
            inputs: The inputs.
            targets: ``[L, N]``.
            orders: ``[E, L, N]``, of epochs with one learning rate.
            epoch: The first of them, from 0.

        Returns:
            The outputs before each update, ``[E, L, N, K]``; None, and nothing done, where the
            kernels do not have what is asked for.
        """
        if not self._kernels_fit(inputs):
            return None
        state = self.optimizer.in_kernels(self.learning_rate.factor(epoch))
        try:
            outputs = self.model.train_in_kernels(inputs, targets, orders, self.batch_size, state)
        except backend.KernelsUnavailableError:
            return None
        self.optimizer.steps += len(orders) * -(-orders.shape[2] // self.batch_size)
        return outputs

    def _train(self, order: Tensor, epoch: int) -> Tensor:
        """Train an epoch in chunks of batches; return the outputs before each update."""
        targets = self.targets.gather(1, order)
        batch_bytes = self.model.lanes * self.batch_size * self.data.example_bytes
        together = max(1, _CHUNK_BYTES // batch_bytes)
        outputs = self._empty_outputs(order.shape[1])
        for first in range(0, len(self._batches), together):
            batches = self._batches[first : first + together]
            part = slice(batches[0][0], batches[-1][1])
            chunk = self._train_chunk(order[:, part], targets[:, part], epoch, first)
            outputs[:, part] = chunk
        return outputs

    def _empty_outputs(self, count: int) -> Tensor:
        """Return room for the outputs of ``count`` examples, ``[L, count, K]``.

        It is taken once: outputs that were kept one by one, between large chunks of inputs that
        come and go, would leave holes into which the next chunk does not fit.
        """
        like = next(self.model.parameters())
        return like.new_empty(self.model.lanes, count, self.model.outputs)

    def _train_chunk(self, positions: Tensor, targets: Tensor, epoch: int, step: int) -> Tensor:
        """Train on the batches of the examples at ``positions`` ``[L, C]``, in that order.

        Args:
            positions: Positions.
            targets: Their targets, ``[L, C]``.
            epoch: Number of the epoch, from 0.
            step: Number of the first step in it, from 0.
        """
        lanes, count = targets.shape
        if self.inputs is not None:
            rows = torch.arange(lanes, device=positions.device).unsqueeze(1)
            inputs = self.inputs[rows, positions]
        else:
            inputs = self.model.prepare(self.data.batch(positions))
            in_order = torch.arange(count, device=positions.device).expand(1, lanes, count)
            outputs = self._train_in_kernels(inputs, targets, in_order, epoch)
            if outputs is not None:
                return outputs[0]
        return self._train_in_operations(self.model.arrange(inputs), targets, epoch, step)

    def _train_in_operations(
        self, inputs: Tensor, targets: Tensor, epoch: int, first: int
    ) -> Tensor:
        """Train on batches of ``inputs`` ``[L, C, ...]`` in torch's operations."""
        collected, retired = [], self._retired
        end = self._batches[first][0] + targets.shape[1]
        sizes = [stop - start for start, stop in self._batches[first:] if stop <= end]
        batches = zip(torch.split(inputs, sizes, 1), torch.split(targets, sizes, 1), strict=True)
        for step, (examples, wanted) in enumerate(batches, first):
            outputs = self.model.forward_prepared(examples)
            # The sum over lanes gives each lane the gradient of its own mean loss; a mean over
            # lanes would divide every learning rate by L.
            total = self.loss.of_batch(outputs, wanted).sum()
            gradients: Sequence[Tensor | None] = torch.autograd.grad(
                total, self.parameters, allow_unused=True
            )
            if retired:
                for gradient in gradients:
                    if gradient is not None:
                        gradient[retired] = 0
            if self._clips:
                gradients = clip_by_lane(gradients, self.clip_norm)
            self.optimizer.step(gradients, self.learning_rate.factor(epoch, step))
            collected.append(outputs.detach())
        return torch.cat(collected, 1)

    def run_to(self, epoch: int) -> None:
        """Train until ``epoch`` epochs are done in all, or every lane has diverged."""
        together = 1
        if self.inputs is not None and self._kernels_fit(self.inputs):
            outputs = self.targets.numel() * self.model.outputs
            together = min(_EPOCHS_TOGETHER, max(1, _OUTPUTS_TOGETHER // outputs))
        while self.epoch < epoch and not self.all_diverged:
            steady = self.learning_rate.steady(self.epoch)
            self._run_epochs(self._orders(min(together, steady, epoch - self.epoch)))

    @property
    def all_diverged(self) -> bool:
        """Whether no lane is left that could learn."""
        return None not in self.diverged

    @torch.no_grad()
    def evaluate(self, data: LaneData) -> Evaluation:
        """Score every lane on its own examples.

        A lane whose weights or loss turn out not to be finite is retired, and scored as such.

        Returns:
            The figures, on the CPU.
        """
        scores = self._score(data)
        healthy = torch.isfinite(scores.loss)
        for parameter in self.parameters:
            healthy &= torch.isfinite(parameter).flatten(1).all(1)
        if not healthy.all():
            self._retire_unless(healthy)
            scores = self._score(data)
        counts = None if scores.confusion is None else scores.confusion.cpu()
        figures = {name: value.cpu() for name, value in scores.figures.items()}
        return Evaluation(scores.loss.cpu(), figures, counts, scores.outputs.cpu())

    def _score(self, data: LaneData) -> Evaluation:
        self.model.eval()
        examples = min(_PASS_EXAMPLES, _PASS_BYTES // data.example_bytes)
        step = max(1, examples // self.model.lanes)
        collected = self._empty_outputs(data.count)
        for start in range(0, data.count, step):
            collected[:, start : start + step] = self.model(data.part(start, start + step))
        # a module of zero weights need not say zero: a norm that it divides by is zero too
        collected[self._retired] = 0
        return self._evaluation(self.loss.predictions(collected), data.targets)

    @property
    def _retired(self) -> list[int]:
        return [lane for lane, epoch in enumerate(self.diverged) if epoch is not None]

    def _evaluation(self, predictions: Tensor, targets: Tensor) -> Evaluation:
        losses = self.loss.of_examples(predictions, targets).mean(1)
        figures = {name: of(predictions, targets) for name, of in self.metrics.items()}
        classes = not targets.dtype.is_floating_point
        counts = confusion(predictions, targets) if classes else None
        return Evaluation(losses, figures, counts, predictions)

    def _retire_unless(self, healthy: Tensor) -> None:
        for lane in torch.nonzero(~healthy).flatten().tolist():
            self._retire(lane, self.epoch)

    def _retire(self, lane: int, epoch: int) -> None:
        if self.diverged[lane] is None:
            self.diverged[lane] = epoch
            self.optimizer.retire(lane)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a restored run needs; ``torch.load`` reads it with ``weights_only``."""
        return {
            "epoch": self.epoch,
            "model": {name: value.clone() for name, value in self.model.state_dict().items()},
            "optimizer": self.optimizer.state_dict(),
            "generators": [g.get_state() for g in self.generators],
            "diverged": list(self.diverged),
            "train_figures": dict(self.train_figures),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where ``state_dict`` was taken; model, data and settings must be the same."""
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for generator, saved in zip(self.generators, state["generators"], strict=True):
            generator.set_state(saved)
        self.diverged = list(state["diverged"])
        self._last, self._train_figures = None, dict(state["train_figures"])


def _batches(count: int, size: int, least: int) -> list[tuple[int, int]]:
    """Return where each batch begins and ends; one that is too small joins the one before."""
    bounds = [(start, min(start + size, count)) for start in range(0, count, size)]
    if len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] < least:
        bounds[-2:] = [(bounds[-2][0], count)]
    return bounds
