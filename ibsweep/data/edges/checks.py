"""What the checks of images and tasks share. A fault is a line: the rule, then what was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ibsweep.errors import InputError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse(faults: list[str]) -> None:
    """Raise one InputError with a line for each fault, if there are any."""
    if faults:
        raise InputError("\n".join(faults))


def but(rule: str, **given: object) -> str:
    """Return the fault that a rule does not hold for the values that were given."""
    return f"{rule}, but got {', '.join(f'{name}={value!r}' for name, value in given.items())}"


def unknown_key(key: object, known: Iterable[str]) -> str:
    """Return the fault that a key is none of the known ones."""
    return f"unknown {key=}; {suggestion(str(key), known)}"


def integer_faults(name: str, value: object, low: int = 1) -> list[str]:
    """Check for an integer of 32 bits from ``low`` on; NumPy's count, booleans do not."""
    number = plain(value)
    if type(number) is int and low <= number < 2**32:
        return []
    return [but(f"`{name}` must be an integer from {low} to 2**32 - 1", **{name: value})]


def plain(value: Any) -> Any:
    """Return lists and arrays as tuples, NumPy scalars as Python's; anything else as it is."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value
