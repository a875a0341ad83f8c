"""Ordinary PyTorch modules of the notebook's architectures: what every lane must equal."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class PlainCNN(nn.Module):
    """SimpleCNN, WiderCNN and DeeperCNN: convolutions with one pooling half-way."""

    def __init__(
        self,
        filters,
        kernel_size,
        num_classes,
        depth=2,
        pooling="max",
        head="fc",
        padding_mode="reflect",
    ):
        super().__init__()
        self.depth, self.pooling, self.head = depth, pooling, head
        for i in range(depth):
            conv = nn.Conv2d(
                1 if i == 0 else filters,
                filters,
                kernel_size,
                padding=(kernel_size - 1) // 2,
                padding_mode=padding_mode,
            )
            setattr(self, f"conv{i + 1}", conv)
        setattr(self, head, nn.Linear(filters, num_classes))

    def forward(self, x):
        pool = F.max_pool2d if self.pooling == "max" else F.avg_pool2d
        for i in range(self.depth):
            x = F.relu(getattr(self, f"conv{i + 1}")(x))
            if self.pooling and i + 1 == max(1, self.depth // 2):
                x = pool(x, 2)
        return getattr(self, self.head)(x.mean((2, 3)))


class PlainThreeLayerCNN(nn.Module):
    def __init__(self, filters, kernel_size, num_classes):
        super().__init__()
        padding = (kernel_size - 1) // 2
        self.conv1 = nn.Conv2d(1, filters, kernel_size, padding=padding)
        self.conv2 = nn.Conv2d(filters, 2 * filters, kernel_size, padding=padding)
        self.fc1 = nn.Linear(2 * filters, num_classes)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.fc1(x.mean((2, 3)))


class PlainMLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.depth = len(sizes) - 1
        for i in range(self.depth):
            setattr(self, f"fc{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(1, self.depth):
            x = F.relu(getattr(self, f"fc{i}")(x))
        return getattr(self, f"fc{self.depth}")(x)


CASES = {
    # id: (name, options of build, factory of the ordinary module for 5 classes)
    "simple": ("simple_cnn", {"kernel_size": 7}, lambda: PlainCNN(3, 7, 5)),
    "simple-even": ("simple_cnn", {"kernel_size": 2}, lambda: PlainCNN(3, 2, 5)),
    "simple-average": (
        "simple_cnn",
        {"kernel_size": 3, "pooling": "average"},
        lambda: PlainCNN(3, 3, 5, pooling="average"),
    ),
    "simple-pointwise": ("simple_cnn", {"kernel_size": 1}, lambda: PlainCNN(3, 1, 5)),
    "wider": ("wider_cnn", {"kernel_size": 3}, lambda: PlainCNN(6, 3, 5)),
    "wider-4": ("wider_cnn", {"kernel_size": 4, "num_filters": 8}, lambda: PlainCNN(8, 4, 5)),
    "deeper": (
        "deeper_cnn",
        {"kernel_size": 3},
        lambda: PlainCNN(3, 3, 5, depth=4, head="fc1"),
    ),
    "deeper-5": (
        "deeper_cnn",
        {"kernel_size": 5, "num_layers": 5, "pooling": "average", "num_filters": 4},
        lambda: PlainCNN(4, 5, 5, depth=5, pooling="average", head="fc1"),
    ),
    "three-layer-cnn": (
        "three_layer_cnn",
        {"num_filters": 4, "kernel_size": 5},
        lambda: PlainThreeLayerCNN(4, 5, 5),
    ),
    "cnn": ("cnn", {"width": 6}, lambda: PlainCNN(6, 3, 5, padding_mode="zeros")),
    "cnn-deep": (
        "cnn",
        {"depth": 3, "width": 4, "kernel_size": 4, "pooling": "average"},
        lambda: PlainCNN(4, 4, 5, depth=3, pooling="average", padding_mode="zeros"),
    ),
    "cnn-unpooled": (
        "cnn",
        {"depth": 1, "width": 4, "pooling": "none"},
        lambda: PlainCNN(4, 3, 5, depth=1, pooling=None, padding_mode="zeros"),
    ),
    "cnn-shallow": (
        "cnn",
        {"depth": 1, "width": 4},
        lambda: PlainCNN(4, 3, 5, depth=1, padding_mode="zeros"),
    ),
    "mlp": ("mlp", {"depth": 3, "width": 8}, lambda: PlainMLP([784, 8, 8, 8, 5])),
    "two-layer-mlp": ("two_layer_mlp", {}, lambda: PlainMLP([784, 10, 5])),
    "three-layer-mlp": (
        "three_layer_mlp",
        {"hidden_dim_1": 50, "hidden_dim_2": 10},
        lambda: PlainMLP([784, 50, 10, 5]),
    ),
}


def plain_after_seed(case: str, seed: int) -> nn.Module:
    """Build the ordinary module as the notebook does: seed the global generator first."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CASES[case][2]()
