"""What convolutional networks of the table can be made for, and how large they are.

Free of torch, so that a question file is checked without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_edge_detectors", "check_kernel_size", "convolution_parameters"]


def check_kernel_size(
    kernel_size: int, shape: tuple[int, ...], depth: int, *, reflects: bool, pools: bool
) -> None:
    """Refuse kernels that the shrinking image cannot hold, before torch does in its own words."""
    if len(shape) != 3:
        raise InputError(
            "a CNN takes images, of shape (channels, height, width), but an example of these data "
            f"has the shape {shape}; choose an MLP or a model of your own"
        )
    padding = (kernel_size - 1) // 2
    height, width = shape[1:]
    side = min(height, width)
    size = f"{height}" if height == width else f"{height} x {width}"
    for layer in range(1, depth + 1):
        if (reflects and padding >= side) or side + 2 * padding < kernel_size:
            raise InputError(
                f"kernel_size={kernel_size} is too large for images of {size} pixels: "
                f"convolution {layer} sees {side} pixels; choose a smaller kernel"
            )
        side += 2 * padding - kernel_size + 1
        if pools and layer == max(1, depth // 2):
            side //= 2
    if side < 1:
        raise InputError(f"images of {size} pixels are too small to be pooled; choose no pooling")


def check_edge_detectors(kernel_size: int, num_filters: int) -> None:
    """Refuse what there are no hand-made edge detectors for."""
    if num_filters != 3:
        raise InputError(
            f"edge detectors fill exactly 3 filters, but got num_filters={num_filters}"
        )
    if kernel_size % 2 == 0 and kernel_size != 2:
        raise InputError(
            f"edge detectors exist for kernel_size 2 and odd sizes, but got {kernel_size}: "
            "an even kernel has no centre pixel"
        )


def convolution_parameters(
    widths: Sequence[int], kernel_size: int, channels: int, outputs: int
) -> int:
    """Count the parameters of convolutions and of the linear classifier behind them."""
    before = (channels, *widths[:-1])
    pairs = zip(before, widths, strict=True)
    convolutions = sum(a * b * kernel_size**2 + b for a, b in pairs)
    return convolutions + widths[-1] * outputs + outputs
