"""Whether and how a model runs in the compiled kernels; all else runs as torch's operations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ibsweep.models.ops import LaneConv2d

try:  # a machine that trains on its GPU may have torch alone
    from ibsweep.models import kernels
except ImportError:  # pragma: no cover
    kernels = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from ibsweep.models.nets import ConvNet
    from ibsweep.training.optimizers import LaneOptimizer

__all__ = ["fits", "infer", "train_epoch"]


def fits(images: Tensor) -> bool:
    """Whether the kernels can work on padded images ``[L, N, 1, H, W]``."""
    here = images.device.type == "cpu" and images.dtype == torch.float32
    return kernels is not None and here and images.dim() == 5


def infer(model: ConvNet, images: Tensor) -> Tensor:
    """Map padded images ``[L, N, 1, H, W]`` to logits ``[L, N, classes]``, without a gradient."""
    net = _network(model, images)
    logits = images.new_empty(*images.shape[:2], model.num_classes)
    flat, out = images.flatten(2).contiguous().numpy(), logits.numpy()
    _over_lanes(net, lambda scratch, a, b: kernels.infer(net, scratch, a, b, flat, out))
    return logits


@torch.no_grad()
def train_epoch(
    model: ConvNet,
    images: Tensor,
    labels: Tensor,
    order: Tensor,
    batch_size: int,
    optimizer: LaneOptimizer,
) -> Tensor:
    """Train an epoch; parameters and the optimiser's state change in place.

    Args:
        model: The model, all of it to be trained.
        images: Padded, ``[L, N, 1, H, W]``.
        labels: ``[L, N]``.
        order: Positions of the images for each lane, ``[L, N]``.
        batch_size: Images of a mini-batch.
        optimizer: Holds the model's parameters in their order.

    Returns:
        The logits before each update, ``[L, N, classes]``, in the order trained.
    """
    net = _network(model, images)
    slots = list(optimizer.state.values())
    flat = [_flattened(tensors) for tensors in slots]
    per_lane = (t.numpy() for t in (optimizer.lr, optimizer.momentum, optimizer.weight_decay))
    state = (flat[0].numpy(), flat[-1].numpy())
    update = (kernels.UPDATES[optimizer.name], optimizer.steps, *per_lane, *state)
    logits = images.new_empty(*order.shape, model.num_classes)
    pixels, truth, positions = (t.contiguous().numpy() for t in (images.flatten(2), labels, order))
    out = logits.numpy()
    _over_lanes(
        net,
        lambda scratch, a, b: kernels.train_epoch(
            net, scratch, a, b, pixels, truth, positions, batch_size, update, out
        ),
    )
    for tensors, values in zip(
        [optimizer.parameters, *slots], [torch.from_numpy(net.values), *flat], strict=True
    ):
        parts = torch.split(values, [t[0].numel() for t in tensors], 1)
        torch._foreach_copy_(
            list(tensors), [p.view_as(t) for p, t in zip(parts, tensors, strict=True)]
        )
    optimizer.steps += -(-order.shape[1] // batch_size)
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
        kind = kernels.POOLINGS[pooling]
        stages.append(kernels.Stage(channels, filters, height, width, rows, columns, kind, first))
        first += filters * (channels * size**2 + 1)
        height, width = rows + 2 * model.padding, columns + 2 * model.padding
    return kernels.describe(
        stages,
        _flattened(model.parameters()).numpy(),
        size=size,
        padding=model.padding,
        reflect=model.padding_mode == "reflect",
        classes=model.num_classes,
    )


def _over_lanes(net: Any, work: Callable[[Any, int, int], None]) -> None:
    """Call ``work(scratch, first, last)`` for all lanes, in as many threads as torch uses."""
    lanes = net.values.shape[0]
    threads = min(torch.get_num_threads(), lanes)
    if threads == 1:
        work(kernels.Scratch.of(net), 0, lanes)
        return
    bounds = [lanes * i // threads for i in range(threads + 1)]
    scratches = [kernels.Scratch.of(net) for _ in range(threads)]
    list(_pool(threads).map(work, scratches, bounds[:-1], bounds[1:]))


@functools.lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="lanes")
