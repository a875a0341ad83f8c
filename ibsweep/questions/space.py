"""The search space of an arm: distributions by hyperparameter, one to one with Optuna's.

The keys are the short form that ``optuna.distributions.json_to_distribution`` reads. Optuna is
imported only where its distributions are made, so that reading a question stays quick.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    TypeAdapter,
    ValidationError,
    field_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from ibsweep.errors import Fault, format_value
from ibsweep.questions.spec_faults import choice_faults, range_faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from optuna.distributions import BaseDistribution

__all__ = [
    "SPEC_ADAPTER",
    "SPEC_TYPES",
    "CategoricalSpec",
    "FloatSpec",
    "IntSpec",
    "Scalar",
    "Spec",
    "contains",
    "extremes",
    "fault_error",
    "highest",
    "same_value",
    "to_distributions",
]

# Optuna keeps every parameter as a float, which is exact for integers up to here.
_EXACT = 2**53


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"must be finite, but got {value}")
    if not isinstance(value, bool | int | float | str):
        raise ValueError(
            f"must be a number, a text or true or false, but got {format_value(value)}"
        )
    return value


# A union of strict types would report a wrong value four times, once for each of them.
Scalar = Annotated[Any, AfterValidator(_scalar)]
_Float = Annotated[float, Strict()]
_Int = Annotated[int, Strict(), Field(ge=-_EXACT, le=_EXACT)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


_Values = Annotated[tuple[Scalar, ...], Field(min_length=1), BeforeValidator(_as_list)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    when: dict[str, _Values] = Field(default={}, exclude_if=operator.not_)
    """The values of earlier hyperparameters with which this one is set, where it is conditional:
    all of the names must hold. A file gives one value, or a list of them."""

    @field_serializer("when")
    def _as_in_a_file(self, when: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
        return {k: v[0] if len(v) == 1 else list(v) for k, v in when.items()}

    def _faults(self) -> list[Fault]:
        raise NotImplementedError

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = self._faults()
        if faults:
            raise fault_error(type(self).__name__, faults)
        return self


class FloatSpec(_Spec):
    """A range of the real line, both ends included; ``log`` samples its logarithm uniformly."""

    type: Literal["float"]
    low: _Float = Field(description="the smallest value")
    high: _Float = Field(description="the largest value")
    log: bool = Field(default=False, strict=True)
    step: _Float | None = None

    def _faults(self) -> list[Fault]:
        return list(range_faults(self.low, self.high, log=self.log, step=self.step))


class IntSpec(_Spec):
    """A range of integers, both ends included; ``log`` samples their logarithm uniformly."""

    type: Literal["int"]
    low: _Int = Field(description="the smallest value")
    high: _Int = Field(description="the largest value")
    log: bool = Field(default=False, strict=True)
    step: _Int = 1

    def _faults(self) -> list[Fault]:
        step = None if self.step == 1 else self.step
        return list(range_faults(self.low, self.high, log=self.log, step=step))


class CategoricalSpec(_Spec):
    """A few values without an order."""

    type: Literal["categorical"]
    choices: tuple[Scalar, ...] = Field(min_length=1, description="the values to choose from")

    def _faults(self) -> list[Fault]:
        return list(choice_faults(self.choices))


Spec = Annotated[FloatSpec | IntSpec | CategoricalSpec, Field(discriminator="type")]
SPEC_ADAPTER: TypeAdapter[FloatSpec | IntSpec | CategoricalSpec] = TypeAdapter(Spec)
SPEC_TYPES: dict[str, type[BaseModel]] = {
    "float": FloatSpec,
    "int": IntSpec,
    "categorical": CategoricalSpec,
}


def fault_error(title: str, faults: Sequence[Fault]) -> ValidationError:
    """Return the error that a validator raises to report several faults, each at its own place.

    Args:
        title: Name of the model under validation.
        faults: What is wrong, with paths relative to the model.
    """
    details = [
        InitErrorDetails(
            type=PydanticCustomError("fault", "{text}", {"text": fault.text}),
            loc=fault.path,
            input=None,
        )
        for fault in faults
    ]
    return ValidationError.from_exception_data(title, details)


def to_distributions(space: Mapping[str, Spec]) -> dict[str, BaseDistribution]:
    """Return the Optuna distributions of a space, in its order.

    Args:
        space: Specs by hyperparameter.
    """
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    def one(spec: Spec) -> BaseDistribution:
        match spec:
            case FloatSpec():
                return FloatDistribution(spec.low, spec.high, log=spec.log, step=spec.step)
            case IntSpec():
                return IntDistribution(spec.low, spec.high, log=spec.log, step=spec.step)
            case CategoricalSpec():
                return CategoricalDistribution(spec.choices)

    return {name: one(spec) for name, spec in space.items()}


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two values of a hyperparameter are one: numbers but for rounding.

    Optuna's points are off by some 1e-16; no two values that anybody tunes are so near.
    """
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-15)
    return bool(one == other)


def contains(spec: Spec, value: object) -> bool:
    """Tell whether a spec can produce a value.

    An integer is a value of a float range, as in Optuna; a boolean is no number.
    """
    if isinstance(spec, CategoricalSpec):
        same = isinstance(value, bool)
        return any(value == c and isinstance(c, bool) is same for c in spec.choices)
    kind = int if isinstance(spec, IntSpec) else int | float
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    if isinstance(spec, FloatSpec) and spec.step is not None:
        # Optuna's tolerance, also at the ends: three steps of 0.1 from 0 are a little above 0.3
        steps, most = (value - spec.low) / spec.step, (spec.high - spec.low) / spec.step
        if not math.isfinite(steps):
            return False
        return abs(steps - round(steps)) < 1e-8 and 0 <= round(steps) <= most + 0.5
    if not spec.low <= value <= spec.high:
        return False
    return isinstance(spec, FloatSpec) or (value - spec.low) % spec.step == 0


def highest(spec: Spec) -> Any:
    """Return the largest value of a spec.

    Args:
        spec: A range, or choices that can be ordered.
    """
    return max(spec.choices) if isinstance(spec, CategoricalSpec) else spec.high


def extremes(spec: Spec) -> tuple[Any, ...]:
    """Return what a spec can give at its ends: all choices, or the lowest and highest value."""
    return tuple(spec.choices) if isinstance(spec, CategoricalSpec) else (spec.low, spec.high)
