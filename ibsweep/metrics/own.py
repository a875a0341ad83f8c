"""Metrics by name or reference, one of the user's own among them, as functions of lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.errors import InputError
from ibsweep.metrics.catalogue import METRICS
from ibsweep.user_code import is_reference, load

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["figure_functions"]


def figure_functions(
    keys: Iterable[str], *, classes: bool, folder: Path | None = None
) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Return what computes each metric of predictions, by the metric's name; costs are left out.

    A metric of one's own is a function ``(outputs, targets) -> float`` of NumPy arrays, called
    for every lane by itself: ``outputs`` are the classes' probabilities ``[N, K]`` and ``targets``
    positions of classes ``[N]``; or both are numbers ``[N]``. NaN says that it is not defined.

    Args:
        keys: Names, or references such as ``mine.py:profit``.
        classes: Whether classes are predicted, and not a number.
        folder: The folder of the question file, for references.

    Raises:
        InputError: If a metric is not known or does not fit the target, or importing an own one
            fails.
    """
    functions = {}
    for key in keys:
        if is_reference(key):
            name = key.rpartition(":")[2].replace(".", "_")
            functions[name] = _by_lane(key, load(key, folder), classes=classes)
            continue
        if key not in METRICS:
            raise InputError(f"{key!r} is no metric; there are {', '.join(METRICS)}")
        metric = METRICS[key]
        if metric.target == ("number" if classes else "classes"):
            target = "classes" if classes else "a number"
            raise InputError(f"{key} is a metric of {metric.target}, but the target is {target}")
        if metric.compute is not None:
            functions[key] = metric.compute
    return functions


def _by_lane(
    reference: str, function: Any, *, classes: bool
) -> Callable[[Tensor, Tensor], Tensor]:
    if not callable(function):
        raise InputError(f"{reference} must be a function (outputs, targets) -> float")

    def compute(outputs: Tensor, targets: Tensor) -> Tensor:
        import torch

        shown = outputs.double().softmax(2) if classes else outputs
        pairs = zip(shown.cpu().numpy(), targets.cpu().numpy(), strict=True)
        values = [_number(reference, function, a, b) for a, b in pairs]
        return torch.tensor(values, dtype=torch.float64)

    return compute


def _number(reference: str, function: Any, outputs: Any, targets: Any) -> float:
    try:
        value = function(outputs, targets)
    except (Exception, SystemExit) as error:
        raise InputError(f"{reference} failed: {type(error).__name__}: {error}") from error
    if getattr(value, "ndim", None) == 0:  # a NumPy scalar, or a tensor of one number
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{reference} must return a number, but returned {value!r}"[:300])
    return float(value)
