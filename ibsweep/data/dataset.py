"""What every source of data is asked for, and what it answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["Dataset", "Examples", "ReplicateSets", "to_float"]


class Examples(NamedTuple):
    """Examples with what is to be predicted of each.

    Attributes:
        inputs: uint8 ``[N, C, H, W]``.
        targets: int64 ``[N]``, positions in the dataset's ``classes``.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]


class ReplicateSets(NamedTuple):
    """What a replicate is trained on, and what it is validated on."""

    train: Examples
    valid: Examples


class Dataset(Protocol):
    """The data of a question: whoever trains, scores or shows it asks for nothing else."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of their labels; None for a numerical target."""

    @property
    def example_shape(self) -> tuple[int, int, int]:
        """The shape ``(C, H, W)`` of one example."""

    def replicate(self, seed: int, images: int) -> ReplicateSets:
        """Draw a replicate's training and validation sets.

        Args:
            seed: The replicate's seed; it gives all arms of a question the same sets.
            images: Training images per class; the validation set does not depend on it.
        """

    def held_out(self, seed: int) -> Examples:
        """Return a replicate's test set, of which its other sets hold nothing."""

    def fingerprint(self) -> str:
        """Return the sha256, in hexadecimal, of all that determines the data but the seed."""


def to_float(images: NDArray[Any]) -> torch.Tensor:
    """Return uint8 images as float32 ``[N, C, H, W]`` in [0, 1], as torchvision's ToTensor does.

    Args:
        images: ``[N, H, W]``, of one channel, or ``[N, C, H, W]``.
    """
    import torch  # here, since questions are read and checked without it

    tensor = torch.tensor(images)
    if tensor.ndim == 3:
        tensor = tensor.unsqueeze(1)
    return tensor.to(torch.float32).div(255)
