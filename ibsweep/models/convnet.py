"""Convolutional networks: ReLU, one pooling half-way, global average pooling, a classifier."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ibsweep.models import backend
from ibsweep.models.base import LaneModel
from ibsweep.models.edge_detectors import set_edge_detectors
from ibsweep.models.layers import (
    LaneConv2d,
    LaneLinear,
    arrange,
    channels_to_lanes,
    lanes_to_channels,
    reflect_pad,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ConvNet"]

_FEATURE_IMAGES = 512
"""Images of a lane whose features are computed in one pass."""


class ConvNet(LaneModel):
    """Convolutions with ReLU, one 2x2 pooling half-way, global average pooling, a linear
    classifier.

    Two convolutions make the notebook's SimpleCNN and WiderCNN, four its DeeperCNN: the pooling
    follows convolution ``num_layers // 2``, or the only one. Padding is ``(K - 1) // 2`` on each
    side, so an even kernel shrinks the image by one pixel at every convolution (K=2: 28 -> 27 ->
    13 -> 12).

    Args:
        lanes: Number of lanes.
        outputs: Number of classes; 1 where a number is predicted.
        in_channels: Channels of an image.
        widths: Output channels of each convolution.
        kernel_size: Side of the square kernels, in pixels.
        padding_mode: ``"reflect"`` or ``"constant"`` (zeros).
        pooling: ``"max"``, ``"average"`` or None for no pooling half-way.
        head: Name of the classifier layer, as in the notebook's state dict.
        edge_detectors: Whether both of two convolutions begin as hand-made edge detectors.
        frozen: Whether no convolution learns, so that an image's features never change.
    """

    def __init__(
        self,
        lanes: int,
        outputs: int,
        *,
        in_channels: int = 1,
        widths: Sequence[int],
        kernel_size: int,
        padding_mode: str = "reflect",
        pooling: str | None = "max",
        head: str = "fc",
        edge_detectors: bool = False,
        frozen: bool = False,
    ) -> None:
        super().__init__(lanes, outputs)
        self.kernel_size = kernel_size
        self.padding = (kernel_size - 1) // 2
        self.padding_mode = padding_mode
        self.pooling = pooling
        self.pool_after = max(1, len(widths) // 2) if pooling else 0
        self.head = head
        self.widths = tuple(widths)
        self.edge_detectors = edge_detectors
        self.frozen = frozen
        channels = [in_channels, *widths]
        self.convs: list[str] = [f"conv{i + 1}" for i in range(len(widths))]
        for name, (before, after) in zip(self.convs, itertools.pairwise(channels), strict=True):
            layer = LaneConv2d(lanes, before, after, kernel_size).requires_grad_(not frozen)
            self.add_module(name, layer)
        self.add_module(head, LaneLinear(lanes, widths[-1], outputs))

    def initialise(self, seeds: Sequence[int | torch.Generator]) -> None:
        """Draw every lane's weights, then write edge detectors over the convolutions' if asked."""
        super().initialise(seeds)
        if self.edge_detectors:
            conv1, conv2 = (self.get_submodule(name) for name in self.convs)
            set_edge_detectors(conv1, conv2)

    def _pad(self, x: Tensor) -> Tensor:
        if self.padding == 0:
            return x
        if x.is_cuda and self.padding_mode == "reflect":
            return reflect_pad(x, self.padding)
        return F.pad(x, (self.padding,) * 4, mode=self.padding_mode)

    def _pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2) if self.pooling == "max" else F.avg_pool2d(x, 2)

    def prepare(self, images: Tensor) -> Tensor:
        """Pad images for the first convolution: ``[L, N, C, H, W] -> [L, N, C, H+2P, W+2P]``.

        Where the convolutions are frozen, features ``[L, N, F]`` are all that training needs.
        """
        padded = self._pad(images.flatten(0, 1))
        padded = padded.view(*images.shape[:2], *padded.shape[1:])
        if not self.frozen:
            return padded
        with torch.no_grad():
            return torch.cat(
                [self._means(part) for part in torch.split(padded, _FEATURE_IMAGES, 1)], 1
            )

    def arrange(self, prepared: Tensor) -> Tensor:
        """Copy padded images into the order that folding wants."""
        return prepared if self.frozen else arrange(prepared)

    def forward_prepared(self, prepared: Tensor) -> Tensor:
        """Map padded images ``[L, B, C, H+2P, W+2P]``, or features, to outputs ``[L, B, K]``."""
        if not self.frozen and not torch.is_grad_enabled() and self.runs_in_kernels(prepared):
            with suppress(backend.KernelsUnavailableError):
                return backend.infer_convnet(self._sizes, self.parameters(), prepared)
        means = prepared if self.frozen else self._means(prepared)
        logits: Tensor = self.get_submodule(self.head)(means)
        return logits

    def train_in_kernels(
        self,
        prepared: Tensor,
        labels: Tensor,
        orders: Tensor,
        batch_size: int,
        optimizer: backend.OptimizerState,
    ) -> Tensor:
        """Train padded images, or the classifier alone on features; see ``LaneModel``."""
        data = (prepared, labels, orders, batch_size, optimizer)
        if self.frozen:
            head = list(self.get_submodule(self.head).parameters())
            return backend.train_perceptron(head, *data)
        return backend.train_convnet(self._sizes, list(self.parameters()), *data)

    @property
    def _sizes(self) -> backend.ConvNetSizes:
        return backend.ConvNetSizes(
            filters=self.widths,
            kernel_size=self.kernel_size,
            padding=self.padding,
            reflect=self.padding_mode == "reflect",
            pooling=self.pooling,
            pool_after=self.pool_after,
            classes=self.outputs,
        )

    def _means(self, padded: Tensor) -> Tensor:
        """Map padded images ``[L, B, C, H+2P, W+2P]`` to features ``[L, B, F]``."""
        x = lanes_to_channels(padded)  # [B, L*C, H+2P, W+2P]
        for i, name in enumerate(self.convs, start=1):
            if i > 1:
                x = self._pad(x)
            x = self.get_submodule(name)(x)
            if i == self.pool_after and self.pooling == "max":
                # max and ReLU commute; pooled first, ReLU has a quarter of the work
                x = F.relu(self._pool(x))
            else:
                x = F.relu(x)
                if i == self.pool_after:
                    x = self._pool(x)
        return x.mean((2, 3)).view(x.shape[0], self.lanes, -1).transpose(0, 1)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Return activations in the notebook's order: conv1, relu1, (pool), conv2, ..., mean.

        Args:
            images: ``[L, B, C, H, W]``.

        Returns:
            ``[L, B, F, H', W']`` for each stage, ``[L, B, F]`` for ``mean``.
        """
        found: dict[str, Tensor] = {}
        x = lanes_to_channels(images)
        for i, name in enumerate(self.convs, start=1):
            x = self.get_submodule(name)(self._pad(x))
            found[name] = channels_to_lanes(x, self.lanes)
            x = F.relu(x)
            found[f"relu{i}"] = channels_to_lanes(x, self.lanes)
            if i == self.pool_after:
                x = self._pool(x)
                found["pool"] = channels_to_lanes(x, self.lanes)
        found["mean"] = channels_to_lanes(x, self.lanes).mean((3, 4))
        return found
