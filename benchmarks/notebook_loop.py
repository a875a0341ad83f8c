"""The notebook's way of training: ordinary modules, images turned to tensors one by one.

A loader calls the data set for every sample, which wraps an array into a PIL image and turns it
into a tensor; every step moves its loss and its hits to Python; an evaluation ends every epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ibsweep.models import MODELS

__all__ = ["Loop", "make_module"]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images ``uint8 [N, H, W]`` and labels, a PIL image and a tensor at a time."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index], mode=None)
        # what torchvision's ToTensor does to a grey PIL image, step by step
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        pixels = pixels.view(picture.size[1], picture.size[0], 1).permute(2, 0, 1).contiguous()
        return pixels.to(torch.get_default_dtype()).div(255), int(self.labels[index])


class PlainCNN(nn.Module):
    """Two or four convolutions with ReLU, a pooling half-way, and a linear classifier."""

    def __init__(
        self, depth: int, filters: int, kernel_size: int, pooling: str, num_classes: int
    ) -> None:
        super().__init__()
        padding = (kernel_size - 1) // 2
        self.convolutions = nn.ModuleList(
            nn.Conv2d(
                filters if i else 1, filters, kernel_size, padding=padding, padding_mode="reflect"
            )
            for i in range(depth)
        )
        self.pool = nn.MaxPool2d(2, 2) if pooling == "max" else nn.AvgPool2d(2, 2)
        self.classifier = nn.Linear(filters, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for i, convolution in enumerate(self.convolutions, start=1):
            x = F.relu(convolution(x))
            if i == len(self.convolutions) // 2:
                x = self.pool(x)
        features = F.adaptive_avg_pool2d(x, (1, 1)).flatten(1)
        logits: Tensor = self.classifier(features)
        return logits


def make_module(model: str, options: Mapping[str, Any], num_classes: int) -> nn.Module:
    """Return the ordinary module of one of ibsweep's models.

    Args:
        model: ``simple_cnn``, ``wider_cnn``, ``deeper_cnn`` or ``three_layer_mlp``.
        options: Its options.
        num_classes: Number of classes.
    """
    if MODELS[model].family == "mlp":
        first, second = options["hidden_dim_1"], options["hidden_dim_2"]
        return nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(28 * 28, first), nn.ReLU()),
            *(nn.Linear(first, second), nn.ReLU()),
            nn.Linear(second, num_classes),
        )
    depth = options.get("num_layers", 2)
    size, pooling = options["kernel_size"], options.get("pooling", "max")
    return PlainCNN(depth, options["num_filters"], size, pooling, num_classes)


class Loop:
    """A module, its optimiser and its loaders.

    Args:
        module: What to train.
        train: Images and labels.
        valid: Images and labels.
        lr: Learning rate of SGD, momentum 0.9.
        batch_size: Images of a mini-batch.
        valid_batch_size: Images of a batch of the evaluation.
    """

    def __init__(
        self,
        module: nn.Module,
        train: tuple[NDArray[np.uint8], NDArray[np.int64]],
        valid: tuple[NDArray[np.uint8], NDArray[np.int64]],
        lr: float,
        batch_size: int,
        valid_batch_size: int,
    ) -> None:
        self.module = module
        self.optimizer = torch.optim.SGD(module.parameters(), lr=lr, momentum=0.9)
        self.criterion = nn.CrossEntropyLoss()
        self.train_loader = DataLoader(Pictures(*train), batch_size=batch_size, shuffle=True)
        self.valid_loader = DataLoader(Pictures(*valid), batch_size=valid_batch_size)

    def train_epoch(self) -> float:
        """Train an epoch; return the training accuracy in percent, before each update."""
        self.module.train()
        hits = 0
        for images, labels in self.train_loader:
            self.optimizer.zero_grad()
            logits = self.module(images)
            loss = self.criterion(logits, labels)
            loss.backward()
            self.optimizer.step()
            loss.item()
            predicted = logits.argmax(dim=1, keepdim=True)
            hits += int(predicted.eq(labels.view_as(predicted)).sum().item())
        return 100 * hits / len(self.train_loader.dataset)  # type: ignore[arg-type]

    def evaluate(self) -> float:
        """Return the validation accuracy in percent, with a confusion matrix filled on the way."""
        self.module.eval()
        predictions, truth = [], []
        with torch.no_grad():
            for images, labels in self.valid_loader:
                logits = self.module(images)
                self.criterion(logits, labels).item()
                predictions.append(logits.argmax(dim=1))
                truth.append(labels)
        predicted, expected = torch.cat(predictions), torch.cat(truth)
        classes = int(max(predicted.max(), expected.max())) + 1
        confusion = torch.zeros(classes, classes)
        for one, other in zip(expected, predicted, strict=True):
            confusion[one.long(), other.long()] += 1
        return 100 * (predicted == expected).double().mean().item()
