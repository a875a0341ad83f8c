"""The data that a training function is given: tensors of its own, and never a held-out row."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ibsweep.data import Dataset, Examples

__all__ = ["FunctionData", "FunctionSplit"]


class FunctionSplit:
    """One split of a replicate, made when it is first asked for.

    Args:
        examples: What is in it.
        device: Where the tensors are to lie.
    """

    def __init__(self, examples: Examples, device: str) -> None:
        self._examples, self._device = examples, device

    @cached_property
    def x(self) -> Tensor:
        """The examples, float32 ``[N, *shape]``."""
        return self._examples.tensor().to(self._device)

    @cached_property
    def y(self) -> Tensor:
        """The targets, ``[N]``: int64 positions among the classes, or float32 numbers."""
        return torch.tensor(self._examples.targets).to(self._device)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self._examples.targets)


class FunctionData:
    """The data of one replicate, as a training function gets them.

    Args:
        dataset: The question's data.
        seed: The replicate's seed.
        train_size: Size of the training set, in the unit of the data's split.
        device: Where the tensors are to lie.

    Attributes:
        train: The training set: ``train.x`` and ``train.y``.
        valid: The validation set, likewise.
        classes: Names of the classes in the order of their labels; None where a number is
            predicted.
        example_shape: ``(C, H, W)`` of an image, ``(D,)`` of a table's row.
        outputs: Classes, or 1 where a number is predicted.
        device: Where the tensors lie, and training is to take place.
    """

    def __init__(self, dataset: Dataset, seed: int, train_size: int, device: str = "cpu") -> None:
        sets = dataset.replicate(seed, train_size)
        self.train = FunctionSplit(sets.train, device)
        self.valid = FunctionSplit(sets.valid, device)
        self.classes = dataset.classes
        self.example_shape = tuple(dataset.example_shape)
        self.outputs = 1 if dataset.classes is None else len(dataset.classes)
        self.device = torch.device(device)
