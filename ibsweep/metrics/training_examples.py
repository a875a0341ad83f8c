"""Examples of the training set of one replicate, over all classes: a cost."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["TRAINING_EXAMPLES"]

TRAINING_EXAMPLES = Metric(
    "training_examples", "training examples", "", "minimize", 0.0, None, "any", None
)
