"""What is wrong in a space as its hyperparameters go, and in a configuration as its space goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, format_value, listed, suggestion
from ibsweep.models.hyperparameters import Choice, Text
from ibsweep.questions.conditions import condition_text, has_value, states
from ibsweep.questions.space import CategoricalSpec, FloatSpec, IntSpec, contains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibsweep.models.hyperparameters import Hyperparameter
    from ibsweep.questions.space import Spec

__all__ = ["config_faults", "range_in_words", "space_faults"]


def range_in_words(spec: Spec) -> str:
    """Return what a spec can give, to stand after "must be"."""
    if isinstance(spec, CategoricalSpec):
        return f"one of {listed(map(format_value, spec.choices))}"
    noun = "an integer" if isinstance(spec, IntSpec) else "a number"
    steps = "" if spec.step in (None, 1) else f" in steps of {spec.step:g}"
    return f"{noun} from {spec.low:g} to {spec.high:g}{steps}"


def config_faults(
    space: Mapping[str, Spec], config: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> list[Fault]:
    """Find what keeps a configuration from being a point of a space.

    Args:
        space: Specs by hyperparameter.
        config: Values by hyperparameter: one for each of the space that is set with the others,
            no other.
        path: Where the configuration stands, for the messages.
    """
    faults = []
    active = states(space, config)
    for name, value in config.items():
        if name not in space:
            hint = suggestion(name, space) if space else "nothing is tuned"
            text = f"is not tuned here, but got {format_value(value)}; {hint}"
            faults.append(Fault((*path, name), text))
        elif not contains(space[name], value):
            text = f"must be {range_in_words(space[name])}, but got {format_value(value)}"
            faults.append(Fault((*path, name), text))
        elif active[name] is False:
            text = f"is set only where {condition_text(space[name].when)}, but got "
            text += f"{format_value(value)} {_why_not(space, name, config)}; leave it out"
            faults.append(Fault((*path, name), text))
    for name in space:
        if name not in config and active[name]:
            text = f"is missing; give {range_in_words(space[name])}"
            faults.append(Fault((*path, name), text))
    return faults


def space_faults(
    known: Mapping[str, Hyperparameter],
    space: Mapping[str, Spec],
    path: tuple[str | int, ...] = (),
) -> list[Fault]:
    """Find the specs that can produce a value which their hyperparameter cannot take.

    Args:
        known: What can be set.
        space: Specs by hyperparameter; those that are not known are passed over.
        path: Where the space stands, for the messages.
    """
    faults = []
    values: dict[tuple[str | int, ...], Any]  # those that tell, by where they stand in the spec
    for name, spec in space.items():
        parameter = known.get(name)
        if parameter is None:
            continue
        if isinstance(spec, CategoricalSpec):
            values = {("choices", i): choice for i, choice in enumerate(spec.choices)}
        elif isinstance(parameter, Choice | Text):
            text = f"must be categorical, of {parameter.rule}, but got {spec.type!r}"
            faults.append(Fault((*path, name, "type"), text))
            continue
        elif parameter.kind is int and isinstance(spec, FloatSpec):
            faults.append(Fault((*path, name, "type"), "must be 'int', but got 'float'"))
            continue
        else:
            # The legal values have no gap: a range is legal where both of its ends are.
            values = {("low",): spec.low, ("high",): spec.high}
        faults += [
            Fault(
                (*path, name, *place), f"must be {parameter.rule}, but got {format_value(value)}"
            )
            for place, value in values.items()
            if not parameter.accepts(value)
        ]
    return faults


def _why_not(space: Mapping[str, Spec], name: str, config: Mapping[str, Any]) -> str:
    """Say which value keeps a hyperparameter from being set."""
    active = states(space, config)
    for parent, values in space[name].when.items():
        if active.get(parent) is False:
            return f"where `{parent}` is not set"
        if parent in config and not has_value(values, config[parent]):
            return f"where `{parent}` is {format_value(config[parent])}"
    raise AssertionError("one of them does not hold")
