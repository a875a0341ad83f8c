"""Which values of a space can work: with the examples, and with one another.

A trial that cannot be built fails, teaches the sampler nothing and costs one of the budget. So
every value is tried against a rule before a sweep: one that works with no values of the others is
refused, and of one that works with some of them it is told with which it does not. The sweep
passes those combinations over.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault
from ibsweep.questions.points import grid
from ibsweep.questions.space import CategoricalSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ibsweep.questions.space import Spec

__all__ = ["Fitting", "fitting"]

Options = dict[str, Any]

_ALL, _SOME = 300, 6
"""Values of a range that are tried: of the one in question, and of each that it is tried with."""


@dataclass
class Fitting:
    """What was found of a space.

    Attributes:
        faults: Values that never work, each with its place below ``space``; the empty path where
            nothing works at all.
        notes: Which values fail together with some of the others, in words.
        works: A combination that works; None where there is none.
    """

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    works: Options | None = None


def fitting(
    space: Mapping[str, Spec],
    fixed: Mapping[str, Any],
    why_not: Callable[[Options], str | None],
    *,
    most: int = _ALL,
) -> Fitting:
    """Try every value of a space, together with values of the others.

    Args:
        space: The hyperparameters that the rule looks at, those that the space has.
        fixed: The other values that it looks at.
        why_not: The rule: says why a combination does not work, None where it does.
        most: How many values of a range are tried.
    """
    asked: dict[tuple[Any, ...], str | None] = {}

    def tried(values: Options) -> str | None:
        key = tuple((type(value), value) for value in values.values())
        if key not in asked:
            asked[key] = why_not({**fixed, **values})
        return asked[key]

    found = Fitting()
    axes = {name: list(grid(spec, max(2, most))) for name, spec in space.items()}
    few = {name: list(grid(spec, max(2, min(most, _SOME)))) for name, spec in space.items()}
    wide = (_combined({**few, name: axis}) for name, axis in axes.items())
    every = itertools.chain(_combined(few), *wide)
    found.works = next((values for values in every if tried(values) is None), None)
    if found.works is None:
        found.faults.append(Fault((), tried(next(_combined(few))) or ""))
        return found
    for name, spec in space.items():
        dead: dict[int, str] = {}
        for i, value in enumerate(axes[name]):
            reasons = map(tried, _combined({**few, name: [value]}))
            first = next(reasons)
            if first is not None and all(why is not None for why in reasons):
                dead[i] = first
        found.faults += _faults(name, spec, axes[name], dead)
    if not found.faults:
        failing = [(values, why) for values in _combined(few) if (why := tried(values))]
        found.notes += _notes(failing, math.prod(map(len, few.values())))
    return found


def _combined(axes: Mapping[str, Sequence[Any]]) -> Iterator[Options]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _faults(
    name: str, spec: Spec, values: Sequence[Any], dead: Mapping[int, str]
) -> Iterator[Fault]:
    """Say which values never work, and what would be right."""
    if isinstance(spec, CategoricalSpec):
        kept = ", ".join(repr(v) for i, v in enumerate(values) if i not in dead)
        for i, why in dead.items():
            yield Fault((name, "choices", i), f"{why}; leave {values[i]!r} out, {kept} can work")
        return
    live = [i for i in range(len(values)) if i not in dead]
    if not dead:
        return
    inside = [i for i in dead if live[0] < i < live[-1]]
    if inside:
        able = [values[i] for i in live]
        listed = ", ".join(map(repr, able[:20])) + (", ..." if len(able) > 20 else "")
        text = f"gives {values[inside[0]]!r} as well: {dead[inside[0]]}; give choices that can "
        yield Fault((name,), f"{text}work: {{type: categorical, choices: [{listed}]}}")
        return
    if 0 in dead:
        why = dead[live[0] - 1]
        yield Fault((name, "low"), f"must be at least {values[live[0]]}: {why}")
    if len(values) - 1 in dead:
        why = dead[live[-1] + 1]
        yield Fault((name, "high"), f"must be at most {values[live[-1]]}: {why}")


def _notes(failing: Sequence[tuple[Options, str]], count: int) -> Iterator[str]:
    """Say that some combinations fail, by an example."""
    if failing:
        example, why = failing[0]
        names = list(example)
        shown = ", ".join(f"{name} {value!r}" for name, value in example.items())
        yield (
            f"some values of {', '.join(names)} do not go together ({len(failing)} of the {count} "
            f"combinations tried), and are passed over: with {shown}: {why}"
        )
