"""Root mean squared error, in the target's unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RMSE"]


def _rmse(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.double() - targets.double()).square().mean(1).sqrt()


RMSE = Metric("rmse", "RMSE", "", "minimize", 0.0, None, "number", _rmse)
