"""What every source of data is asked for, and what it answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

    from ibsweep.data.schema import DataSchema

__all__ = ["Dataset", "Examples", "ReplicateSets", "to_float"]


class Examples(NamedTuple):
    """Examples with what is to be predicted of each.

    A model sees ``(float32(inputs[rows]) - shift) * factor``, where bytes are divided by 255
    first. What is None is left out: ``rows`` takes all, in their order.

    Attributes:
        inputs: uint8 or float32, ``[N, *shape]``; where there are ``rows``, the whole pool
            ``[M, *shape]`` that all sets share: nothing is copied. It may be read-only.
        targets: ``[N]``: int64, positions in the dataset's ``classes``; or float32.
        rows: int64 ``[N]``: which of ``inputs`` the examples are.
        shift: float32, of a shape that broadcasts to one example's.
        factor: float32, of the same shape.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    rows: NDArray[Any] | None = None
    shift: NDArray[Any] | None = None
    factor: NDArray[Any] | None = None

    def tensor(self) -> torch.Tensor:
        """Return what a model sees, float32 ``[N, *shape]``, in memory of its own."""
        import torch  # here, since questions are read and checked without it

        inputs = self.inputs if self.rows is None else self.inputs[self.rows]
        values = _as_float(torch.tensor(inputs))
        if self.shift is not None:
            values -= torch.tensor(self.shift)
        if self.factor is not None:
            values *= torch.tensor(self.factor)
        return values


class ReplicateSets(NamedTuple):
    """What a replicate is trained on, and what it is validated on.

    Attributes:
        train: The training set.
        valid: The validation set.
        preprocessing: How an example of the source becomes what a model sees, fitted on the
            training set: plain JSON values. None where nothing was fitted.
    """

    train: Examples
    valid: Examples
    preprocessing: Mapping[str, Any] | None = None


class Dataset(Protocol):
    """The data of a question: whoever trains, scores or shows it asks for nothing else."""

    @property
    def schema(self) -> DataSchema:
        """What the data are."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of their labels; None for a numerical target."""

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example: ``(C, H, W)`` of an image, ``(D,)`` of a table's row."""

    def replicate(self, seed: int, train_size: int) -> ReplicateSets:
        """Draw a replicate's training and validation sets.

        Args:
            seed: The replicate's seed; it gives all arms of a question the same sets.
            train_size: Size of the training set, in the unit of the schema's ``per``. A smaller
                set is part of a larger one where a pool is resampled. Which examples validate
                does not depend on it; how they are scaled does.
        """

    def held_out(self, seed: int, train_size: int) -> Examples:
        """Return a replicate's test set, of which its other sets hold nothing.

        Args:
            seed: The replicate's seed. A pool has the same test examples for every seed.
            train_size: Size of the replicate's training set, which scaling is fitted on.
        """

    def fingerprint(self) -> str:
        """Return the sha256, in hexadecimal, of all that determines the data but the seed."""

    def arrays(self) -> dict[str, NDArray[Any]] | None:
        """Return what ``attach`` makes the dataset of again, in any process.

        None for a generator, which its document alone describes.
        """


def to_float(images: NDArray[Any]) -> torch.Tensor:
    """Return uint8 images as float32 ``[N, C, H, W]`` in [0, 1], as torchvision's ToTensor does.

    Args:
        images: ``[N, H, W]``, of one channel, or ``[N, C, H, W]``.
    """
    import torch

    tensor = torch.tensor(images)
    return _as_float(tensor.unsqueeze(1) if tensor.ndim == 3 else tensor)


def _as_float(tensor: torch.Tensor) -> torch.Tensor:
    """Return float32, bytes in [0, 1]; ``tensor`` itself where it is of floats."""
    values = tensor.float()
    return values if tensor.is_floating_point() else values.div_(255)
