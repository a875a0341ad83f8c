"""Steps of a range, counted in decimal as Optuna does it: 0.3 is three steps of 0.1."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

__all__ = ["nearest_steps", "plus_steps", "steps_within"]

_DIGITS = 60
"""Enough for the steps of any range that Optuna takes, whose count has up to 28 digits."""


def steps_within(low: float, high: float, step: float) -> int:
    """Return how many whole steps lead from ``low`` to ``high`` or to short of it."""
    with localcontext(prec=_DIGITS):
        return math.floor((Decimal(str(high)) - Decimal(str(low))) / Decimal(str(step)))


def nearest_steps(low: float, value: float, step: float) -> int:
    """Return how many steps above ``low`` the point lies that is nearest to a value."""
    with localcontext(prec=_DIGITS):
        return round((Decimal(str(value)) - Decimal(str(low))) / Decimal(str(step)))


def plus_steps(low: float, step: float, i: int) -> float:
    """Return the value ``i`` steps above ``low``, an integer where ``low`` is one."""
    with localcontext(prec=_DIGITS):
        return type(low)(Decimal(str(low)) + i * Decimal(str(step)))
