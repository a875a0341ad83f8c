"""The network of Ray Tune's MNIST example: the same file serves before and after."""

import torch
import torch.nn.functional as F
from torch import nn


class ConvNet(nn.Module):
    """One convolution of three filters, max pooling and a linear classifier."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, kernel_size=3)
        self.fc = nn.Linear(192, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = F.relu(F.max_pool2d(self.conv1(images), 3))
        return self.fc(hidden.view(-1, 192))
