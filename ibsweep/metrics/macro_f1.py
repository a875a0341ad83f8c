"""Macro F1: the mean over classes of the harmonic mean of precision and recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.confusion import confusion
from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MACRO_F1"]


def _macro_f1(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean is over the classes that occur among targets or predictions, as in scikit-learn."""
    counts = confusion(outputs, targets).double()
    hits = counts.diagonal(dim1=1, dim2=2)
    return (2 * hits / (counts.sum(1) + counts.sum(2))).nanmean(1)


MACRO_F1 = Metric("macro_f1", "macro F1", "", "maximize", 0.0, 1.0, "classes", _macro_f1)
