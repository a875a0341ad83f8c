"""What can be wrong in a distribution whose parts are well formed, and what would be right.

Whatever a message offers was put to the same rules before: who takes the advice is not refused.
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, format_value
from ibsweep.questions.steps import plus_steps, steps_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["choice_faults", "range_faults"]


def choice_faults(choices: Sequence[Any]) -> Iterator[Fault]:
    """Find the choices that stand twice; compared by ==, as Optuna looks values up.

    To it True, 1 and 1.0 are one choice.
    """
    seen: dict[Any, Any] = {}
    for i, choice in enumerate(choices):
        if choice in seen:
            first, second = format_value(seen[choice]), format_value(choice)
            twice = (
                f"{first} twice" if first == second else f"{second}, which is {first} to Optuna"
            )
            text = f"`choices` must differ, but got {twice}; leave one out"
            yield Fault(("choices", i), text)
        seen.setdefault(choice, choice)


def range_faults(low: float, high: float, *, log: bool, step: float | None) -> Iterator[Fault]:
    """Find the faults that Optuna would raise for, or mend in silence by shrinking ``high``.

    Args:
        low: One end; both are floats, or both are integers.
        high: The other end.
        log: Whether the logarithm is sampled.
        step: Between two values; None where the file has none or, of integers, 1.
    """
    least, most = sorted((low, high))
    if low > high:
        text = f"`low <= high` must hold, but got {low=}, {high=}; swap them"
        yield Fault((), text)  # so that each end can be told of besides
    if log and least <= 0:
        end = "low" if low <= high else "high"
        text = f"`{end}` must be above 0 where `log` is true, but got {end}={least}"
        yield Fault((end,), f"{text}; {_positive(most)}")
    fits = step is None or (step > 0 and (least == most or _divides(least, most, step)))
    if log and step is not None:
        text = f"`step` and `log` exclude each other, but got {step=}"
        yield Fault(("step",), f"{text}; leave {'one' if fits and least > 0 else '`step`'} out")
    elif step is not None and step <= 0:
        yield Fault(("step",), f"`step` must be above 0, but got {step=}; or leave it out")
    elif step is not None and not fits:
        text = f"`step` must divide `high - low`, but got low={least}, high={most}, {step=}"
        yield Fault(("step",), f"{text}; {_divisible(least, most, step)}")


def _positive(most: float) -> str:
    """Say what the lower end of a logarithmic range could be."""
    if isinstance(most, int):
        return "1 is the least" if most >= 1 else "leave `log` out"
    for low in (1e-4, most / 1000):
        if 0 < low < most:
            return f"such as {low!r}"
    return "leave `log` out"


def _divisible(low: float, high: float, step: float) -> str:
    """Say which end within the range has a whole number of steps, or which step would."""
    reached = plus_steps(low, step, steps_within(low, high, step))
    if low < reached <= high and _divides(low, reached, step):
        return f"a high of {reached!r} would do"
    whole = type(low)(Decimal(str(high)) - Decimal(str(low)))
    if 0 < whole < math.inf and _divides(low, high, whole):
        return f"a step of {whole!r} would do"
    return "or leave `step` out"


def _divides(low: float, high: float, step: float) -> bool:
    """Tell whether Optuna takes a step: it divides in decimals of 28 digits."""
    try:
        return (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)) == 0
    except InvalidOperation:  # more steps than Decimal has digits
        return False
