"""Conditional hyperparameters: which of a space are set, given the values of those before them.

A hyperparameter with ``when`` is active where each of the hyperparameters that it names is active
itself and has one of the values it lists. They all stand before it, so that one pass in the order
of the space decides. What is not active is absent: of a configuration, its active part alone
counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import format_value, listed
from ibsweep.questions.space import same_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ibsweep.questions.space import Spec

__all__ = [
    "active_part",
    "changed",
    "condition_text",
    "has_value",
    "is_active",
    "is_complete",
    "is_conditional",
    "requirements",
    "states",
]


def is_conditional(space: Mapping[str, Spec]) -> bool:
    """Tell whether some hyperparameter of a space is set with some configurations alone."""
    return any(spec.when for spec in space.values())


def has_value(values: Iterable[Any], value: Any) -> bool:
    """Tell whether a value is one of several."""
    return any(same_value(value, one) for one in values)


def is_active(spec: Spec, config: Mapping[str, Any]) -> bool:
    """Tell whether a hyperparameter is active with those before it.

    Args:
        spec: Its spec.
        config: Values of all active ones before it.
    """
    return all(
        name in config and has_value(values, config[name]) for name, values in spec.when.items()
    )


def states(space: Mapping[str, Spec], values: Mapping[str, Any]) -> dict[str, bool | None]:
    """Return whether each hyperparameter is active; None where the values do not tell.

    Args:
        space: Specs by hyperparameter.
        values: A configuration, or part of one.

    Example:
        >>> from ibsweep.questions.space import CategoricalSpec, FloatSpec
        >>> space = {
        ...     "optimizer": CategoricalSpec(type="categorical", choices=("sgd", "adam")),
        ...     "beta1": FloatSpec(type="float", low=0, high=0.9, when={"optimizer": "adam"}),
        ... }
        >>> states(space, {"optimizer": "sgd"}), states(space, {})
        ({'optimizer': True, 'beta1': False}, {'optimizer': True, 'beta1': None})
    """
    found: dict[str, bool | None] = {}
    for name, spec in space.items():
        parts = []
        for parent, wanted in spec.when.items():
            state = found.get(parent)
            if state:
                state = has_value(wanted, values[parent]) if parent in values else None
            parts.append(state)
        found[name] = False if False in parts else None if None in parts else True
    return found


def is_complete(space: Mapping[str, Spec], config: Mapping[str, Any]) -> bool:
    """Tell whether a configuration has a value for every hyperparameter that is set in it."""
    return all(state is False or name in config for name, state in states(space, config).items())


def active_part(space: Mapping[str, Spec], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those of hyperparameters that are not active with them.

    Args:
        space: Specs by hyperparameter.
        values: A configuration, or part of one; what the space does not have is kept.
    """
    if not is_conditional(space):
        return dict(values)
    active = states(space, values)
    return {name: value for name, value in values.items() if active.get(name) is not False}


def changed(
    space: Mapping[str, Spec], config: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a configuration with some values replaced or added.

    What it had and is not active beside the new values goes; the new values all stay.

    Args:
        space: Specs by hyperparameter.
        config: The configuration.
        changes: The new values.
    """
    return active_part(space, {**config, **changes}) | dict(changes)


def requirements(space: Mapping[str, Spec]) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Return what is asked of all hyperparameters on which each depends, near and far.

    It is active where each of these has one of the values; where one has none to choose from, it
    never is. Hyperparameters that the space does not have are passed over.

    Args:
        space: Specs by hyperparameter.
    """
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for name, spec in space.items():
        asked: dict[str, tuple[Any, ...]] = {}
        for parent, values in spec.when.items():
            if parent not in found:
                continue
            for above, allowed in (*found[parent].items(), (parent, values)):
                before = asked.get(above, allowed)
                asked[above] = tuple(one for one in before if has_value(allowed, one))
        found[name] = asked
    return found


def condition_text(when: Mapping[str, Iterable[Any]]) -> str:
    """Return a condition in words.

    Example:
        >>> condition_text({"optimizer": ["adam", "adamw"], "depth": [3]})
        "`optimizer` is 'adam' or 'adamw' and `depth` is 3"
    """
    return " and ".join(f"`{name}` is {_one_of(values)}" for name, values in when.items())


def _one_of(values: Iterable[Any]) -> str:
    *before, last = map(format_value, values)
    return f"{listed(before)} or {last}" if before else last
