"""The kinds of hyperparameters: a number within a range, or one of a few values.

Plain data, free of torch, Optuna and pydantic, so that question files are checked against it and
models are built from it without either importing the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Choice", "Hyperparameter", "Number", "Text"]

_INT64 = 2**63  # torch's integers end here


@dataclass(frozen=True)
class Number:
    """A hyperparameter on the line.

    Attributes:
        kind: ``int`` or ``float``; a float also takes integers, an int takes no float.
        low: Smallest value, included unless ``open`` is true.
        below: Every value is less than this.
        default: The value where none is set; None where one must be set, or ``like`` says it.
        like: The hyperparameter whose value is the default.
        open: Whether ``low`` itself is left out.
    """

    kind: type[int] | type[float]
    low: float
    below: float = math.inf
    default: float | None = None
    open: bool = False
    like: str | None = None

    @property
    def required(self) -> bool:
        """Whether a value must be set."""
        return self.default is None and self.like is None

    @property
    def rule(self) -> str:
        """The range in words, to stand after "must be"."""
        noun = "an integer" if self.kind is int else "a number"
        if self.low == -math.inf:
            return noun
        least = f"above {self.low:g}" if self.open else f"of at least {self.low:g}"
        return f"{noun} {least}" + (f" and below {self.below:g}" if self.below < math.inf else "")

    def accepts(self, value: object) -> bool:
        """Tell whether a value is legal; booleans are no numbers."""
        if isinstance(value, bool) or not isinstance(value, int | self.kind):
            return False
        if isinstance(value, int) and value >= _INT64:
            return False
        return (self.low < value if self.open else self.low <= value) and value < self.below


@dataclass(frozen=True)
class Choice:
    """A hyperparameter that takes one of a few values.

    Attributes:
        values: The legal values.
        default: The value where none is set; None where one must be set.
    """

    values: tuple[bool | int | float | str, ...]
    default: bool | int | float | str | None

    @property
    def required(self) -> bool:
        """Whether a value must be set."""
        return self.default is None

    @property
    def rule(self) -> str:
        """The values in words, to stand after "must be"."""
        # The user writes YAML, whose booleans are lower case.
        words = [str(v).lower() if isinstance(v, bool) else repr(v) for v in self.values]
        if len(words) == 1:
            return words[0]
        return f"{', '.join(words[:-1])} or {words[-1]}"

    def accepts(self, value: object) -> bool:
        """Tell whether a value is legal; 0 and 1 are no booleans."""
        return any(type(value) is type(known) and value == known for known in self.values)


@dataclass(frozen=True)
class Text:
    """A hyperparameter that takes any text.

    Attributes:
        default: The value where none is set; None where one must be set.
    """

    default: str | None = None
    rule = "a text"

    @property
    def required(self) -> bool:
        """Whether a value must be set."""
        return self.default is None

    def accepts(self, value: object) -> bool:
        """Tell whether a value is a text."""
        return isinstance(value, str)


Hyperparameter = Number | Choice | Text
