"""Floating-point operations of a training step, of one replicate: a cost."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["FLOPS"]

FLOPS = Metric("flops", "operations of a step", "FLOP", "minimize", 0.0, None, "any", None)
