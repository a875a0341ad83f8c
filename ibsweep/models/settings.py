"""What can be set in a trial: the hyperparameters of training and of each model, and their ranges.

Plain data, free of torch, Optuna and pydantic, so that question files are checked against it and
the engine is fed from it without either importing the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, InputError, format_value, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "MODEL_OPTIONS",
    "TRAINING_KEYS",
    "Choice",
    "Hyperparameter",
    "Number",
    "known_settings",
    "name_faults",
    "resolve",
    "setting_faults",
    "split_settings",
]

_INT64 = 2**63  # torch's integers end here


@dataclass(frozen=True)
class Number:
    """A hyperparameter on the line.

    Attributes:
        kind: ``int`` or ``float``; a float also takes integers, an int takes no float.
        low: Smallest value, included unless ``open`` is true.
        below: Every value is less than this.
        default: The value where none is set; None where one must be set.
        open: Whether ``low`` itself is left out.
    """

    kind: type[int] | type[float]
    low: float
    below: float = math.inf
    default: float | None = None
    open: bool = False

    @property
    def rule(self) -> str:
        """The range in words, to stand after "must be"."""
        noun = "an integer" if self.kind is int else "a number"
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
        default: The value where none is set.
    """

    values: tuple[bool | str, ...]
    default: bool | str

    @property
    def rule(self) -> str:
        """The values in words, to stand after "must be"."""
        # The user writes YAML, whose booleans are lower case.
        words = [str(v).lower() if isinstance(v, bool) else repr(v) for v in self.values]
        return f"{', '.join(words[:-1])} or {words[-1]}"

    def accepts(self, value: object) -> bool:
        """Tell whether a value is legal; 0 and 1 are no booleans."""
        return any(type(value) is type(known) and value == known for known in self.values)


Hyperparameter = Number | Choice

TRAINING_KEYS: dict[str, Hyperparameter] = {
    "lr": Number(float, low=0, open=True),
    "momentum": Number(float, low=0, below=1, default=0.9),  # beta1 of adam and adamw
    "weight_decay": Number(float, low=0, default=0.0),
    "epochs": Number(int, low=1),
    "batch_size": Number(int, low=1),
    "optimizer": Choice(("sgd", "adam", "adamw"), default="sgd"),
}
"""What the training loop takes, for every model. Without a default: lr, epochs, batch_size."""

_POOLING = Choice(("max", "average"), default="max")


def _count(default: int, low: int = 1) -> Number:
    return Number(int, low=low, default=default)


MODEL_OPTIONS: dict[str, dict[str, Hyperparameter]] = {
    "simple_cnn": {
        "kernel_size": _count(2),
        "num_filters": _count(3),
        "pooling": _POOLING,
        "conv_init": Choice(("default", "edge_detector"), default="default"),
        "freeze_conv": Choice((False, True), default=False),
    },
    "wider_cnn": {"kernel_size": _count(7), "num_filters": _count(6), "pooling": _POOLING},
    "deeper_cnn": {
        "kernel_size": _count(7),
        "num_filters": _count(3),
        "num_layers": _count(4, low=2),
        "pooling": _POOLING,
    },
    "three_layer_cnn": {"kernel_size": _count(7), "num_filters": _count(64)},
    "two_layer_mlp": {"hidden_dim": _count(10)},
    # Two scalars in place of the notebook's list: a sampler proposes scalars.
    "three_layer_mlp": {"hidden_dim_1": _count(10), "hidden_dim_2": _count(10)},
}
"""The options of each model, with the notebook's defaults."""


def known_settings(model: str) -> dict[str, Hyperparameter]:
    """Return everything that can be set for a model, training first.

    Args:
        model: A key of `MODEL_OPTIONS`.
    """
    return TRAINING_KEYS | MODEL_OPTIONS[model]


def name_faults(model: str, names: Iterable[str], path: tuple[str | int, ...] = ()) -> list[Fault]:
    """Find the names that are no hyperparameters of a model.

    Args:
        model: A key of `MODEL_OPTIONS`.
        names: What the user wants to set.
        path: Where the names stand, for the messages.
    """
    known = known_settings(model)
    return [
        Fault((*path, name), f"is not a hyperparameter of {model}; {suggestion(name, known)}")
        for name in names
        if name not in known
    ]


def setting_faults(
    model: str, settings: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> list[Fault]:
    """Find the settings that a model does not have and the values that are out of range.

    Args:
        model: A key of `MODEL_OPTIONS`.
        settings: Values by hyperparameter.
        path: Where the settings stand, for the messages.
    """
    known = known_settings(model)
    return name_faults(model, settings, path) + [
        Fault((*path, name), f"must be {known[name].rule}, but got {format_value(value)}")
        for name, value in settings.items()
        if name in known and not known[name].accepts(value)
    ]


def resolve(model: str, fixed: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the complete settings of a trial, defaults filled in.

    Args:
        model: A key of `MODEL_OPTIONS`.
        fixed: The arm's fixed settings.
        config: The tuned hyperparameters of one trial.

    Returns:
        A value for everything in `known_settings`, in that order. Those on the real line are
        floats, so that a momentum of 0 and one of 0.0 are the same settings.

    Raises:
        InputError: If the model or a setting is unknown, a value is out of range, a setting
            without a default is missing, or one stands in both ``fixed`` and ``config``.
    """
    if model not in MODEL_OPTIONS:
        raise InputError(f"{model!r} is not a model; {suggestion(model, MODEL_OPTIONS)}")
    known = known_settings(model)
    given = {**fixed, **config}
    faults = setting_faults(model, given)
    faults += [Fault((name,), "is both fixed and tuned") for name in fixed if name in config]
    faults += [
        Fault((name,), f"is missing; give {parameter.rule}")
        for name, parameter in known.items()
        if parameter.default is None and name not in given
    ]
    if faults:
        raise InputError("\n".join(f"settings of {model}: {fault}" for fault in faults))
    settings: dict[str, Any] = {}
    for name, parameter in known.items():
        value: Any = given.get(name, parameter.default)
        real = isinstance(parameter, Number) and parameter.kind is float
        settings[name] = float(value) if real else value
    return settings


def split_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split settings into those of the training loop and the options of the model.

    Args:
        settings: What `resolve` returned.
    """
    training = {name: value for name, value in settings.items() if name in TRAINING_KEYS}
    options = {name: value for name, value in settings.items() if name not in TRAINING_KEYS}
    return training, options
