"""A small network for tables, with options of every kind that a question file may tune."""

import itertools
from typing import Literal

import torch
from torch import nn


class TabularNet(nn.Module):
    """Linear layers of one width, with layer normalisation."""

    def __init__(
        self,
        inputs: tuple[int, ...],
        outputs: int,
        width: int = 32,
        layers: int = 2,
        activation: Literal["relu", "tanh"] = "relu",
    ):
        super().__init__()
        (columns,) = inputs
        sizes = [columns] + [width] * layers
        blocks = []
        for before, after in itertools.pairwise(sizes):
            blocks += [nn.Linear(before, after), nn.LayerNorm(after)]
            blocks += [nn.ReLU() if activation == "relu" else nn.Tanh()]
        self.net = nn.Sequential(*blocks, nn.Linear(width, outputs))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.net(rows)
