"""What can be wrong in the conditions of a space, and what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.questions.conditions import condition_text, has_value, requirements
from ibsweep.questions.points import point_count
from ibsweep.questions.space import contains
from ibsweep.questions.space_faults import range_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ibsweep.models.hyperparameters import Hyperparameter
    from ibsweep.questions.space import Spec

__all__ = ["condition_faults"]

Path = tuple[str | int, ...]


def condition_faults(
    specs: Mapping[str, Spec],
    names: Sequence[str],
    fixed: Mapping[str, Any],
    known: Mapping[str, Hyperparameter],
    path: Path,
) -> Iterator[Fault]:
    """Find conditions on what is not tuned before, or cannot have the value.

    Args:
        specs: The well formed specs of a space.
        names: All hyperparameters of the space, in its order.
        fixed: The settings that are not tuned.
        known: What can be set.
        path: Where the space stands.
    """
    before: list[str] = []
    wrong: set[str] = set()
    for name in names:
        for parent, values in specs[name].when.items() if name in specs else ():
            place = (*path, name, "when", parent)
            if parent in before:
                found = list(_value_faults(parent, specs.get(parent), values, place))
            else:
                text = _not_before(name, parent, values, before, names, fixed, known)
                found = [Fault(place, text)]
            yield from found
            if found or parent in wrong or parent not in specs:
                wrong.add(name)
        before.append(name)
    asked = requirements(specs)
    for name, spec in specs.items():
        above = next((one for one, values in asked[name].items() if not values), None)
        if above is None or name in wrong or wrong & spec.when.keys():
            continue
        wrong.add(name)  # of those that depend on it nothing is said besides
        others = [one for one in spec.when if above in asked[one]]
        text = f"can never hold: {condition_text(spec.when)}, but"
        ways = [f"`{one}` is set only where {condition_text(asked[one])}" for one in others]
        yield Fault((*path, name, "when"), f"{text} {', '.join(ways)}; leave one of them out")


def _value_faults(
    parent: str, spec: Spec | None, values: Sequence[Any], place: Path
) -> Iterator[Fault]:
    if spec is None:  # malformed, as is told where it stands
        return
    if point_count(spec) is None:
        text = f"must be of single values, but `{parent}` is a range of floats, which meets none "
        yield Fault(place, f"{text}but by chance; give it a `step`, or make it categorical")
        return
    for i, value in enumerate(values):
        inside = place if len(values) == 1 else (*place, i)
        if not contains(spec, value):
            text = f"must be a value of `{parent}`, {range_in_words(spec)}"
            yield Fault(inside, f"{text}, but got {format_value(value)}")
        elif has_value(values[:i], value):
            yield Fault(inside, f"must differ, but got {format_value(value)} twice")


def _not_before(
    name: str,
    parent: str,
    values: Sequence[Any],
    before: Sequence[str],
    names: Sequence[str],
    fixed: Mapping[str, Any],
    known: Mapping[str, Hyperparameter],
) -> str:
    """Say why a hyperparameter cannot be a condition of another."""
    text = "must name a hyperparameter that is tuned above"
    if parent == name:
        return f"{text}, but names itself; leave it out"
    if parent in names:
        return f"{text}, but `{parent}` stands below `{name}`; move it up"
    if parent in fixed:
        value = format_value(fixed[parent])
        if has_value(values, fixed[parent]):
            return f"{text}, but `{parent}` is fixed at {value}: it always holds; leave it out"
        return f"{text}, but `{parent}` is fixed at {value}: it never holds; leave `{name}` out"
    if parent in known:
        return f"{text}, but `{parent}` is not tuned here; put it into `space` above `{name}`"
    if not before:
        return f"{text}, but nothing is; put `{parent}` into `space` above `{name}`"
    return f"{text}, but got {format_value(parent)}; {suggestion(parent, before)}"
