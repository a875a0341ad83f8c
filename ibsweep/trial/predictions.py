"""What a training function hands over as ``predict``, asked for the outputs that metrics take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ibsweep.errors import InputError

__all__ = ["check_predict", "outputs_of"]

_ROWS_TOGETHER = 1000
"""Rows that a module or callable is given at a time."""

_KINDS = (
    "a torch.nn.Module, a callable that takes a tensor of examples, or an object with "
    "predict_proba or predict, as scikit-learn's"
)


def check_predict(predict: Any) -> None:
    """Raise an InputError for what cannot predict."""
    if not (callable(predict) or hasattr(predict, "predict")):
        raise InputError(f"predict= must be {_KINDS}, but got a {type(predict).__name__}")
    if isinstance(predict, type):
        raise InputError(f"predict= must be {_KINDS}, but got the class {predict.__name__} itself")


@torch.no_grad()
def outputs_of(predict: Any, inputs: Tensor, classes: Sequence[str] | None) -> Tensor:
    """Return what a model says of examples.

    Args:
        predict: What ``check_predict`` lets pass. scikit-learn's objects are given a NumPy array
            ``[N, D]``, all others a tensor ``[N, *shape]``.
        inputs: float32 ``[N, *shape]``.
        classes: Names of the classes; None where a number is predicted.

    Returns:
        Logits ``[N, K]``, or float64 numbers ``[N]``, on the CPU. Probabilities become their
        logarithms; labels become logits that are certain.

    Raises:
        InputError: If it raises, or the outputs are of another shape.
    """
    try:
        values = _outputs(predict, inputs, classes)
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except (Exception, SystemExit) as error:
        text = f"predict= failed: {type(error).__name__}: {error}".splitlines()[0]
        raise InputError(text) from error
    return _shaped(values, len(inputs), classes)


def _outputs(predict: Any, inputs: Tensor, classes: Sequence[str] | None) -> Tensor:
    estimator = not isinstance(predict, nn.Module) and hasattr(predict, "predict")
    if estimator and classes is not None and hasattr(predict, "predict_proba"):
        table = inputs.flatten(1).cpu().numpy()
        values = torch.as_tensor(np.asarray(predict.predict_proba(table)))
        return _logarithms(_by_class(values, predict, classes))
    if estimator:
        found = np.asarray(predict.predict(inputs.flatten(1).cpu().numpy()))
        if classes is not None and found.dtype.kind in "OUS":
            found = np.array([_position(label, classes) for label in found])
        values = torch.as_tensor(found)
    else:
        with _evaluating(predict) as device:
            placed = inputs.to(device or inputs.device)
            parts = torch.split(placed, _ROWS_TOGETHER)
            values = torch.cat([_tensor(predict(part)) for part in parts])
    return values


def _shaped(values: Tensor, count: int, classes: Sequence[str] | None) -> Tensor:
    """Bring outputs to the form that metrics take."""
    if classes is None:
        if values.shape not in ((count,), (count, 1)):
            needed = f"[{count}] or [{count}, 1], a number a row"
            raise InputError(f"predict= gave outputs of {list(values.shape)}; needed: {needed}")
        return values.reshape(count).double()
    outputs = len(classes)
    if values.shape == (count,) and not values.is_floating_point():
        if not bool(((values >= 0) & (values < outputs)).all()):
            raise InputError(
                f"predict= gave labels from {int(values.min())} to {int(values.max())}; they are "
                f"positions among the classes, 0 to {outputs - 1}"
            )
        certain = nn.functional.one_hot(values.long(), outputs)
        return _logarithms(certain.float())
    if values.shape != (count, outputs):
        needed = f"[{count}, {outputs}], a logit or probability a class"
        raise InputError(f"predict= gave outputs of {list(values.shape)}; needed: {needed}")
    values = values.float() if values.dtype != torch.float64 else values
    if bool((values >= 0).all()) and torch.allclose(values.sum(1), values.new_ones(()), atol=1e-4):
        return _logarithms(values)
    return values.float()


def _logarithms(probabilities: Tensor) -> Tensor:
    tiny = torch.finfo(probabilities.dtype).eps
    return probabilities.clamp(min=tiny).log().float()


def _by_class(values: Tensor, estimator: Any, classes: Sequence[str]) -> Tensor:
    """Put an estimator's columns where the classes are; it may have met fewer of them."""
    known = getattr(estimator, "classes_", range(len(classes)))
    if len(known) != values.shape[1]:
        raise InputError(f"predict_proba gave {values.shape[1]} columns for {len(known)} classes")
    spread = values.new_zeros(len(values), len(classes))
    spread[:, [_position(label, classes) for label in known]] = values
    return spread


def _position(label: Any, classes: Sequence[str]) -> int:
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    try:
        if 0 <= int(label) < len(classes):
            return int(label)
    except ValueError:
        pass
    raise InputError(
        f"the estimator knows a class {label!r}; fit it on data.train.y, whose labels are "
        f"positions among the classes, 0 to {len(classes) - 1}"
    )


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    try:
        return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"predict= must give a tensor or an array, but gave a {type(value).__name__}"
        ) from error


@contextmanager
def _evaluating(predict: Any) -> Iterator[torch.device | None]:
    """Put a module, not a mere callable, in evaluation mode; yield the device that it is on."""
    if not isinstance(predict, nn.Module):
        yield None
        return
    training = {module for module in predict.modules() if module.training}
    predict.eval()
    first = next(predict.parameters(), next(predict.buffers(), None))
    try:
        yield None if first is None else first.device
    finally:
        for module in training:
            module.training = True
