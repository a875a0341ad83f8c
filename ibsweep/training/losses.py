"""What training minimises: the cross-entropy of classes, the squared error of numbers.

Both turn a model's raw outputs ``[L, B, outputs]`` into what metrics and records are about. A
loss that is recorded never depends on a training setting, so that trials can be compared by it:
cross-entropy without smoothing; the mean squared error in the target's unit, squared.

Notation:
    L: lanes, N: examples of a set, B: examples of a batch, K: classes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CrossEntropy", "Loss", "SquaredError", "loss_for"]


class Loss(Protocol):
    """What a trainer asks of a loss."""

    plain: bool
    """Whether it is what the compiled kernels minimise: cross-entropy without smoothing."""

    def fit_targets(self, targets: Tensor) -> Tensor:
        """Return training targets ``[L, N]`` as ``of_batch`` takes them."""

    def of_batch(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of each lane's batch, ``[L]``, whose gradient trains it."""

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return what metrics take: logits ``[L, N, K]``, or numbers in the target's unit."""

    def of_examples(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the loss that is recorded of each example, ``[L, N]``."""

    def preprocessing(self, lane: int) -> Mapping[str, float]:
        """Return how one lane's outputs become predictions, empty where they are these."""


class CrossEntropy:
    """The cross-entropy of logits, as ``torch.nn.CrossEntropyLoss``.

    Args:
        label_smoothing: As there, a lane each, ``[L]``; 0 for none.
    """

    def __init__(self, label_smoothing: Tensor) -> None:
        self.plain = not bool(label_smoothing.any())
        self._smoothing = label_smoothing

    def fit_targets(self, targets: Tensor) -> Tensor:
        """Return the labels as they are."""
        return targets

    def of_batch(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of each lane's batch, ``[L, B, K], [L, B] -> [L]``."""
        losses = self.of_examples(outputs, targets).mean(1)
        if self.plain:
            return losses
        # the other part: the cross-entropy against all classes alike
        even = outputs.logsumexp(2).sub(outputs.mean(2)).mean(1)
        return torch.lerp(losses, even, self._smoothing)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the logits."""
        return outputs

    def of_examples(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return every example's cross-entropy, without smoothing."""
        losses = F.cross_entropy(predictions.flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view(targets.shape)

    def preprocessing(self, lane: int) -> Mapping[str, float]:
        """Nothing: outputs are logits."""
        del lane
        return {}


class SquaredError:
    """The squared error of one number, which the model gives in units of the targets' spread.

    Outputs times ``std`` plus ``mean`` are predictions; both are those of each lane's own training
    targets. So a learning rate means the same whatever the target's unit is, and a lane that was
    retired predicts the mean. A target that never changes has a ``std`` of 1.

    Args:
        targets: The training targets, ``[L, N]``.
    """

    plain = False

    def __init__(self, targets: Tensor) -> None:
        exact = targets.double()  # a mean of 1e6 leaves float32 no digits for the spread
        self._mean = exact.mean(1, keepdim=True)
        std = exact.std(1, keepdim=True, correction=0)
        self._std = torch.where(std > 0, std, 1.0)
        self._type = targets.dtype

    def fit_targets(self, targets: Tensor) -> Tensor:
        """Return the targets with mean 0 and variance 1 in every lane."""
        return targets.double().sub(self._mean).div(self._std).to(self._type)

    def of_batch(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of each lane's batch, ``[L, B, 1], [L, B] -> [L]``."""
        return (outputs.squeeze(2) - targets).square().mean(1)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Map outputs ``[..., L, N, 1]`` back, to float64 ``[..., L, N]``."""
        return outputs.squeeze(-1).double().mul(self._std).add(self._mean)

    def of_examples(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return every example's squared error, in the target's unit squared."""
        return (predictions - targets).square()

    def preprocessing(self, lane: int) -> Mapping[str, float]:
        """Return ``target_mean`` and ``target_std``: prediction = output * std + mean."""
        return {
            "target_mean": self._mean[lane].item(),
            "target_std": self._std[lane].item(),
        }


def loss_for(targets: Tensor, label_smoothing: Tensor) -> Loss:
    """Return the loss that suits training targets: integers are classes, floats are numbers.

    Args:
        targets: ``[L, N]``.
        label_smoothing: Of the cross-entropy, ``[L]``.
    """
    if targets.dtype.is_floating_point:
        return SquaredError(targets)
    return CrossEntropy(label_smoothing)
