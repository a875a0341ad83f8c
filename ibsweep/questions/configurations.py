"""All configurations of a space whose hyperparameters take their values from axes.

There may be more than can be made: ten ranges of a hundred values have more than ``len`` can tell.
Where some are conditional, the product of the axes has many combinations that are one
configuration: what is not active makes no difference. Here each is counted, and drawn, once.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from ibsweep.questions.conditions import is_active, is_conditional
from ibsweep.questions.points import axis_size, grid, point_count
from ibsweep.questions.space import CategoricalSpec, same_value

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ibsweep.questions.space import Spec

__all__ = ["Configurations", "configuration_count"]

_OTHER = -1
"""Stands for all positions of an axis that no condition lists."""

_Names = tuple[str, ...]
_Chosen = dict[str, int]


def configuration_count(space: Mapping[str, Spec]) -> int | None:
    """Return how many configurations a space holds; None where it is a continuum.

    Args:
        space: Specs by hyperparameter.
    """
    counts = {name: point_count(spec) for name, spec in space.items()}
    if None in counts.values():
        return None
    axes = {name: grid(spec, max(2, counts[name] or 0)) for name, spec in space.items()}
    return Configurations(space, axes).count


class Configurations:
    """The configurations of a space, numbered, of which there may be more than can be made.

    Args:
        space: Specs by hyperparameter.
        axes: The values of each; those of a range rise.

    Example:
        >>> from ibsweep.questions.space import CategoricalSpec, IntSpec
        >>> space = {
        ...     "bias": CategoricalSpec(type="categorical", choices=(True, False)),
        ...     "width": IntSpec(type="int", low=1, high=3, when={"bias": True}),
        ... }
        >>> Configurations(space, {"bias": [True, False], "width": [1, 2, 3]}).count
        4
    """

    def __init__(self, space: Mapping[str, Spec], axes: Mapping[str, Sequence[Any]]) -> None:
        self._space, self._axes = space, axes
        self._is_product = not is_conditional(space)
        # conditions in positions on the axes
        self._when: dict[str, dict[str, frozenset[int]]] = {
            name: {
                parent: frozenset(self._positions(parent, values))
                for parent, values in spec.when.items()
            }
            for name, spec in space.items()
        }
        self._listed: dict[str, list[int]] = {name: [] for name in space}
        for when in self._when.values():
            for parent, positions in when.items():
                self._listed[parent] = sorted({*self._listed[parent], *positions})
        self._parts_of: dict[_Names, list[_Names]] = {}
        self._counts: dict[tuple[Any, ...], int] = {}
        self.count = self._count(tuple(space), {})
        """How many there are."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield all of them, the last hyperparameter fastest."""
        if not self._is_product:
            yield from self._walk(list(self._space), {})
            return
        for values in itertools.product(*(self._axes[name] for name in self._space)):
            yield dict(zip(self._space, values, strict=True))

    def drawn(self, most: int, draws: random.Random) -> Iterator[dict[str, Any]]:
        """Yield different ones in random order: all, or as many as are asked for.

        Args:
            most: How many at most.
            draws: What they are drawn with, each when it is asked for.
        """
        moved: dict[int, int] = {}  # a shuffle of all numbers that writes down those that it moved
        for i in range(min(self.count, most)):
            chosen = draws.randrange(i, self.count)
            yield self._at(moved.get(chosen, chosen))
            moved[chosen] = moved.pop(i, i)

    def _at(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._is_product:
            for name in self._space:
                number, place = divmod(number, axis_size(self._axes[name]))
                found[name] = self._axes[name][place]
            return found
        self._fill(tuple(self._space), {}, number, found)
        return {name: found[name] for name in self._space if name in found}

    def _walk(self, names: list[str], config: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not names:
            yield dict(config)
            return
        name, *rest = names
        if is_active(self._space[name], config):
            for value in self._axes[name]:
                yield from self._walk(rest, {**config, name: value})
        else:
            yield from self._walk(rest, config)

    def _positions(self, name: str, values: Iterable[Any]) -> Iterator[int]:
        """Yield where values stand on an axis; those that it does not have are passed over."""
        axis = self._axes[name]
        for value in values:
            near = range(axis_size(axis))
            if not isinstance(self._space[name], CategoricalSpec):
                place = bisect_left(axis, value)
                near = near[max(0, place - 1) : place + 2]
            yield from (i for i in near if same_value(axis[i], value))

    def _parts(self, names: _Names) -> list[_Names]:
        """Split hyperparameters into groups of which none depends on another's."""
        if names not in self._parts_of:
            parts: list[list[str]] = []
            for name in names:
                joined = [one for one in parts if not self._when[name].keys().isdisjoint(one)]
                apart = [one for one in parts if one not in joined]
                first = parts.index(joined[0]) if joined else len(parts)
                merged = [*itertools.chain(*joined), name]
                at = sum(parts.index(one) < first for one in apart)
                parts = [*apart[:at], merged, *apart[at:]]
            order = {name: i for i, name in enumerate(names)}
            self._parts_of[names] = [tuple(sorted(one, key=order.__getitem__)) for one in parts]
        return self._parts_of[names]

    def _count(self, names: _Names, chosen: _Chosen) -> int:
        total = 1
        for part in self._parts(self._possible(names, chosen)):
            total *= self._count_part(part, chosen)
        return total

    def _count_part(self, part: _Names, chosen: _Chosen) -> int:
        above = {parent for name in part for parent in self._when[name]}
        key = (part, *((name, place) for name, place in chosen.items() if name in above))
        if key not in self._counts:
            self._counts[key] = sum(
                times * self._count(part[1:], further)
                for times, further in self._branches(part[0], chosen)
            )
        return self._counts[key]

    def _possible(self, names: _Names, chosen: _Chosen) -> _Names:
        """Leave out what is not active with what was chosen, whatever is chosen besides."""
        left: list[str] = []
        for name in names:
            when = self._when[name].items()
            if all(one in left or chosen.get(one) in places for one, places in when):
                left.append(name)
        return tuple(left)

    def _branches(self, name: str, chosen: _Chosen) -> Iterator[tuple[int, _Chosen]]:
        """Yield what a hyperparameter can be to those that depend on it, and in how many ways."""
        for place in self._listed[name]:
            yield 1, {**chosen, name: place}
        others = axis_size(self._axes[name]) - len(self._listed[name])
        if others:
            yield others, {**chosen, name: _OTHER}

    def _fill(self, names: _Names, chosen: _Chosen, number: int, found: dict[str, Any]) -> None:
        """Find the configuration of a number."""
        for part in self._parts(self._possible(names, chosen)):
            number, own = divmod(number, self._count_part(part, chosen))
            self._fill_part(part, chosen, own, found)

    def _fill_part(
        self, part: _Names, chosen: _Chosen, number: int, found: dict[str, Any]
    ) -> None:
        first, rest = part[0], part[1:]  # nothing of the rest decides on the first
        for times, further in self._branches(first, chosen):
            below = times * self._count(rest, further)
            if number < below:
                number, place = divmod(number, times)
                if further[first] != _OTHER:
                    place = further[first]
                else:
                    for listed in self._listed[first]:
                        place += place >= listed
                found[first] = self._axes[first][place]
                self._fill(rest, further, number, found)
                return
            number -= below
