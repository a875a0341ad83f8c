"""Epochs that a replicate was trained for: a cost."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["EPOCHS"]

EPOCHS = Metric("epochs", "epochs trained", "", "minimize", 0.0, None, "any", None)
