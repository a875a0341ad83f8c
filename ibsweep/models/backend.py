"""Whether and how a model runs in the compiled kernels; all else runs as torch's operations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ibsweep.models.layers import LaneConv2d

try:  # a machine that trains on its GPU may have torch alone
    from ibsweep.models.kernels import common, convolution, network, perceptron, planes
except ImportError:  # pragma: no cover
    convolution = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from ibsweep.models.base import LaneModel
    from ibsweep.models.convnet import ConvNet
    from ibsweep.training.optimizers import LaneOptimizer

__all__ = ["available", "available_for", "infer", "train"]


def available() -> bool:
    """Whether this machine has what the kernels need."""
    return convolution is not None


def available_for(prepared: Tensor) -> bool:
    """Whether the kernels can work on a model's prepared images: float32, on the CPU."""
    return available() and prepared.device.type == "cpu" and prepared.dtype == torch.float32


def infer(model: ConvNet, images: Tensor) -> Tensor:
    """Map padded images ``[L, N, 1, H, W]`` to logits ``[L, N, classes]``, without a gradient."""
    net = _network(model, images)
    logits = images.new_empty(*images.shape[:2], model.num_classes)
    flat, out = images.flatten(2).contiguous().numpy(), logits.numpy()
    scratches = [network.Scratch.of(net) for _ in range(_threads(model.lanes))]
    _over_lanes(
        model.lanes,
        scratches,
        lambda scratch, a, b: convolution.infer(net, scratch, a, b, flat, out),
    )
    return logits


@torch.no_grad()
def train(
    model: LaneModel,
    prepared: Tensor,
    labels: Tensor,
    orders: Tensor,
    batch_size: int,
    optimizer: LaneOptimizer,
) -> Tensor:
    """Train E epochs; parameters and the optimiser's state change in place.

    Args:
        model: The model.
        prepared: Its prepared images: padded ones, ``[L, N, 1, H, W]``, take convolutions along;
            flat ones or features, ``[L, N, D]``, only linear layers.
        labels: ``[L, N]``.
        orders: Positions of the images for each epoch and lane, ``[E, L, N]``.
        batch_size: Images of a mini-batch.
        optimizer: Holds the parameters that are trained, in the model's order.

    Returns:
        The logits before each update, ``[E, L, N, classes]``, in the order trained.
    """
    slots = list(optimizer.state.values())
    flat = [_flattened(tensors) for tensors in slots]
    per_lane = (t.numpy() for t in (optimizer.lr, optimizer.momentum, optimizer.weight_decay))
    state = (flat[0].numpy(), flat[-1].numpy())
    update = (common.UPDATES[optimizer.name], optimizer.steps, *per_lane, *state)
    logits = prepared.new_empty(*orders.shape, model.num_classes)
    pixels, truth, positions = (
        t.contiguous().numpy() for t in (prepared.flatten(2), labels, orders)
    )
    data, out = (pixels, truth, positions, batch_size, update), logits.numpy()
    threads = _threads(model.lanes)
    if prepared.dim() == 5:
        net = _network(model, prepared)  # type: ignore[arg-type]
        values = net.values
        scratches = [network.Scratch.of(net) for _ in range(threads)]
        _over_lanes(
            model.lanes,
            scratches,
            lambda scratch, a, b: convolution.train(net, scratch, a, b, *data, out),
        )
    else:
        values = _flattened(optimizer.parameters).numpy()
        layers, first = [], 0
        for weight in optimizer.parameters[::2]:
            layers.append((weight.shape[2], weight.shape[1], first))
            first += weight[0].numel() + weight.shape[1]
        shape = np.array(layers, np.int64)
        _over_lanes(
            model.lanes,
            [None] * threads,
            lambda _, a, b: perceptron.train(shape, values, a, b, *data, out),
        )
    for tensors, trained in zip(
        [optimizer.parameters, *slots], [torch.from_numpy(values), *flat], strict=True
    ):
        parts = torch.split(trained, [t[0].numel() for t in tensors], 1)
        torch._foreach_copy_(
            list(tensors), [p.view_as(t) for p, t in zip(parts, tensors, strict=True)]
        )
    optimizer.steps += orders.shape[0] * -(-orders.shape[2] // batch_size)
    return logits


def _flattened(tensors: Iterable[Tensor]) -> Tensor:
    """Copy tensors ``[L, ...]`` into one ``[L, P]``."""
    return torch.cat([t.detach().flatten(1) for t in tensors], 1)


def _network(model: ConvNet, images: Tensor) -> Any:
    """Describe a model to the kernels, with a copy of its parameters."""
    height, width = images.shape[3:]
    stages, first, size = [], 0, 0
    for i, name in enumerate(model.convs, start=1):
        layer = model.get_submodule(name)
        assert isinstance(layer, LaneConv2d)
        _, filters, channels, size, _ = layer.weight.shape
        rows, columns = height - size + 1, width - size + 1
        pooling = model.pooling if i == model.pool_after else None
        if pooling:
            rows, columns = rows // 2, columns // 2
        kind = planes.POOLINGS[pooling]
        stages.append(network.Stage(channels, filters, height, width, rows, columns, kind, first))
        first += filters * (channels * size**2 + 1)
        height, width = rows + 2 * model.padding, columns + 2 * model.padding
    return network.describe(
        stages,
        _flattened(model.parameters()).numpy(),
        size=size,
        padding=model.padding,
        reflect=model.padding_mode == "reflect",
        classes=model.num_classes,
    )


def _threads(lanes: int) -> int:
    return min(torch.get_num_threads(), lanes)


def _over_lanes(
    lanes: int, scratches: Sequence[Any], work: Callable[[Any, int, int], None]
) -> None:
    """Call ``work(scratch, first, last)`` for all lanes, with a thread for every scratch."""
    threads = len(scratches)
    if threads == 1:
        work(scratches[0], 0, lanes)
        return
    bounds = [lanes * i // threads for i in range(threads + 1)]
    list(_pool(threads).map(work, scratches, bounds[:-1], bounds[1:]))


@functools.lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="lanes")
