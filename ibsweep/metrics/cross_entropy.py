"""Cross-entropy: the mean negative logarithm of the true class's probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CROSS_ENTROPY"]


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    import torch.nn.functional as F

    losses = F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view(targets.shape).mean(1)


CROSS_ENTROPY = Metric(
    "cross_entropy", "cross-entropy", "nats", "minimize", 0.0, None, "classes", _cross_entropy
)
