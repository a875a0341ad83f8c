"""Mean absolute error, in the target's unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MAE"]


def _mae(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs.double() - targets.double()).abs().mean(1)


MAE = Metric("mae", "mean absolute error", "", "minimize", 0.0, None, "number", _mae)
