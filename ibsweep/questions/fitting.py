"""Which values of a space can work: with the examples, and with one another.

A trial that cannot be built fails, teaches the sampler nothing and costs one of the budget. So
every value is tried against a rule before a sweep: one that works with no values of the others is
refused, and of one that works with some of them it is told with which it does not. The sweep
passes those combinations over. "Never" is said where all others were tried, not a few of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault
from ibsweep.questions.conditions import has_value, requirements
from ibsweep.questions.configurations import Configurations
from ibsweep.questions.points import axes_of, point_count
from ibsweep.questions.space import CategoricalSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ibsweep.questions.space import Spec

__all__ = ["Fitting", "fitting"]

Options = dict[str, Any]

_ALL, _SOME = 300, 6
"""Values of a range that are tried: of the one in question, and at first of each other."""

_MOST, _FULL = 300, 3_000
"""Combinations that are looked at where there are more, and where that is all of them."""

_CALLS = 30_000
"""How often the rule is asked in all: it takes microseconds in a model of the table."""

_LISTED = 20
"""Values of a range that are listed where others between them never work."""


@dataclass
class Fitting:
    """What was found of a space.

    Attributes:
        faults: Values that never work, each with its place below ``space``; the empty path where
            nothing works at all.
        notes: Which values fail together with some of the others, in words.
        works: A combination that works; None where none was found.
        unfit: Whether some combinations fail; None where none was seen to, of more than were
            tried.
    """

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    works: Options | None = None
    unfit: bool | None = None


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
    trying = _Trying(space, fixed, why_not, most)
    found = Fitting(works=trying.first_that_works())
    if found.works is None:
        found.faults.append(Fault((), trying.why_nothing_works()))
        return found
    seen, in_full = trying.overview()  # first: the rule is asked so often and no more
    doubtful: list[str] = []
    for name, spec in space.items():
        dead: dict[int, str] = {}
        for i, value in enumerate(trying.axes[name]):
            why, never = trying.why_never(name, value)
            if why is not None and never:
                dead[i] = why
            elif why is not None:
                doubtful.append(f"{name} {value!r} ({why})")
        found.faults += _faults(name, spec, trying.axes[name], dead)
    if found.faults:
        return found
    failing = [(values, why) for values, why in seen if why is not None]
    found.unfit = bool(failing or doubtful) or (False if in_full else None)
    found.notes += _doubts(doubtful)
    found.notes += _notes(failing, len(seen))
    return found


class _Trying:
    """Combinations tried by a rule, each once."""

    def __init__(
        self,
        space: Mapping[str, Spec],
        fixed: Mapping[str, Any],
        why_not: Callable[[Options], str | None],
        most: int,
    ) -> None:
        self.space, self.fixed, self.rule = space, fixed, why_not
        few, many = axes_of(space, max(2, min(most, _SOME))), axes_of(space, max(2, most))
        self.few = {name: list(axis) for name, axis in few.items()}
        self.axes = {
            name: _merged(spec, many[name], self.few[name]) for name, spec in space.items()
        }
        self.needs = requirements(space)
        self.whole = {
            name: len(self.axes[name]) == point_count(spec) for name, spec in space.items()
        }
        self.asked: dict[tuple[Any, ...], str | None] = {}

    def tried(
        self, axes: Mapping[str, Sequence[Any]], most: int
    ) -> Iterator[tuple[Options, str | None]]:
        """Yield combinations, and why they do not work, until the rule was asked often enough."""
        for values in self.some(axes, most):
            key = tuple((name, type(value), value) for name, value in values.items())
            if key not in self.asked:
                if len(self.asked) >= _CALLS:
                    return
                self.asked[key] = self.rule({**self.fixed, **values})
            yield values, self.asked[key]

    def some(self, axes: Mapping[str, Sequence[Any]], most: int) -> Iterator[Options]:
        """Yield all combinations, or where there are too many, some that are always the same."""
        found = Configurations(self.space, axes)
        yield from found if found.count <= most else found.drawn(most, random.Random(0))

    def count(self, axes: Mapping[str, Sequence[Any]]) -> int:
        """Return how many combinations there are."""
        return Configurations(self.space, axes).count

    def having(
        self, axes: Mapping[str, Sequence[Any]], name: str, value: Any
    ) -> dict[str, Sequence[Any]]:
        """Return axes whose combinations all have a value of a hyperparameter."""
        needed = {
            above: [one for one in axes[above] if has_value(values, one)]
            for above, values in self.needs[name].items()
        }
        return {**axes, **needed, name: [value]}

    def first_that_works(self) -> Options | None:
        wide = ({**self.few, name: axis} for name, axis in self.axes.items())
        every = (self.tried(axes, _FULL) for axes in (self.few, *wide, self.axes))
        return next((values for one in every for values, why in one if why is None), None)

    def why_nothing_works(self) -> str:
        why = next(iter(self.asked.values())) or ""
        if all(self.whole.values()) and len(self.asked) == self.count(self.axes):
            return why
        return f"none of the {len(self.asked):,} combinations tried works; the first: {why}"

    def why_never(self, name: str, value: Any) -> tuple[str | None, bool]:
        """Return why a value works with none of the others that were tried, and whether these are
        all; None where it works.
        """
        first, others = None, self.having(self.axes, name, value)
        for _, why in self.tried(self.having(self.few, name, value), _MOST):
            if why is None:
                return None, True
            first = first or why
        in_full = all(known for other, known in self.whole.items() if other != name)
        in_full = in_full and self.count(others) <= _FULL
        count = 0
        for _, why in self.tried(others, _FULL if in_full else _MOST):
            if why is None:
                return None, True
            count += 1
        return first, in_full and count == self.count(others)

    def overview(self) -> tuple[list[tuple[Options, str | None]], bool]:
        """Return combinations with why they do not work, and whether there are no others."""
        small = self.count(self.axes) <= _MOST
        seen = list(self.tried(self.axes if small else self.few, _MOST))
        in_full = all(self.whole.values()) and len(seen) == self.count(self.axes)
        return seen, in_full


def _merged(spec: Spec, many: Sequence[Any], few: Sequence[Any]) -> list[Any]:
    """Return all values of two grids of a spec."""
    return list(many) if isinstance(spec, CategoricalSpec) else sorted({*many, *few})


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
        text = f"gives {values[inside[0]]!r} as well: {dead[inside[0]]}; give choices that can "
        if len(able) <= _LISTED:
            text += f"work: {{type: categorical, choices: [{', '.join(map(repr, able))}]}}"
        else:
            shown = ", ".join(map(repr, able[:_LISTED]))
            text += f"work, as {shown} and {len(able) - _LISTED} others do"
        yield Fault((name,), text)
        return
    if 0 in dead:
        why = dead[live[0] - 1]
        yield Fault((name, "low"), f"must be at least {values[live[0]]}: {why}")
    if len(values) - 1 in dead:
        why = dead[live[-1] + 1]
        yield Fault((name, "high"), f"must be at most {values[live[-1]]}: {why}")


def _doubts(doubtful: Sequence[str]) -> Iterator[str]:
    """Say that values worked in nothing that was tried, which was not everything."""
    if doubtful:
        others = f" and {len(doubtful) - 3} others" if len(doubtful) > 3 else ""
        yield (
            f"of the combinations that were tried none works with {', '.join(doubtful[:3])}"
            f"{others}; those that do not work are passed over"
        )


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
