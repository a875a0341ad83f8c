"""Parameters that are trained, of one replicate: a cost."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["PARAMETERS"]

PARAMETERS = Metric("parameters", "trained parameters", "", "minimize", 0.0, None, "any", None)
