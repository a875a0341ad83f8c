"""One way to know a model of either kind: one of the table, or one of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ibsweep.errors import InputError, suggestion
from ibsweep.models.catalogue import MODELS, Family
from ibsweep.models.signature import options_from_schema
from ibsweep.user_code import is_reference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ibsweep.models.hyperparameters import Hyperparameter

__all__ = ["KnownModel", "model_entry"]


@dataclass(frozen=True)
class KnownModel:
    """What can be said of a model without building it.

    Attributes:
        name: A key of ``MODELS``, or a reference to a model of the user's own.
        family: What kind of network it is; ``"own"`` is anything.
        options: Its hyperparameters.
    """

    name: str
    family: Family | Literal["own"]
    options: Mapping[str, Hyperparameter]


def model_entry(
    model: str, schema: Mapping[str, Any] | None = None, folder: Path | None = None
) -> KnownModel:
    """Return a model's hyperparameters, of whichever kind it is.

    Args:
        model: A key of ``MODELS``, ``file.py:name`` or ``package.module:name``.
        schema: Of a model of the user's own, what ``OwnModel.schema`` returned: nothing is
            imported then.
        folder: Else the folder of the question file, from which it is imported.

    Raises:
        InputError: If there is no such model, or it cannot be imported.

    Example:
        >>> list(model_entry("two_layer_mlp").options)
        ['hidden_dim']
    """
    if model in MODELS:
        return KnownModel(model, MODELS[model].family, MODELS[model].options)
    if not is_reference(model):
        raise InputError(
            f"{model!r} is not a model; {suggestion(model, MODELS)}; a model of your own is "
            "`file.py:name` or `package.module:name`"
        )
    if schema is not None:
        return KnownModel(model, "own", options_from_schema(schema["options"]))
    from ibsweep.models.own import own_model

    return KnownModel(model, "own", own_model(model, folder).options)
