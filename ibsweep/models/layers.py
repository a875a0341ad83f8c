"""The two layers of every model and the order of their activations, over a leading lane axis.

Notation:
    L: lanes, B: images of a batch, C: input channels, F: output channels (filters), K: kernel size

A convolution's weight is ``[L, F, C, K, K]``, a linear layer's ``[L, out, in]``; slice ``[i]`` is
just what torch's own layer would hold. Folded activations are ``[B, L*C, H, W]``, lanes side by
side in the channel axis, in ``channels_last``: grouped convolutions run three to four times faster
there than in the default layout.

The layers say what a model computes. On the CPU most training runs in ``ibsweep.models.kernels``
instead, which the tests hold to them; nothing outside this package uses folding.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "LaneConv2d",
    "LaneLinear",
    "arrange",
    "channels_to_lanes",
    "lanes_to_channels",
    "reflect_pad",
]


def arrange(images: Tensor) -> Tensor:
    """Copy ``[L, N, C, H, W]`` so that ``lanes_to_channels`` of ``[:, i:j]`` is free.

    The shape stays; only the order in memory becomes N, H, W, L, C.
    """
    return images.permute(1, 3, 4, 0, 2).contiguous().permute(3, 0, 4, 1, 2)


def lanes_to_channels(images: Tensor) -> Tensor:
    """Lay lanes side by side: ``[L, B, C, H, W] -> [B, L*C, H, W]`` in ``channels_last``."""
    return images.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)


def channels_to_lanes(activations: Tensor, lanes: int) -> Tensor:
    """Take lanes apart again: ``[B, L*C, H, W] -> [L, B, C, H, W]``."""
    batch, channels, height, width = activations.shape
    return activations.view(batch, lanes, channels // lanes, height, width).transpose(0, 1)


def reflect_pad(x: Tensor, padding: int) -> Tensor:
    """Pad ``[..., H, W]`` by reflection, as ``F.pad`` does, with a gradient that is reproducible.

    On a GPU the gradient of ``F.pad`` adds up in whatever order its threads come; slices add up in
    the same order every time.
    """
    for axis in (-2, -1):
        last = x.shape[axis] - 1
        before = x.narrow(axis, 1, padding).flip(axis)
        after = x.narrow(axis, last - padding, padding).flip(axis)
        x = torch.cat([before, x, after], axis)
    return x


class _LaneLayer(nn.Module):
    """Weight and bias of one layer for every lane, initialised as torch's own layers are."""

    def __init__(self, lanes: int, weight_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(lanes, *weight_shape))
        self.bias = nn.Parameter(torch.empty(lanes, weight_shape[0]))

    @torch.no_grad()
    def initialise(self, lane: int, generator: torch.Generator) -> None:
        """Draw one lane's weights as ``nn.Conv2d`` and ``nn.Linear`` draw theirs.

        Args:
            lane: Index of the lane.
            generator: Stands for the global generator; draws are taken in the same order.
        """
        nn.init.kaiming_uniform_(self.weight[lane], a=math.sqrt(5), generator=generator)
        bound = 1 / math.sqrt(self.weight[lane][0].numel())
        nn.init.uniform_(self.bias[lane], -bound, bound, generator=generator)


class LaneConv2d(_LaneLayer):
    """A stride-1 convolution of folded activations, one group a lane; no padding of its own."""

    def __init__(self, lanes: int, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(lanes, (out_channels, in_channels, kernel_size, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, L*C, H, W]`` to ``[B, L*F, H-K+1, W-K+1]``."""
        lanes = self.weight.shape[0]
        return F.conv2d(x, self.weight.flatten(0, 1), self.bias.flatten(), groups=lanes)


class LaneLinear(_LaneLayer):
    """A linear layer for every lane: one batched matrix product."""

    def __init__(self, lanes: int, in_features: int, out_features: int) -> None:
        super().__init__(lanes, (out_features, in_features))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[L, B, in]`` to ``[L, B, out]``."""
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.transpose(1, 2))
