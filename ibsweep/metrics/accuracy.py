"""Accuracy: the percentage of examples whose class is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACCURACY"]


def _accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return 100 * (outputs.argmax(2) == targets).double().mean(1)


ACCURACY = Metric("accuracy", "accuracy", "%", "maximize", 0.0, 100.0, "classes", _accuracy)
