"""The network of Optuna's Fashion-MNIST example: linear layers with dropout between them."""

import torch
from torch import nn


class Net(nn.Module):
    """Up to three hidden layers, each with its own width."""

    def __init__(
        self,
        inputs: tuple[int, ...],
        outputs: int,
        depth: int = 2,
        width_1: int = 64,
        width_2: int = 64,
        width_3: int = 64,
        dropout: float = 0.2,
    ):
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        features = torch.Size(inputs).numel()
        for width in (width_1, width_2, width_3)[:depth]:
            layers += [nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout)]
            features = width
        self.net = nn.Sequential(*layers, nn.Linear(features, outputs))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images)
