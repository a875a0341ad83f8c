"""Examples that a replicate was shown, its training set once an epoch: a cost."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["IMAGE_EPOCHS"]

IMAGE_EPOCHS = Metric("image_epochs", "image-epochs", "", "minimize", 0.0, None, "any", None)
