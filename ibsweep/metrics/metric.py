"""What a metric is: a figure of predictions or a cost, with a direction, a unit and bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Direction", "Metric", "Target", "format_figure"]

Direction = Literal["maximize", "minimize"]
Target = Literal["classes", "number", "any"]

_DIGITS = 4
"""Significant digits of a figure that has no natural scale."""


@dataclass(frozen=True)
class Metric:
    """A figure of predictions, computed lane by lane; or a cost.

    Attributes:
        name: By which question files, columns and ``--json`` call it.
        title: For people, in small letters.
        unit: ``"%"``, ``"nats"``, or empty where it has none or the target's.
        direction: Which way is better.
        low: The least value, None where there is none.
        high: The greatest value, None where there is none.
        target: What it is of: ``classes``, a ``number``, or ``any``.
        compute: Takes outputs, logits ``[L, N, K]`` or numbers ``[L, N]``, and targets ``[L, N]``,
            positions of classes or numbers; returns ``[L]``, NaN where the figure is not defined.
            None for a cost, which is of the model and its training: ``trial.costs`` measures it.
    """

    name: str
    title: str
    unit: str
    direction: Direction
    low: float | None
    high: float | None
    target: Target
    compute: Callable[[Tensor, Tensor], Tensor] | None

    @property
    def cost(self) -> bool:
        """Whether it says what a model costs, and nothing of how good it is."""
        return self.compute is None


def format_figure(
    value: float | None,
    unit: str,
    low: float | None,
    high: float | None,
    *,
    signed: bool = False,
) -> str:
    """Return a figure as people read it.

    Args:
        value: The figure; ``-`` stands for one that there is not.
        unit: Its unit.
        low: The least value that it can take.
        high: The greatest one.
        signed: Whether it is a difference of two figures: with its sign, and of percents in
            points.

    Example:
        >>> format_figure(97.2, "%", 0, 100), format_figure(-1.25, "%", 0, 100, signed=True)
        ('97.20 %', '-1.25 points')
        >>> format_figure(0.98765, "", 0, 1), format_figure(54.321, "", 0, None)
        ('0.9877', '54.32')
    """
    if value is None or math.isnan(value):
        return "-"
    if unit == "%":
        decimals, unit = 2, "points" if signed else unit
    elif low is not None and high is not None and high - low <= 2:
        decimals = 4
    else:
        magnitude = math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0
        decimals = max(0, _DIGITS - 1 - magnitude)
        if decimals > 8:
            text = f"{value:{'+' if signed else ''}.{_DIGITS - 1}e}"
            return f"{text} {unit}".rstrip()
    text = f"{value:{'+' if signed else ''}.{decimals}f}"
    return f"{text} {unit}".rstrip()
