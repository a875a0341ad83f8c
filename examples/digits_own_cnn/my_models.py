"""A convolutional network for 8x8 digits: an ordinary PyTorch module, with no word of ibsweep."""

import torch
from torch import nn


class DigitNet(nn.Module):
    """Two convolutions with batch normalisation, and dropout before the classifier.

    The arguments with an annotation are what a question file may fix or tune. ``inputs`` is the
    shape of one example, ``outputs`` the number of classes; ibsweep gives both.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        outputs: int,
        width: int = 16,
        kernel_size: int = 3,
        dropout: float = 0.2,
    ):
        super().__init__()
        channels, height, breadth = inputs
        same = kernel_size // 2
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size, padding=same),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, kernel_size, padding=same),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(2 * width * (height // 2) * (breadth // 2), outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.features(images).flatten(1)
        return self.classifier(self.dropout(hidden))
