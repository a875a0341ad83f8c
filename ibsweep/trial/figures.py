"""Figures of a trial's lanes, as records hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from ibsweep.results.rows import Figures

__all__ = ["lane_figures"]


def lane_figures(figures: Mapping[str, Tensor], loss: Tensor, lane: int) -> Figures:
    """Return the figures of one lane as records hold them, its loss last.

    Args:
        figures: Metrics by name, each ``[L]``.
        loss: The loss, ``[L]``.
        lane: Which lane.
    """
    values = {name: value for name, value in figures.items() if name != "loss"} | {"loss": loss}
    return {name: _finite(value[lane].item()) for name, value in values.items()}


def _finite(value: float) -> float | None:
    """Return a figure, None where it is not defined or not finite."""
    return value if math.isfinite(value) else None
