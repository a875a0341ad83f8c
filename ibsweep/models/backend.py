"""The front end of the compiled kernels: plain sizes, tensors and numbers in, logits out.

Where the kernels cannot be had, all runs in torch's operations. That is so where Numba is not
installed, on a GPU, and where Numba fails: the kernels use its internals. ``fault`` and a line on
stderr then say why training is slower.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ibsweep.terminal import say

__all__ = [
    "ConvNetSizes",
    "KernelsUnavailableError",
    "OptimizerState",
    "available",
    "available_for",
    "cache_note",
    "fault",
    "infer_convnet",
    "train_convnet",
    "train_perceptron",
]

_error: Exception | None = None
"""Why there are no kernels in this process."""

try:
    from numba.core.errors import NumbaError

    from ibsweep.models.kernels import cache, common, convolution, network, perceptron, training
except MemoryError:
    raise
except Exception as error:  # noqa: BLE001  Numba's internals may fail in any way
    _error = error


class KernelsUnavailableError(Exception):
    """Numba failed in the middle of a call; nothing has changed, and torch is to do the work."""


class ConvNetSizes(NamedTuple):
    """A convolutional network, all but its parameters and the size of its images.

    Attributes:
        filters: Output channels of each convolution.
        kernel_size: Side of the square kernels, in pixels.
        padding: Pixels of padding on each side of every convolution's input.
        reflect: Whether padding mirrors the image; zeros otherwise.
        pooling: ``"max"``, ``"average"`` or None.
        pool_after: Number of the convolution after which is pooled, from 1.
        classes: Number of classes, or of outputs.
    """

    filters: tuple[int, ...]
    kernel_size: int
    padding: int
    reflect: bool
    pooling: str | None
    pool_after: int
    classes: int


class OptimizerState(NamedTuple):
    """An optimiser as plain values.

    Attributes:
        name: ``"sgd"``, ``"adam"`` or ``"adamw"``.
        steps: Steps taken so far.
        lr: Learning rate of each lane, ``[L]``.
        momentum: Momentum of SGD, beta1 of Adam, ``[L]``.
        weight_decay: Weight decay of each lane, ``[L]``.
        state: State tensors, parameter by parameter, each ``[L, ...]``: SGD's buffers, or Adam's
            first and then its second moments. They change in place.
    """

    name: str
    steps: int
    lr: Tensor
    momentum: Tensor
    weight_decay: Tensor
    state: Sequence[Sequence[Tensor]]


def available() -> bool:
    """Whether this process has the kernels."""
    return _error is None


def available_for(tensor: Tensor) -> bool:
    """Whether the kernels can work on a tensor: float32, on the CPU."""
    if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
        return False
    if line := fault():
        _say_once(line)
    return available()


def cache_note() -> str | None:
    """Return a line on what a cache of the kernels elsewhere than usual means.

    None where it is as usual, and where there are no kernels.
    """
    return None if _error is not None else cache.cache_note(common.CACHE)


def fault() -> str | None:
    """Return the line that says how Numba failed; None where it did not or is not installed."""
    absent = isinstance(_error, ModuleNotFoundError) and _error.name in ("numba", "llvmlite")
    if _error is None or absent:
        return None
    text = " ".join(f"{type(_error).__name__}: {_error}".split())
    return (
        "Numba cannot compile the kernels, training runs in torch's slower operations "
        f"({text[:200]})"
    )


@functools.cache
def _say_once(line: str) -> None:
    say(f"ibsweep: {line}")


@contextmanager
def _kernels() -> Iterator[None]:
    """Run kernels, and give them up for this process where Numba fails.

    Whatever else goes wrong is raised as it is: where memory is short the trial may go well
    elsewhere, and a bug of ours is not to pass for Numba's.

    Raises:
        KernelsUnavailableError: If Numba fails.
    """
    global _error
    try:
        yield
    except Exception as error:
        if not _is_numbas(error):
            raise
        _error = error
        if line := fault():
            _say_once(line)
        raise KernelsUnavailableError from error


def _is_numbas(error: Exception) -> bool:
    """Whether an error is Numba's own: kernels that run leave none of its frames behind, only
    compiling and loading them do.
    """
    if isinstance(error, MemoryError):
        return False
    if isinstance(error, NumbaError | ImportError):
        return True
    modules = (
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    return any(name.partition(".")[0] in ("numba", "llvmlite") for name in modules)


def infer_convnet(sizes: ConvNetSizes, parameters: Iterable[Tensor], images: Tensor) -> Tensor:
    """Map padded images to logits, without a gradient.

    Args:
        sizes: The network.
        parameters: Its parameters, weight before bias, layer by layer, each ``[L, ...]``.
        images: Padded, ``[L, N, C, H, W]``.

    Returns:
        ``[L, N, classes]``.

    Raises:
        KernelsUnavailableError: If Numba fails.
    """
    logits = images.new_empty(*images.shape[:2], sizes.classes)
    flat, out = images.flatten(2).contiguous().numpy(), logits.numpy()
    values = _flattened(parameters).numpy()
    with _kernels():
        net = _network(sizes, values, images)
        _over_lanes(
            lambda scratch, a, b: convolution.infer(net, scratch, a, b, flat, out),
            lambda: network.Scratch.of(net),
            lanes=len(images),
        )
    return logits


def train_convnet(
    sizes: ConvNetSizes,
    parameters: Sequence[Tensor],
    images: Tensor,
    labels: Tensor,
    orders: Tensor,
    batch_size: int,
    optimizer: OptimizerState,
) -> Tensor:
    """Train a convolutional network for E epochs.

    Args:
        sizes: The network.
        parameters: Its parameters, weight before bias, layer by layer, each ``[L, ...]``. They
            change in place, as the optimiser's state does.
        images: Padded, ``[L, N, C, H, W]``.
        labels: ``[L, N]``.
        orders: Positions of the images for each epoch and lane, ``[E, L, N]``.
        batch_size: Images of a mini-batch.
        optimizer: The optimiser.

    Returns:
        The logits before each update, ``[E, L, N, classes]``, in the order trained.

    Raises:
        KernelsUnavailableError: If Numba fails; then nothing has changed.
    """
    return _train(
        lambda values: _network(sizes, values, images),
        lambda net: network.Scratch.of(net),
        *(parameters, images, labels, orders, batch_size, optimizer, sizes.classes),
    )


def train_perceptron(
    parameters: Sequence[Tensor],
    inputs: Tensor,
    labels: Tensor,
    orders: Tensor,
    batch_size: int,
    optimizer: OptimizerState,
) -> Tensor:
    """Train linear layers with ReLU between them for E epochs, as ``train_convnet`` does.

    Args:
        parameters: Weight ``[L, O, D]`` and bias ``[L, O]`` of every layer.
        inputs: ``[L, N, D]``.
        labels: As there.
        orders: As there.
        batch_size: As there.
        optimizer: As there.
    """
    sizes = [(weight.shape[2], weight.shape[1]) for weight in parameters[::2]]
    most = min(batch_size, orders.shape[2])
    return _train(
        lambda values: perceptron.describe(values, sizes),
        lambda net: perceptron.PerceptronScratch.of(net, most),
        *(parameters, inputs, labels, orders, batch_size, optimizer, sizes[-1][1]),
    )


@torch.no_grad()
def _train(
    describe: Callable[[Any], Any],
    allocate: Callable[[Any], Any],
    parameters: Sequence[Tensor],
    images: Tensor,
    labels: Tensor,
    orders: Tensor,
    batch_size: int,
    optimizer: OptimizerState,
    classes: int,
) -> Tensor:
    """Train the network that ``describe`` makes of its parameters ``[L, P]``."""
    flat = [_flattened(tensors) for tensors in (parameters, *optimizer.state)]
    arrays = [tensor.numpy() for tensor in flat]
    logits = images.new_empty(*orders.shape, classes)
    out = logits.numpy()
    data = training.Data(
        images=images.flatten(2).contiguous().numpy(),
        labels=labels.contiguous().numpy(),
        order=orders.contiguous().numpy(),
        batch_size=batch_size,
    )
    update = training.Update(
        rule=training.RULES[optimizer.name],
        steps=optimizer.steps,
        lr=optimizer.lr.numpy(),
        momentum=optimizer.momentum.numpy(),
        decay=optimizer.weight_decay.numpy(),
        means=arrays[1],
        squares=arrays[-1],
    )
    with _kernels():
        net = describe(arrays[0])
        _over_lanes(
            lambda scratch, a, b: training.train(net, scratch, a, b, data, update, out),
            lambda: allocate(net),
            lanes=len(labels),
        )
    for tensors, trained in zip((parameters, *optimizer.state), flat, strict=True):
        parts = torch.split(trained, [t[0].numel() for t in tensors], 1)
        torch._foreach_copy_(
            list(tensors), [p.view_as(t) for p, t in zip(parts, tensors, strict=True)]
        )
    return logits


def _network(sizes: ConvNetSizes, values: Any, images: Tensor) -> Any:
    channels, height, width = images.shape[2:]
    return network.describe(
        values,
        channels=channels,
        filters=sizes.filters,
        height=height,
        width=width,
        size=sizes.kernel_size,
        padding=sizes.padding,
        reflect=sizes.reflect,
        pooling=sizes.pooling,
        pool_after=sizes.pool_after,
        classes=sizes.classes,
    )


def _flattened(tensors: Iterable[Tensor]) -> Tensor:
    """Copy tensors ``[L, ...]`` into one ``[L, P]``."""
    return torch.cat([t.detach().flatten(1) for t in tensors], 1)


def _over_lanes(
    work: Callable[[Any, int, int], None], allocate: Callable[[], Any], *, lanes: int
) -> None:
    """Call ``work(scratch, first, last)`` for all lanes, with a thread for every scratch."""
    threads = min(torch.get_num_threads(), lanes)
    if threads == 1:
        work(allocate(), 0, lanes)
        return
    scratches = [allocate() for _ in range(threads)]
    bounds = [lanes * i // threads for i in range(threads + 1)]
    list(_pool(threads).map(work, scratches, bounds[:-1], bounds[1:]))


@functools.lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="lanes")
