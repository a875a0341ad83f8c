"""The one training loop: epochs over lanes, evaluation, save and restore.

Notation:
    L: lanes, N: images of a set (the same number for every lane), B: images of a batch, K: classes

Images stay on the device as tensors ``[L, N, C, H, W]``. Where the compiled kernels fit, they
train many epochs in one call; else an epoch gathers the images once in each lane's own order, and
a batch is a slice of that. Losses are means over images (the notebook divides a sum of batch
means by the number of images: its figures are smaller by about the batch size). Accuracies are in
percent. The training figures of an epoch are taken before each update, as in the notebook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ibsweep.models import backend
from ibsweep.models.base import LaneModel
from ibsweep.training.optimizers import OPTIMIZERS

__all__ = ["Evaluation", "LaneData", "Trainer", "TrainingSettings"]

_EVALUATION_IMAGES = 4096
"""Images over all lanes that one evaluation pass holds: some 100 MB of activations."""

_EPOCHS_TOGETHER, _LOGITS_TOGETHER = 32, 1_000_000
"""Epochs of one call of the compiled kernels, at most; and the logits that it may return."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; learning rate, momentum and weight decay may be one number or one a lane.

    Attributes:
        lr: Learning rate.
        batch_size: Images of a mini-batch; the last one of an epoch may be smaller.
        optimizer: ``"sgd"``, ``"adam"`` or ``"adamw"``.
        momentum: Momentum of SGD, beta1 of Adam.
        weight_decay: Weight decay.
    """

    lr: float | Sequence[float]
    batch_size: int
    optimizer: str = "sgd"
    momentum: float | Sequence[float] = 0.9
    weight_decay: float | Sequence[float] = 0.0


class LaneData(NamedTuple):
    """Images ``[L, N, C, H, W]`` and int64 labels ``[L, N]`` of one split, every lane its own."""

    images: Tensor
    labels: Tensor


class Evaluation(NamedTuple):
    """Figures of one split.

    Attributes:
        loss: Mean cross-entropy, ``[L]``.
        accuracy: Percent, ``[L]``.
        confusion: Counts by true and predicted class, ``[L, K, K]``.
    """

    loss: Tensor
    accuracy: Tensor
    confusion: Tensor


class Trainer:
    """Trains a model of L lanes on L data sets; lanes never influence one another.

    A lane whose loss or weights stop being finite is retired at the end of that epoch: its weights
    become zero, so that it scores at chance, and the other lanes go on.

    Args:
        model: The model, already on the device of ``train``.
        settings: How to train.
        train: The training images.
        batch_seeds: One seed a lane for the order of its batches.
    """

    def __init__(
        self,
        model: LaneModel,
        settings: TrainingSettings,
        train: LaneData,
        batch_seeds: Sequence[int],
    ) -> None:
        self.model = model
        self.batch_size = settings.batch_size
        self.images = model.prepare(train.images)
        self.labels = train.labels
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        like = self.parameters[0]
        self.optimizer = OPTIMIZERS[settings.optimizer](
            self.parameters,
            *(
                torch.as_tensor(value, dtype=like.dtype, device=like.device).expand(model.lanes)
                for value in (settings.lr, settings.momentum, settings.weight_decay)
            ),
        )
        self.generators = [torch.Generator().manual_seed(seed) for seed in batch_seeds]
        self.epoch = 0
        self.diverged: list[int | None] = [None] * model.lanes
        """Epoch at which each lane was retired, None for a healthy one."""
        self.train_loss = torch.full((model.lanes,), float("nan"))
        self.train_accuracy = torch.full((model.lanes,), float("nan"))

    def run_epoch(self, order: Tensor | None = None) -> None:
        """Train one epoch, every lane in an order of its own.

        Args:
            order: Positions of the images, ``[L, N]``, in place of the lanes' own next order.
        """
        self._run_epochs(self._orders(1) if order is None else order.unsqueeze(0))

    def _orders(self, epochs: int) -> Tensor:
        """Draw the lanes' own next orders, ``[E, L, N]``."""
        count = self.labels.shape[1]
        drawn = [
            torch.randperm(count, generator=g) for _ in range(epochs) for g in self.generators
        ]
        return torch.stack(drawn).view(epochs, self.model.lanes, count)

    def _run_epochs(self, orders: Tensor) -> None:
        """Train the epochs of ``orders`` ``[E, L, N]``, fewer if every lane diverges."""
        orders = orders.to(self.labels.device)
        logits = self._train_in_kernels(orders)
        if logits is None:
            logits = torch.stack([self._train(order) for order in orders])
        labels = self.labels.expand_as(orders).gather(2, orders)
        losses = _lane_losses(logits.flatten(0, 1), labels.flatten(0, 1)).mean(1)
        healthy = torch.isfinite(losses).view(orders.shape[:2]).cpu()
        trained = len(orders)
        if not healthy.all():
            for lane in torch.nonzero(~healthy.all(0)).flatten().tolist():
                first = int(healthy[:, lane].long().argmin())
                logits[first + 1 :, lane] = 0  # a lane that is retired says nothing
                self._retire(lane, self.epoch + first + 1)
            if self.all_diverged:
                trained = max(epoch or 0 for epoch in self.diverged) - self.epoch
        self.epoch += trained
        figures = _figures(logits[trained - 1], labels[trained - 1])
        self.train_loss, self.train_accuracy = figures.loss.cpu(), figures.accuracy.cpu()

    def _train_in_kernels(self, orders: Tensor) -> Tensor | None:
        """Train all epochs in one call, and return the logits before each update.

        None, and nothing done, where there are no kernels.
        """
        if not self.model.runs_in_kernels(self.images):
            return None
        state = self.optimizer.plain()
        try:
            logits = self.model.train_in_kernels(
                self.images, self.labels, orders, self.batch_size, state
            )
        except backend.KernelsUnavailableError:
            return None
        self.optimizer.steps += len(orders) * -(-orders.shape[2] // self.batch_size)
        return logits

    def _train(self, order: Tensor) -> Tensor:
        """Train an epoch in torch's operations; return the logits before each update."""
        lanes, count = self.labels.shape
        rows = torch.arange(lanes, device=order.device).unsqueeze(1)
        images = self.model.arrange(self.images[rows, order])
        labels = self.labels[rows, order]
        epoch_logits = []
        for start in range(0, count, self.batch_size):
            batch = slice(start, start + self.batch_size)
            logits = self.model.forward_prepared(images[:, batch])
            losses = _lane_losses(logits, labels[:, batch])
            # The sum over lanes gives each lane the gradient of its own mean loss; a mean over
            # lanes would divide every learning rate by L.
            gradients = torch.autograd.grad(losses.mean(1).sum(), self.parameters)
            self.optimizer.step(gradients)
            epoch_logits.append(logits.detach())
        return torch.cat(epoch_logits, 1)

    def run_to(self, epoch: int) -> None:
        """Train until ``epoch`` epochs are done in all, or every lane has diverged."""
        together = 1
        if self.model.runs_in_kernels(self.images):
            logits = self.labels.numel() * self.model.outputs
            together = min(_EPOCHS_TOGETHER, max(1, _LOGITS_TOGETHER // logits))
        while self.epoch < epoch and not self.all_diverged:
            self._run_epochs(self._orders(min(together, epoch - self.epoch)))

    @property
    def all_diverged(self) -> bool:
        """Whether no lane is left that could learn."""
        return None not in self.diverged

    @torch.no_grad()
    def evaluate(self, data: LaneData) -> Evaluation:
        """Score every lane on its own images.

        A lane whose weights or loss turn out not to be finite is retired, and scored as such.

        Returns:
            The figures, on the CPU.
        """
        scores = self._score(data)
        healthy = torch.isfinite(scores.loss)
        for parameter in self.parameters:
            healthy &= torch.isfinite(parameter).flatten(1).all(1).cpu()
        if healthy.all():
            return scores
        self._retire_unless(healthy)
        return self._score(data)

    def _score(self, data: LaneData) -> Evaluation:
        step = max(1, _EVALUATION_IMAGES // self.model.lanes)
        logits = [
            self.model(data.images[:, start : start + step])
            for start in range(0, data.labels.shape[1], step)
        ]
        return Evaluation(*(t.cpu() for t in _figures(torch.cat(logits, 1), data.labels)))

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
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where ``state_dict`` was taken; model, data and settings must be the same."""
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for generator, saved in zip(self.generators, state["generators"], strict=True):
            generator.set_state(saved)
        self.diverged = list(state["diverged"])
        self.train_loss, self.train_accuracy = state["train_loss"], state["train_accuracy"]


def _lane_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of every image: ``[L, B, K], [L, B] -> [L, B]``."""
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape)


def _figures(logits: Tensor, labels: Tensor) -> Evaluation:
    """Return loss, accuracy and confusion of ``[L, N, K]`` logits against ``[L, N]`` labels."""
    lanes, classes = logits.shape[0], logits.shape[2]
    predicted = logits.argmax(2)
    cells = labels * classes + predicted
    cells += classes**2 * torch.arange(lanes, device=cells.device).unsqueeze(1)
    confusion = torch.bincount(cells.flatten(), minlength=lanes * classes**2)
    return Evaluation(
        loss=_lane_losses(logits, labels).mean(1),
        accuracy=100 * (predicted == labels).double().mean(1),
        confusion=confusion.view(lanes, classes, classes),
    )
