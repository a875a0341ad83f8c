"""A convolutional network as the kernels take it, and the memory that they work in.

Notation:
    L: lanes, P: parameters of a lane, C: input channels, F: filters, K: kernel size
    H, W: sides of a stage's input with its padding
    stage: a convolution, ReLU, pooling, and padding for the next stage
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ibsweep.models.kernels.common import compile_kernel
from ibsweep.models.kernels.planes import NO_POOLING, pitch_of
from ibsweep.models.kernels.tiles import cover
from ibsweep.models.kernels.vectors import VECTOR

__all__ = [
    "Network",
    "Scratch",
    "Stage",
    "arrange_kernels",
    "bias_of",
    "describe",
    "head_of",
    "kernels_of",
    "ordered_of",
    "rows_of",
    "turned_of",
]


class Stage(NamedTuple):
    """A stage's sizes and what it does.

    Attributes:
        channels: Input channels.
        filters: Output channels.
        height: Rows of the input, padding included.
        width: Its columns.
        rows: Rows of the output, pooled, before the next stage's padding.
        columns: Its columns.
        pooling: One of ``planes.POOLINGS``.
        first: Where its weight ``[F, C, K, K]`` begins among the parameters of a lane; its bias
            follows.
    """

    channels: int
    filters: int
    height: int
    width: int
    rows: int
    columns: int
    pooling: int
    first: int


class Network(NamedTuple):
    """A network of stages, the mean over pixels and a linear classifier.

    Attributes:
        stages: A ``Stage`` a row, int64.
        starts: Where the vectors begin that cover a stage's convolved planes, and those that
            cover its input: ``[stages, 2, most]``.
        counts: How many they are, ``[stages, 2]``.
        size: Kernel size K.
        padding: Pixels of padding on each side, the same for every stage.
        reflect: Whether it mirrors the image; zeros otherwise.
        classes: Number of classes.
        head: Where the classifier's weight ``[classes, F]`` begins; its bias follows.
        values: The parameters ``[L, P]``, float32.
    """

    stages: Any
    starts: Any
    counts: Any
    size: int
    padding: int
    reflect: bool
    classes: int
    head: int
    values: Any


class Scratch(NamedTuple):
    """Memory for one image on its way through a network: a row for every stage.

    Attributes:
        inputs: Padded input, ``[C, H*W + room]``.
        planes: Convolved, ``[F, H*W - reach + room]``.
        pooled: Activations of one filter, or their gradient, ``[rows, pitch]``.
        alive: Codes of where a gradient goes, int32 ``[F, rows, pitch]``.
        grads: Gradient of ``planes``, behind as many zeros as a kernel reaches back:
            ``[F, reach + H*W + room]``.
        carried: Gradient of ``inputs``, ``[C, H*W + room]``.
        nothing: Zeros, for sums that begin with no bias.
        ordered: ``[P]``: kernels as ``[C, K, K, F]``.
        turned: ``[P]``: kernels turned by 180 degrees, inputs and filters exchanged:
            ``[F, K, K, C]``.
        gradient: ``[P]``, of the batch's mean loss.
    """

    inputs: Any
    planes: Any
    pooled: Any
    alive: Any
    grads: Any
    carried: Any
    nothing: Any
    ordered: Any
    turned: Any
    gradient: Any

    @classmethod
    def of(cls, network: Network) -> Scratch:
        """Allocate for a network; threads want one each."""
        needed = []
        for row in network.stages:
            stage = Stage(*row.tolist())
            pixels = stage.height * stage.width
            reach = (network.size - 1) * (stage.width + 1)
            pooled = stage.rows * pitch_of(stage.columns)
            # vectors that begin within a plane end within the room behind it, pairs likewise
            needed.append(
                (
                    stage.channels * (pixels + VECTOR),
                    stage.filters * (pixels - reach + 2 * VECTOR),
                    pooled,
                    stage.filters * pooled,
                    stage.filters * (reach + pixels + 2 * VECTOR),
                    stage.channels * (pixels + VECTOR),
                    stage.channels,
                )
            )
        most = np.max(needed, axis=0)
        parameters = network.values.shape[1]
        return cls(
            *(
                np.zeros((len(needed), count), np.int32 if name == "alive" else np.float32)
                for name, count in zip(cls._fields, most, strict=False)
            ),
            *(np.zeros(parameters, np.float32) for _ in range(3)),
        )


def describe(
    stages: Sequence[Stage],
    values: Any,
    *,
    size: int,
    padding: int,
    reflect: bool,
    classes: int,
) -> Network:
    """Return a network as the kernels take it; ``values`` ``[L, P]`` stay shared."""
    last = stages[-1]
    head = last.first + last.filters * (last.channels * size**2 + 1)
    most = max(stage.height * (stage.width // VECTOR + 2) for stage in stages)
    starts = np.zeros((len(stages), 2, most), np.int64)
    counts = np.zeros((len(stages), 2), np.int64)
    for s, stage in enumerate(stages):
        times = 1 if stage.pooling == NO_POOLING else 2
        rows, columns = times * stage.rows, times * stage.columns
        counts[s, 0] = cover(rows, columns, stage.width, starts[s, 0])
        counts[s, 1] = cover(stage.height, stage.width, stage.width, starts[s, 1])
    table = np.array(stages, np.int64)
    return Network(table, starts, counts, size, padding, reflect, classes, head, values)


@compile_kernel
def kernels_of(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as kernels ``[F, C, K, K]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    count = filters * channels * net.size * net.size
    return flat[first : first + count].reshape(filters, channels, net.size, net.size)


@compile_kernel
def ordered_of(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as kernels ``[C, K, K, F]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    count = filters * channels * net.size * net.size
    return flat[first : first + count].reshape(channels, net.size, net.size, filters)


@compile_kernel
def turned_of(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as turned kernels ``[F, K, K, C]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    count = filters * channels * net.size * net.size
    return flat[first : first + count].reshape(filters, net.size, net.size, channels)


@compile_kernel
def arrange_kernels(net: Any, values: Any, scratch: Any, turn: bool) -> None:
    """Copy a lane's kernels into the order that tiles read them in, turned ones too if asked."""
    size = net.size
    for s in range(net.stages.shape[0]):
        kernels = kernels_of(net, s, values)
        ordered, turned = ordered_of(net, s, scratch.ordered), turned_of(net, s, scratch.turned)
        for f in range(kernels.shape[0]):
            for c in range(kernels.shape[1]):
                for y in range(size):
                    for x in range(size):
                        ordered[c, y, x, f] = kernels[f, c, y, x]
                        if turn and s > 0:  # no gradient is wanted of the images
                            turned[f, size - 1 - y, size - 1 - x, c] = kernels[f, c, y, x]


@compile_kernel
def bias_of(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as a bias ``[F]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    start = first + filters * channels * net.size * net.size
    return flat[start : start + filters]


@compile_kernel
def head_of(net: Any, flat: Any) -> Any:
    """Return the classifier's part of ``[P]``: weight ``[classes, F]``, bias ``[classes]``."""
    filters = net.stages[net.stages.shape[0] - 1, 1]
    end = net.head + net.classes * filters
    weight = flat[net.head : end].reshape(net.classes, filters)
    return weight, flat[end : end + net.classes]


@compile_kernel
def rows_of(rows: Any, s: int, count: int, pixels: int) -> Any:
    """Return stage ``s``'s scratch as ``[count, pixels]``."""
    return rows[s, : count * pixels].reshape(count, pixels)
