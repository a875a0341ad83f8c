"""Multi-layer perceptrons."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from ibsweep.models import backend
from ibsweep.models.base import LaneModel
from ibsweep.models.layers import LaneLinear

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MLP"]


class MLP(LaneModel):
    """Linear layers with ReLU between them, named fc1, fc2, ....

    Args:
        lanes: Number of lanes.
        outputs: Number of classes; 1 where a number is predicted.
        in_features: Numbers of an example.
        hidden_dims: Width of each hidden layer.
    """

    def __init__(
        self, lanes: int, outputs: int, *, in_features: int, hidden_dims: Sequence[int]
    ) -> None:
        super().__init__(lanes, outputs)
        sizes = [in_features, *hidden_dims, outputs]
        for i, (before, after) in enumerate(itertools.pairwise(sizes), start=1):
            self.add_module(f"fc{i}", LaneLinear(lanes, before, after))

    def prepare(self, images: Tensor) -> Tensor:
        """Flatten examples: ``[L, N, *shape] -> [L, N, D]``."""
        return images.flatten(2)

    def forward_prepared(self, prepared: Tensor) -> Tensor:
        """Map flattened examples ``[L, B, D]`` to outputs ``[L, B, K]``."""
        *hidden, last = self.children()
        x = prepared
        for layer in hidden:
            x = F.relu(layer(x))
        logits: Tensor = last(x)
        return logits

    def train_in_kernels(
        self,
        prepared: Tensor,
        labels: Tensor,
        orders: Tensor,
        batch_size: int,
        optimizer: backend.OptimizerState,
    ) -> Tensor:
        """Train flattened examples; see ``LaneModel``."""
        parameters = list(self.parameters())
        return backend.train_perceptron(
            parameters, prepared, labels, orders, batch_size, optimizer
        )

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Return the hidden activations ``[L, B, width]``: fc1, relu1, fc2, ...."""
        found: dict[str, Tensor] = {}
        x = self.prepare(images)
        for i, layer in enumerate(list(self.children())[:-1], start=1):
            found[f"fc{i}"] = layer(x)
            x = F.relu(found[f"fc{i}"])
            found[f"relu{i}"] = x
        return found
