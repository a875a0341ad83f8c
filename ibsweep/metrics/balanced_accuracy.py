"""Balanced accuracy: the mean over classes of the percentage of their examples found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.confusion import confusion
from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BALANCED_ACCURACY"]


def _balanced_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Classes without examples count for nothing, as in scikit-learn."""
    counts = confusion(outputs, targets).double()
    found = counts.diagonal(dim1=1, dim2=2) / counts.sum(2)
    return 100 * found.nanmean(1)


BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    "balanced accuracy",
    "%",
    "maximize",
    0.0,
    100.0,
    "classes",
    _balanced_accuracy,
)
