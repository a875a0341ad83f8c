"""A module of one's own: as lanes in ibsweep's loop, and in a loop written by hand for it alone.

The loop by hand is a strong one: tensors in memory, no loader, no evaluation, torch.optim as it
comes. What remains is what lanes gain or cost. torch is enough to run it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.engine import best_of_turns
from ibsweep.models.module_lanes import ModuleLanes
from ibsweep.models.probe import probe
from ibsweep.training import LaneData, Trainer, TrainingSettings

__all__ = ["MODULES", "ByHand", "Own", "against_by_hand", "make_trainer"]

_CLASSES = 3
_BATCH = 32
_MOMENTUM = 0.9


def perceptron() -> nn.Module:
    """Make a perceptron for a small table."""
    return nn.Sequential(
        *(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, _CLASSES))
    )


def regularised() -> nn.Module:
    """Make the same with BatchNorm and dropout."""
    return nn.Sequential(
        *(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2)),
        *(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, _CLASSES)),
    )


def convolutions(first: int) -> nn.Module:
    """Make two convolutions, the first one of some filters and the second one of 16."""
    return nn.Sequential(
        *(nn.Conv2d(1, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(first, 16, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, _CLASSES)),
    )


@dataclass(frozen=True)
class Own:
    """A module that somebody else wrote, and how it is trained.

    Attributes:
        name: In words.
        make: Makes it.
        shape: Shape of one example.
        optimizer: ``"sgd"`` or ``"adam"``.
    """

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    optimizer: str = "sgd"


MODULES: Sequence[Own] = (
    Own("MLP 16-32-32-3", perceptron, (16,)),
    Own("MLP 16-32-32-3, Adam", perceptron, (16,), "adam"),
    Own("MLP with BatchNorm and dropout", regularised, (16,)),
    Own("CNN, 8x8", functools.partial(convolutions, 16), (1, 8, 8)),
    Own("CNN, 28x28", functools.partial(convolutions, 8), (1, 28, 28)),
)


class ByHand:
    """A loop around one module, as one writes it who wants it fast.

    Args:
        own: What to train.
        inputs: Examples ``[N, *shape]``, on the device to train on.
        targets: Their classes ``[N]``.
        lr: Learning rate.
    """

    def __init__(self, own: Own, inputs: Tensor, targets: Tensor, lr: float = 0.01) -> None:
        self.module = own.make().to(inputs.device)
        self.inputs, self.targets = inputs, targets
        makers: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
            "sgd": functools.partial(torch.optim.SGD, momentum=_MOMENTUM),
            "adam": torch.optim.Adam,
        }
        self.optimizer = makers[own.optimizer](self.module.parameters(), lr=lr)

    def train_epoch(self) -> None:
        """Train an epoch."""
        self.module.train()
        order = torch.randperm(len(self.targets)).to(self.targets.device)
        inputs, targets = self.inputs[order], self.targets[order]
        for start in range(0, len(order), _BATCH):
            self.optimizer.zero_grad(set_to_none=True)
            outputs = self.module(inputs[start : start + _BATCH])
            F.cross_entropy(outputs, targets[start : start + _BATCH]).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()


def against_by_hand(
    seconds: float, lanes: Sequence[int] | None = None, device: str = "cpu", steps: int = 20
) -> Iterator[dict[str, Any]]:
    """Yield for each module and number of lanes the milliseconds a step takes for one lane.

    Both ways train on a batch of 32, forward, backward and update, on one thread of a CPU.

    Args:
        seconds: To spend on each measurement; all take turns, three times each.
        lanes: Numbers of lanes; by default up to 16, and up to 256 on a GPU.
        device: ``"cpu"`` or a CUDA device.
        steps: Steps of an epoch.
    """
    torch.set_num_threads(1)
    lanes = lanes or ((1, 4, 16) if device == "cpu" else (1, 4, 16, 64, 256))
    size = (max(lanes), steps * _BATCH)
    for own in MODULES:
        generator = torch.Generator().manual_seed(0)
        inputs = torch.rand(*size, *own.shape, generator=generator).to(device)
        targets = torch.randint(0, _CLASSES, size, generator=generator).to(device)
        tasks = [ByHand(own, inputs[0], targets[0]).train_epoch]
        for number in lanes:
            data = LaneData(inputs[:number], targets[:number])
            tasks.append(make_trainer(own, data).run_epoch)
        by_hand, *ours = best_of_turns(tasks, seconds)
        for number, found in zip(lanes, ours, strict=True):
            yield {
                "module": own.name,
                "lanes": number,
                "ms": 1e3 * found / steps / number,
                "by_hand_ms": 1e3 * by_hand / steps,
                "ratio": by_hand * number / found,
            }


def make_trainer(own: Own, data: LaneData) -> Trainer:
    """Return what trains a module on data, a lane for each of its lanes."""
    found, seeds = probe(own.make, own.shape, _CLASSES), list(range(data.lanes))
    model = ModuleLanes(
        own.make,
        seeds,
        outputs=_CLASSES,
        fused=found.fused,
        noisy=found.noisy,
        frozen=found.unused,
        least_batch=found.least_batch,
    )
    settings = TrainingSettings(0.01, _BATCH, own.optimizer, momentum=_MOMENTUM)
    return Trainer(model.to(data.targets.device), settings, data, seeds)
