"""Hand-made edge detectors as initial kernels.

The notebook puts a horizontal detector, a vertical detector and a third kernel into SimpleCNN's
three filters, repeats them over the second convolution's inputs and zeroes both biases. Two of its
quirks are kept: at 7x7 the third filter keeps its own random kernel (else it is zero), and the
Sobel-like kernels of the other odd sizes have their axes swapped against the names used at 7x7.
Which sizes and how many filters there are detectors for, the catalogue of models checks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["edge_detectors", "set_edge_detectors"]


def _sobel_like(size: int, axis: int) -> Tensor:
    """Return offset / squared distance from the centre, along columns (axis 0) or rows (1)."""
    steps = torch.arange(size, dtype=torch.float64) - (size - 1) // 2
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    distance = rows**2 + columns**2
    distance[size // 2, size // 2] = 1  # the numerator is 0 there
    return ((columns if axis == 0 else rows) / distance).float()


def edge_detectors(kernel_size: int, third: Tensor) -> Tensor:
    """Return the three kernels ``[3, K, K]``: horizontal, vertical and the third one.

    Args:
        kernel_size: 2, or an odd number.
        third: ``[K, K]``; the random kernel that the third filter keeps at 7x7.
    """
    if kernel_size == 2:
        horizontal = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
        return torch.stack([horizontal, horizontal.T, torch.zeros(2, 2)])
    if kernel_size == 7:
        horizontal = torch.zeros(7, 7)
        horizontal[2], horizontal[3] = 1.0, -1.0
        return torch.stack([horizontal, horizontal.T, third])
    return torch.stack(
        [_sobel_like(kernel_size, 0), _sobel_like(kernel_size, 1), torch.zeros_like(third)]
    )


@torch.no_grad()
def set_edge_detectors(conv1: nn.Module, conv2: nn.Module) -> None:
    """Overwrite both convolutions of every lane of a three-filter SimpleCNN with edge detectors.

    Args:
        conv1: The first convolution, its weight ``[L, 3, 1, K, K]`` already drawn.
        conv2: The second one, with a weight ``[L, 3, 3, K, K]``.
    """
    assert isinstance(conv1.weight, Tensor)
    assert isinstance(conv2.weight, Tensor)
    lanes, kernel_size = conv1.weight.shape[0], conv1.weight.shape[-1]
    for lane in range(lanes):
        kernels = edge_detectors(kernel_size, third=conv1.weight[lane, 0, 0].clone())
        conv1.weight[lane] = kernels.unsqueeze(1)  # [3, 1, K, K]
        conv2.weight[lane] = kernels.unsqueeze(1).expand(3, 3, kernel_size, kernel_size)
    conv1.bias.zero_()  # type: ignore[operator]
    conv2.bias.zero_()  # type: ignore[operator]
