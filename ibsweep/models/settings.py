"""What can be set in a trial: the hyperparameters of the training loop and those of its model.

Free of torch, Optuna and pydantic, as ``ibsweep.models.hyperparameters`` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, InputError, format_value, suggestion
from ibsweep.models.hyperparameters import Choice, Hyperparameter, Number
from ibsweep.models.known import model_entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "TRAINING_KEYS",
    "known_settings",
    "name_faults",
    "resolve",
    "setting_faults",
    "split_settings",
    "unused_faults",
    "with_training_defaults",
]

TRAINING_KEYS: dict[str, Hyperparameter] = {
    "lr": Number(float, low=0, open=True),
    "momentum": Number(float, low=0, below=1, default=0.9),  # beta1 of adam and adamw
    "weight_decay": Number(float, low=0, default=0.0),
    "epochs": Number(int, low=1),
    "batch_size": Number(int, low=1),
    "optimizer": Choice(("sgd", "adam", "adamw"), default="sgd"),
    "nesterov": Choice((False, True), default=False),
    "beta1": Number(float, low=0, below=1, like="momentum"),
    "beta2": Number(float, low=0, below=1, default=0.999),
    "schedule": Choice(("constant", "cosine", "step", "one_cycle"), default="constant"),
    "warmup_epochs": Number(int, low=0, default=0),
    "step_size": Number(int, low=1, default=30),
    "gamma": Number(float, low=0, default=0.1),
    "clip_norm": Number(float, low=0, default=0.0),
    "label_smoothing": Number(float, low=0, below=1, default=0.0),
}
"""What the training loop takes, for every model. Without a default: lr, epochs, batch_size."""


_USED_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "nesterov": ("optimizer", ("sgd",)),
    "beta1": ("optimizer", ("adam", "adamw")),
    "beta2": ("optimizer", ("adam", "adamw")),
    "step_size": ("schedule", ("step",)),
    "gamma": ("schedule", ("step",)),
}
"""What does nothing, unless another hyperparameter has one of these values."""


def known_settings(
    model: str, schema: Mapping[str, Any] | None = None
) -> dict[str, Hyperparameter]:
    """Return everything that can be set for a model, training first.

    Args:
        model: A key of `MODELS`, or a reference to a model of the user's own.
        schema: Of a model of the user's own, what ``OwnModel.schema`` returned.

    Raises:
        InputError: If a parameter of a model of the user's own has the name of a setting of
            training.
    """
    options = dict(model_entry(model, schema).options)
    if both := [name for name in options if name in TRAINING_KEYS]:
        raise InputError(
            f"{model}: {', '.join(both)} would be a hyperparameter of the model and of training; "
            f"rename the parameter, such as {both[0]} to model_{both[0]}"
        )
    return TRAINING_KEYS | options


def name_faults(
    model: str,
    names: Iterable[str],
    path: tuple[str | int, ...] = (),
    schema: Mapping[str, Any] | None = None,
) -> list[Fault]:
    """Find the names that are no hyperparameters of a model.

    Args:
        model: A key of `MODELS`, or a reference to a model of the user's own.
        schema: Of a model of the user's own, what ``OwnModel.schema`` returned.
        names: What the user wants to set.
        path: Where the names stand, for the messages.
    """
    known = known_settings(model, schema)
    return [
        Fault((*path, name), f"is not a hyperparameter of {model}; {suggestion(name, known)}")
        for name in names
        if name not in known
    ]


def setting_faults(
    model: str,
    settings: Mapping[str, Any],
    path: tuple[str | int, ...] = (),
    schema: Mapping[str, Any] | None = None,
) -> list[Fault]:
    """Find the settings that a model does not have and the values that are out of range.

    Args:
        model: A key of `MODELS`, or a reference to a model of the user's own.
        schema: Of a model of the user's own, what ``OwnModel.schema`` returned.
        settings: Values by hyperparameter.
        path: Where the settings stand, for the messages.
    """
    known = known_settings(model, schema)
    return name_faults(model, settings, path, schema) + [
        Fault((*path, name), f"must be {known[name].rule}, but got {format_value(value)}")
        for name, value in settings.items()
        if name in known and not known[name].accepts(value)
    ]


def resolve(
    model: str,
    fixed: Mapping[str, Any],
    config: Mapping[str, Any],
    schema: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the complete settings of a trial, defaults filled in.

    Args:
        model: A key of `MODELS`, or a reference to a model of the user's own.
        schema: Of a model of the user's own, what ``OwnModel.schema`` returned.
        fixed: The arm's fixed settings.
        config: The tuned hyperparameters of one trial. A ``train_size`` among them is no setting:
            it says how large the training set is.

    Returns:
        A value for everything in `known_settings`, in that order. Those on the real line are
        floats, so that a momentum of 0 and one of 0.0 are the same settings.

    Raises:
        InputError: If the model or a setting is unknown, a value is out of range, a setting
            without a default is missing, or one stands in both ``fixed`` and ``config``.
    """
    known = known_settings(model, schema)
    given = {**fixed, **config}
    given.pop("train_size", None)
    faults = setting_faults(model, given, schema=schema)
    faults += [Fault((name,), "is both fixed and tuned") for name in fixed if name in config]
    faults += [
        Fault((name,), f"is missing; give {parameter.rule}")
        for name, parameter in known.items()
        if parameter.required and name not in given
    ]
    if faults:
        raise InputError("\n".join(f"settings of {model}: {fault}" for fault in faults))
    return _with_defaults(known, given)


def with_training_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that an earlier version stored with those of the training loop that it did
    not have yet, at their defaults: they trained alike.

    Args:
        settings: What `resolve` returned then.
    """
    known = {name: p for name, p in TRAINING_KEYS.items() if name in settings or not p.required}
    return {**settings, **_with_defaults(known, settings)}


def _with_defaults(
    known: Mapping[str, Hyperparameter], given: Mapping[str, Any]
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, parameter in known.items():
        value: Any = given.get(name, parameter.default)
        real = isinstance(parameter, Number) and parameter.kind is float
        if value is None and isinstance(parameter, Number) and parameter.like:
            value = settings[parameter.like]
        settings[name] = float(value) if real else value
    return settings


def unused_faults(
    possible: Mapping[str, Collection[Any]], path: tuple[str | int, ...] = ()
) -> list[Fault]:
    """Find the settings that can do nothing, such as a ``step_size`` without a step schedule.

    A setting that some configurations of a space use, and others do not, is none of them: where
    it is not used it is ignored.

    Args:
        possible: The values that each hyperparameter can take, of all that are fixed or tuned.
        path: Where they stand, for the messages.
    """
    faults = []
    for name, (other, values) in _USED_BY.items():
        found = possible.get(other, [TRAINING_KEYS[other].default])
        if name in possible and not any(value in values for value in found):
            wanted = " or ".join(map(repr, values))
            now = " or ".join(map(repr, found))
            text = f"does nothing where `{other}` is {now}; set `{other}` to {wanted}, or leave "
            faults.append(Fault((*path, name), f"{text}`{name}` out"))
    return faults


def split_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split settings into those of the training loop and the options of the model.

    Args:
        settings: What `resolve` returned.
    """
    training = {name: value for name, value in settings.items() if name in TRAINING_KEYS}
    options = {name: value for name, value in settings.items() if name not in TRAINING_KEYS}
    return training, options
