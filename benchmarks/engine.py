"""The training engine: against the notebook's loop, and its cost a lane; torch is enough.

Notation:
    model-epoch: one model trained for one epoch; a trial of four replicates trains four at once
"""

from __future__ import annotations

import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.notebook_loop import Loop, make_module
from ibsweep.data import EdgeDataset, document_of_task, replicate_data, to_float
from ibsweep.models import build, catalogue
from ibsweep.training import LaneData, Trainer, TrainingSettings

__all__ = ["against_the_notebook", "best_of_turns", "cost_of_lanes", "matrix_product_rate"]

_THREE = ["horizontal", "vertical", "none"]
_FIVE = ["horizontal", "vertical", "diagonal", "both", "none"]
_MLP = {"hidden_dim_1": 50, "hidden_dim_2": 10}
_SIMPLE = {"kernel_size": 7, "num_filters": 3, "pooling": "max"}
_LANES = 4
_EPOCHS = 8
"""Of a call of ours; a trial trains all epochs up to the next rung in one."""
_VALIDATIONS = 4
"""A trial is validated at three rungs and at its end, the notebook after every epoch."""


@dataclass(frozen=True)
class Setting:
    """A notebook's setting of an arm, at the number of images that sweeps use."""

    question: str
    arm: str
    model: str
    options: Mapping[str, Any]
    classes: list[str]
    lr: float
    epochs: int
    batch_size: int
    images: int = 30
    valid_batch_size: int = 256
    evaluates: bool = True
    task: Mapping[str, Any] | None = None

    def draw(self, seed: int) -> Any:
        """Return a replicate's data."""
        options = {"class_type": self.classes, "num_classes": len(self.classes)}
        options |= {"train_images": [self.images], **(self.task or {})}
        return replicate_data(EdgeDataset.from_dict(document_of_task(options)), seed, self.images)


def settings() -> list[Setting]:
    """Return the notebook's settings, arm by arm."""
    shift = {"possible_edge_location_ratio": 0.5}
    found = []
    for question, epochs, batch, images, evaluates, task in (
        ("q1", 500, 32, 10, False, None),
        ("q2", 500, 32, 30, False, None),
        ("q3", 1000, 32, 30, True, None),
        ("q4", 300, 10, 30, True, shift),
        ("q5", 300, 10, 30, True, {"use_permutation": True}),
    ):
        valid = 256 if batch == 32 else 10
        for arm, model, options in (
            ("cnn", "simple_cnn", _SIMPLE),
            ("mlp", "three_layer_mlp", _MLP),
        ):
            name = f"{question}_{arm}"
            common = (name, model, options, _THREE, 1e-2, epochs, batch)
            found.append(Setting(question, *common, images, valid, evaluates, task))
    average = _SIMPLE | {"pooling": "average"}
    wider = {"kernel_size": 3, "num_filters": 6, "pooling": "max"}
    deeper = {"kernel_size": 3, "num_filters": 3, "num_layers": 4, "pooling": "max"}
    for arm, model, options, lr, epochs in (
        ("q6_maxpool", "simple_cnn", _SIMPLE, 1e-2, 200),
        ("q6_avgpool", "simple_cnn", average, 1e-2, 200),
        ("q6_mlp", "three_layer_mlp", _MLP, 1e-2, 200),
        ("q7_wider", "wider_cnn", wider, 2e-3, 600),
        ("q7_deeper", "deeper_cnn", deeper, 1e-3, 800),
    ):
        common = (arm, model, options, _FIVE, lr, epochs, 10)
        found.append(Setting(arm[:2], *common, valid_batch_size=10))
    return found


def against_the_notebook(seconds: float) -> Iterator[dict[str, Any]]:
    """Yield for each arm the model-epochs per second of one core, the notebook's loop and ours.

    Args:
        seconds: To spend on each measurement; the two take turns, three times each.
    """
    torch.set_num_threads(1)
    for setting in settings():
        data = [setting.draw(seed) for seed in range(_LANES)]
        loop = Loop(
            make_module(setting.model, setting.options, len(setting.classes)),
            (data[0].train.images, data[0].train.labels),
            (data[0].valid.images, data[0].valid.labels),
            setting.lr,
            setting.batch_size,
            setting.valid_batch_size,
        )
        trainer = _trainer(setting, data)
        valid = _lanes([one.valid for one in data])
        tasks: list[Callable[[], Any]] = [
            loop.train_epoch,
            loop.evaluate,
            functools.partial(_epochs, trainer),
            functools.partial(trainer.evaluate, valid),
        ]
        epoch, evaluation, our_epoch, our_evaluation = best_of_turns(tasks, seconds)
        notebook = epoch + evaluation * setting.evaluates
        our_epoch /= _EPOCHS
        ours = (our_epoch + our_evaluation * _VALIDATIONS / setting.epochs) / _LANES
        yield {
            "question": setting.question,
            "arm": setting.arm,
            "notebook": 1 / notebook,
            "ibsweep": 1 / ours,
            "ratio": notebook / ours,
            "ratio_without_evaluation": epoch / (our_epoch / _LANES),
        }


def geometric_mean(rows: list[dict[str, Any]]) -> float:
    """Return the geometric mean over questions of their arms' geometric mean ratio."""
    groups = itertools.groupby(rows, key=lambda row: row["question"])
    return statistics.geometric_mean(
        statistics.geometric_mean(row["ratio"] for row in group) for _, group in groups
    )


MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "simple_cnn k=3": ("simple_cnn", {"kernel_size": 3}),
    "simple_cnn k=7": ("simple_cnn", {"kernel_size": 7}),
    "wider_cnn k=3, 6 filters": ("wider_cnn", {"kernel_size": 3, "num_filters": 6}),
    "wider_cnn k=7, 12 filters": ("wider_cnn", {"kernel_size": 7, "num_filters": 12}),
    "deeper_cnn k=3": ("deeper_cnn", {"kernel_size": 3}),
    "three_layer_cnn k=3, 7 filters": (
        "three_layer_cnn",
        {"kernel_size": 3, "num_filters": 7},
    ),
    "two_layer_mlp": ("two_layer_mlp", {}),
    "three_layer_mlp": ("three_layer_mlp", {}),
}


def cost_of_lanes(
    seconds: float, lanes: tuple[int, ...] = (1, 2, 4, 8, 16, 32), device: str = "cpu"
) -> Iterator[dict[str, Any]]:
    """Yield for each model and number of lanes the milliseconds a step takes for one lane.

    A step is a batch of ten images, forward, backward and SGD's update. ``torch_ms`` is the same
    in torch's operations, ``share_of_roof`` how near it comes to the machine's matrix products.

    Args:
        seconds: To spend on each measurement.
        lanes: Numbers of lanes.
        device: ``"cpu"`` or a CUDA device.
    """
    torch.set_num_threads(1)
    rate = matrix_product_rate(device)
    batch, count = 10, 60
    for label, (name, options) in MODELS.items():
        for number in lanes:
            generator = torch.Generator().manual_seed(0)
            images = torch.rand(number, count, 1, 28, 28, generator=generator).to(device)
            labels = torch.randint(0, 3, (number, count), generator=generator).to(device)
            trainers = []
            for use_kernels in (True, False):
                model = build(name, list(range(number)), num_classes=3, **options).to(device)
                model.use_kernels = use_kernels
                config = TrainingSettings(lr=0.01, batch_size=batch)
                trainers.append(
                    Trainer(model, config, LaneData(images, labels), list(range(number)))
                )
            # as in a trial, the kernels are called for many epochs at once
            calls = functools.partial(_epochs, trainers[0]), trainers[1].run_epoch
            fast, plain = best_of_turns([*calls], seconds)
            fast /= _EPOCHS
            steps = number * count / batch
            flops = 2 * batch * macs(name, trainers[0].model)
            yield {
                "model": label,
                "lanes": number,
                "ms": 1e3 * fast / steps,
                "torch_ms": 1e3 * plain / steps,
                "share_of_roof": flops / rate / (fast / steps),
            }


def macs(name: str, model: Any) -> int:
    """Return the multiplications of one image's forward and backward pass through a lane.

    Each layer counts thrice: its output, the gradient of its weights and that of its input; the
    first layer has no use for the last one.
    """
    total, first = 0, True
    if catalogue.MODELS[name].family == "mlp":
        sizes = [layer.weight[0].numel() for layer in model.children()]
        return sum(size * (2 if i == 0 else 3) for i, size in enumerate(sizes))
    features = model.features(torch.zeros(model.lanes, 1, 1, 28, 28, device=_device(model)))
    for layer_name in model.convs:
        weight = model.get_submodule(layer_name).weight
        pixels = math.prod(features[layer_name].shape[3:])
        total += pixels * weight[0].numel() * (2 if first else 3)
        first = False
    return total


def matrix_product_rate(device: str = "cpu") -> float:
    """Return the floating-point operations per second of a large float32 matrix product."""
    size = 1024 if device == "cpu" else 8192
    matrix = torch.rand(size, size, device=device)
    (best,) = best_of_turns([lambda: matrix @ matrix], 0.5)
    return 2 * size**3 / best


def _device(model: Any) -> torch.device:
    return next(iter(model.parameters())).device  # type: ignore[no-any-return]


def _trainer(setting: Setting, data: list[Any]) -> Trainer:
    model = build(
        setting.model, list(range(_LANES)), num_classes=len(setting.classes), **setting.options
    )
    config = TrainingSettings(lr=setting.lr, batch_size=setting.batch_size)
    return Trainer(model, config, _lanes([one.train for one in data]), list(range(_LANES)))


def _epochs(trainer: Trainer) -> None:
    trainer.run_to(trainer.epoch + _EPOCHS)


def _lanes(sets: list[Any]) -> LaneData:
    images: Tensor = torch.stack([to_float(one.images) for one in sets])
    return LaneData(images, torch.stack([torch.from_numpy(one.labels) for one in sets]))


def best_of_turns(tasks: list[Callable[[], Any]], seconds: float) -> list[float]:
    """Return each task's seconds a call, the best of three turns that the tasks take."""
    best = [math.inf] * len(tasks)
    for turn in range(4):
        for i, task in enumerate(tasks):
            calls, started = 0, time.perf_counter()
            while True:
                task()
                calls += 1
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                spent = time.perf_counter() - started
                if spent > seconds / 3 or turn == 0:  # the first turn warms up
                    break
            if turn:
                best[i] = min(best[i], spent / calls)
    return best
