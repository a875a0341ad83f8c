"""The metrics: figures of predictions; read without torch."""

from __future__ import annotations

from ibsweep.metrics.catalogue import METRICS
from ibsweep.metrics.metric import Direction, Metric, Target, format_figure

__all__ = ["METRICS", "Direction", "Metric", "Target", "format_figure"]
