"""The points of a search space: what a value is as the space has it, and a grid of values.

A range with a ``step`` has points, and arithmetic in floats misses them: the third step of 0.1
from 0.1 is 0.30000000000000004 to a sampler and 0.3 to whoever wrote the file. Points are counted
in decimal, as Optuna checks them, so that equal configurations are equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ibsweep.errors import InputError
from ibsweep.questions.conditions import active_part
from ibsweep.questions.space import CategoricalSpec, IntSpec, contains, same_value
from ibsweep.questions.steps import nearest_steps, plus_steps, steps_within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibsweep.questions.space import FloatSpec, Spec

__all__ = [
    "axes_of",
    "axis_size",
    "canonical",
    "canonical_config",
    "grid",
    "has_all",
    "point_count",
]


def canonical(spec: Spec, value: Any) -> Any:
    """Return a value as its spec writes it; one that the spec cannot give stays as it is.

    Args:
        spec: What the value is of.
        value: From a sampler, a file or a record.

    Example:
        >>> from ibsweep.questions.space import FloatSpec
        >>> canonical(FloatSpec(type="float", low=0.1, high=0.7, step=0.1), 0.30000000000000004)
        0.3
    """
    if isinstance(spec, CategoricalSpec):
        same = (
            one
            for one in spec.choices
            if one == value and isinstance(one, bool) is isinstance(value, bool)
        )
        return next(same, value)
    if isinstance(spec, IntSpec):
        whole = isinstance(value, float) and value.is_integer()
        return int(value) if whole else value
    if not contains(spec, value):
        return value
    if spec.step is None:
        return float(value)
    return plus_steps(spec.low, spec.step, nearest_steps(spec.low, value, spec.step))


def canonical_config(space: Mapping[str, Spec], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration, or part of one, with each value as its spec writes it.

    Args:
        space: Specs by hyperparameter.
        config: Values by hyperparameter.

    Returns:
        The values in the order of the space, without those of hyperparameters that are not active
        beside the others; those that it does not have come last, as they are.
    """
    config = active_part(space, config)
    known = {name: canonical(spec, config[name]) for name, spec in space.items() if name in config}
    return known | {name: value for name, value in config.items() if name not in space}


def has_all(config: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether a configuration has these values."""
    return all(same_value(config.get(name), value) for name, value in values.items())


def point_count(spec: Spec) -> int | None:
    """Return how many values a spec has; None for a range of floats without a step."""
    if isinstance(spec, CategoricalSpec):
        return len(spec.choices)
    if spec.low == spec.high:
        return 1
    return None if spec.step is None else steps_within(spec.low, spec.high, spec.step) + 1


def grid(spec: Spec, points: int, *, stepped_in_full: bool = False) -> Sequence[Any]:
    """Return values that cover a spec, in rising order.

    Args:
        spec: What to cover.
        points: How many values at most, at least 2.
        stepped_in_full: Whether a range with a ``step`` other than an integer's 1 gives all of its
            points, however many they are: whoever wrote a step named them.

    Returns:
        Every value where there are no more than ``points``; else ``points`` of them, spaced evenly
        (evenly in the logarithm where ``log`` is true), both ends among them. A categorical spec
        has no spacing to thin out by: all of its choices, as they stand.

    Raises:
        InputError: If ``points`` is below 2.

    Example:
        >>> from ibsweep.questions.space import FloatSpec
        >>> lr = FloatSpec(type="float", low=0.1, high=0.7, step=0.1)
        >>> list(grid(lr, 3)), list(grid(lr, 3, stepped_in_full=True))
        ([0.1, 0.4, 0.7], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    """
    if points < 2:
        raise InputError(f"a grid needs at least 2 points a hyperparameter, but got {points}")
    if isinstance(spec, CategoricalSpec):
        return list(spec.choices)
    if spec.low == spec.high:
        return [spec.low]
    if spec.step is not None:
        count = steps_within(spec.low, spec.high, spec.step) + 1
        named = not isinstance(spec, IntSpec) or spec.step != 1
        if stepped_in_full and named:
            points = max(points, count)
        return _Points(spec.low, spec.step, _positions(spec, count, points))
    parts = (i / (points - 1) for i in range(1, points - 1))
    return [spec.low, *(_between(spec.low, spec.high, p, spec.log) for p in parts), spec.high]


def axes_of(
    space: Mapping[str, Spec], points: int, *, stepped_in_full: bool = False
) -> dict[str, Sequence[Any]]:
    """Return the grid of each hyperparameter, with the values that others depend on among them.

    Args:
        space: Specs by hyperparameter.
        points: As for ``grid``.
        stepped_in_full: As for ``grid``.
    """
    axes = {
        name: grid(spec, points, stepped_in_full=stepped_in_full) for name, spec in space.items()
    }
    for spec in space.values():
        for name, values in spec.when.items():
            if isinstance(space[name], CategoricalSpec) or axis_size(axes[name]) > points:
                continue  # all of its values
            axis = axes[name]
            left = [one for one in values if not any(same_value(one, value) for value in axis)]
            axes[name] = sorted([*axis, *left]) if left else axis
    return axes


def axis_size(axis: Sequence[Any]) -> int:
    """Return how many values a grid has: ``len``, which cannot tell more than ``sys.maxsize``."""
    return axis.size if isinstance(axis, _Points) else len(axis)


class _Points(Sequence[Any]):
    """The points at some positions, made when they are asked for: a range may have millions."""

    def __init__(self, low: float, step: float, positions: Sequence[int]) -> None:
        self._low, self._step, self._positions = low, step, positions

    @property
    def size(self) -> int:
        places = self._positions
        if not isinstance(places, range):
            return len(places)
        return max(0, -((places.start - places.stop) // places.step))

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return _Points(self._low, self._step, self._positions[i])
        return plus_steps(self._low, self._step, self._positions[i])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _between(low: float, high: float, part: float, log: bool) -> float:
    if log:
        value = math.exp(math.log(low) * (1 - part) + math.log(high) * part)
    else:
        value = low * (1 - part) + high * part  # high - low could overflow
    return min(max(value, low), high)  # rounding could leave a narrow range


def _positions(spec: FloatSpec | IntSpec, count: int, points: int) -> Sequence[int]:
    """Choose ``points`` of ``count`` steps: all different, the first and the last among them."""
    if count <= points:
        return range(count)
    chosen: list[int] = []
    for i in range(points):
        if spec.log:
            ideal = _between(spec.low, spec.high, i / (points - 1), log=True) - spec.low
        else:
            ideal = i * (count - 1) / (points - 1)
        # On a log scale the small ones crowd: step on to the next free one, leave room above.
        least = chosen[-1] + 1 if chosen else 0
        chosen.append(min(max(round(ideal), least), count - points + i))
    chosen[-1] = count - 1  # floats miss the end of a large range
    return chosen
