"""Seconds that one replicate was trained and validated for: a cost."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["SECONDS"]

SECONDS = Metric("seconds", "training time", "s", "minimize", 0.0, None, "any", None)
