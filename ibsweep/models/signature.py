"""The hyperparameters that a callable of the user's own declares by its signature.

Free of torch. As plain JSON they go into a sweep's manifest, and are read from there without the
user's code.
"""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Collection, Mapping
from types import NoneType, UnionType
from typing import Any

from ibsweep.errors import InputError
from ibsweep.models.hyperparameters import Choice, Hyperparameter, Number, Text

__all__ = ["options_from_schema", "options_of", "schema_of"]

_RIGHT = (
    "annotate it with int, float, bool, str or Literal[...], "
    "such as `width: int = 32` or `act: Literal['relu', 'gelu'] = 'relu'`"
)


def options_of(
    function: Callable[..., Any], name: str, given: Collection[str]
) -> tuple[dict[str, Hyperparameter], tuple[str, ...]]:
    """Read a signature as hyperparameters.

    Args:
        function: A class or a function.
        name: What to call it in messages.
        given: Names of parameters that are no hyperparameters, as the caller gives them.

    Returns:
        The hyperparameters by name, without a default where a value must be given; and those of
        ``given`` that the function takes.

    Raises:
        InputError: One line for each parameter that cannot be read, and the signature.

    Example:
        >>> def net(inputs, width: int = 32): ...
        >>> options_of(net, "net", ("inputs", "outputs"))[1]
        ('inputs',)
    """
    try:
        signature = inspect.signature(function, eval_str=True)
    except (NameError, TypeError, ValueError) as error:
        raise InputError(f"{name}: its signature cannot be read: {error}") from error
    options, taken, faults = {}, [], []
    for parameter in signature.parameters.values():
        label = str(parameter).partition(":")[0].partition("=")[0].strip()
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            faults.append(f"{label} could be anything; name each parameter and {_RIGHT}")
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            faults.append(f"{label} must be allowed as a keyword")
        elif parameter.name in given:
            taken.append(parameter.name)
        elif parameter.annotation is parameter.empty:
            faults.append(f"{label} has no annotation; {_RIGHT}")
        else:
            default = None if parameter.default is parameter.empty else parameter.default
            found = _hyperparameter(parameter.annotation, default)
            if found is None:
                faults.append(f"{label} is neither a number, a text nor a Literal; {_RIGHT}")
            elif default is not None and not found.accepts(default):
                faults.append(f"{label} has the default {default!r}, but must be {found.rule}")
            else:
                options[parameter.name] = found
    if faults:
        shown = f"{name}{signature}"
        raise InputError("\n".join(f"{name}: {fault}" for fault in faults) + f"\nin {shown}")
    return options, tuple(taken)


def _hyperparameter(annotation: Any, default: Any) -> Hyperparameter | None:
    origin, within = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, UnionType):
        kinds = [kind for kind in within if kind is not NoneType]
        if set(kinds) == {int, float}:
            return Number(float, low=-math.inf, default=default)
        # None itself cannot be proposed; a default that is not None can
        return (
            _hyperparameter(kinds[0], default) if len(kinds) == 1 and default is not None else None
        )
    if origin is typing.Literal:
        plain = all(isinstance(value, bool | int | float | str) for value in within)
        return Choice(within, default) if plain else None
    if annotation is bool:
        return Choice((False, True), default)
    if annotation in (int, float):
        return Number(annotation, low=-math.inf, default=default)
    return Text(default) if annotation is str else None


def schema_of(options: Mapping[str, Hyperparameter]) -> dict[str, dict[str, Any]]:
    """Return hyperparameters as plain JSON, for ``options_from_schema``."""
    found: dict[str, dict[str, Any]] = {}
    for name, option in options.items():
        if isinstance(option, Number):
            found[name] = {"kind": option.kind.__name__}
        elif isinstance(option, Choice):
            found[name] = {"kind": "choice", "values": list(option.values)}
        else:
            found[name] = {"kind": "text"}
        found[name]["default"] = option.default
    return found


def options_from_schema(schema: Mapping[str, Mapping[str, Any]]) -> dict[str, Hyperparameter]:
    """Return the hyperparameters that ``schema_of`` wrote down."""
    found: dict[str, Hyperparameter] = {}
    for name, entry in schema.items():
        if entry["kind"] == "choice":
            found[name] = Choice(tuple(entry["values"]), entry["default"])
        elif entry["kind"] == "text":
            found[name] = Text(entry["default"])
        else:
            kind = int if entry["kind"] == "int" else float
            found[name] = Number(kind, low=-math.inf, default=entry["default"])
    return found
