"""R²: the share of the targets' variance that the predictions explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["R2"]


def _r2(outputs: Tensor, targets: Tensor) -> Tensor:
    """Targets that are all the same have nothing to explain: 1 where they are met, else 0, as in
    scikit-learn.
    """
    import torch

    targets = targets.double()
    unexplained = (outputs.double() - targets).square().sum(1)
    variation = (targets - targets.mean(1, keepdim=True)).square().sum(1)
    constant = (targets == targets[:, :1]).all(1)
    degenerate = (unexplained == 0).double()
    return torch.where(constant, degenerate, 1 - unexplained / variation)


R2 = Metric("r2", "R²", "", "maximize", None, 1.0, "number", _r2)
