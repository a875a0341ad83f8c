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

from ibsweep.models.kernels.common import aligned_zeros, compile_kernel
from ibsweep.models.kernels.planes import NO_POOLING, POOLINGS, pitch_of
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
    "matrix_of",
]


class Stage(NamedTuple):
    """A stage's sizes and what it does; lengths are floats of memory, ``docs/kernels.md``.

    Attributes:
        channels: Input channels C.
        filters: Output channels F.
        height: Rows of the input, padding included.
        width: Its columns.
        rows: Rows of the output, pooled, before the next stage's padding.
        columns: Its columns.
        pooling: One of ``planes.POOLINGS``.
        weight: Where its weight ``[F, C, K, K]`` begins among the parameters of a lane.
        bias: Where its bias ``[F]`` begins, right behind the weight.
        reach: How far a kernel reaches from its first pixel to its last one.
        input_length: An input channel, or its gradient.
        plane_length: A convolved plane.
        pooled_length: A plane of the output, in rows of whole vectors.
        grad_length: The gradient of a convolved plane, behind zeros as far as a kernel reaches.
        plane_vectors: Vectors that cover a convolved plane.
        input_vectors: Vectors that cover an input channel.
    """

    channels: int
    filters: int
    height: int
    width: int
    rows: int
    columns: int
    pooling: int
    weight: int
    bias: int
    reach: int
    input_length: int
    plane_length: int
    pooled_length: int
    grad_length: int
    plane_vectors: int
    input_vectors: int


_STAGE = np.dtype([(name, np.int64) for name in Stage._fields])


class Network(NamedTuple):
    """A network of stages, the mean over pixels and a linear classifier.

    Attributes:
        stages: A ``Stage`` a row, its attributes as fields.
        plane_starts: Where the vectors begin that cover a stage's convolved planes,
            ``[stages, most]``.
        input_starts: Where those begin that cover its input, ``[stages, most]``.
        size: Kernel size K.
        padding: Pixels of padding on each side, the same for every stage.
        reflect: Whether it mirrors the image; zeros otherwise.
        classes: Number of classes.
        head_weight: Where the classifier's weight ``[classes, F]`` begins.
        head_bias: Where its bias begins.
        values: The parameters ``[L, P]``, float32.
    """

    stages: Any
    plane_starts: Any
    input_starts: Any
    size: int
    padding: int
    reflect: bool
    classes: int
    head_weight: int
    head_bias: int
    values: Any


class Scratch(NamedTuple):
    """Memory for one image on its way through a network; with a row for every stage, or one.

    Attributes:
        inputs: A row a stage: padded input, ``[C, input_length]``.
        planes: A row a stage: convolved, ``[F, plane_length]``.
        pooled: A row a stage: activations of one filter, or their gradient.
        routes: A row a stage: codes of where a gradient goes, int32 ``[F, pooled_length]``.
        grads: A row a stage: gradient of ``planes``, ``[F, grad_length]``.
        input_grads: A row a stage: gradient of ``inputs``, ``[C, input_length]``.
        no_bias: A row a stage: zeros, for sums that begin with no bias.
        forward_kernels: ``[P]``: kernels as ``[C, K, K, F]``.
        backward_kernels: ``[P]``: kernels turned by 180 degrees, ``[F, K, K, C]``.
        gradient: ``[P]``, of the batch's mean loss.
        features: ``[F]`` of the last stage.
        feature_grads: Their gradient.
        logit_grads: ``[classes]``.
    """

    inputs: Any
    planes: Any
    pooled: Any
    routes: Any
    grads: Any
    input_grads: Any
    no_bias: Any
    forward_kernels: Any
    backward_kernels: Any
    gradient: Any
    features: Any
    feature_grads: Any
    logit_grads: Any

    @classmethod
    def of(cls, network: Network) -> Scratch:
        """Allocate for a network; threads want one each."""
        stages = [Stage(*row) for row in network.stages.tolist()]
        parameters, filters = network.values.shape[1], stages[-1].filters

        def rows(*lengths: int, kind: Any = np.float32) -> Any:
            return aligned_zeros(len(stages), max(lengths), kind=kind)

        return cls(
            inputs=rows(*(s.channels * s.input_length for s in stages)),
            planes=rows(*(s.filters * s.plane_length for s in stages)),
            pooled=rows(*(s.pooled_length for s in stages)),
            routes=rows(*(s.filters * s.pooled_length for s in stages), kind=np.int32),
            grads=rows(*(s.filters * s.grad_length for s in stages)),
            input_grads=rows(*(s.channels * s.input_length for s in stages)),
            no_bias=rows(*(s.channels for s in stages)),
            forward_kernels=aligned_zeros(parameters),
            backward_kernels=aligned_zeros(parameters),
            gradient=aligned_zeros(parameters),
            features=aligned_zeros(filters),
            feature_grads=aligned_zeros(filters),
            logit_grads=aligned_zeros(network.classes),
        )


def describe(
    values: Any,
    *,
    channels: int,
    filters: Sequence[int],
    height: int,
    width: int,
    size: int,
    padding: int,
    reflect: bool,
    pooling: str | None,
    pool_after: int,
    classes: int,
) -> Network:
    """Return a network as the kernels take it.

    Args:
        values: Its parameters ``[L, P]``, layer by layer, each weight before its bias; shared.
        channels: Channels of an image.
        filters: Output channels of every stage.
        height: Rows of an image, padding included.
        width: Its columns.
        size: Kernel size.
        padding: Pixels of padding on each side of every stage's input.
        reflect: Whether padding mirrors the image; zeros otherwise.
        pooling: ``"max"``, ``"average"`` or None.
        pool_after: Number of the stage that pools, from 1.
        classes: Number of classes.
    """
    stages, plane_starts, input_starts = [], [], []
    weight = 0
    for number, count in enumerate(filters, start=1):
        rows, columns = height - size + 1, width - size + 1
        kind = POOLINGS[pooling if number == pool_after else None]
        if kind != NO_POOLING:
            rows, columns = rows // 2, columns // 2
        times = 1 if kind == NO_POOLING else 2
        pixels, reach = height * width, (size - 1) * (width + 1)
        plane_starts.append(cover(times * rows, times * columns, width))
        input_starts.append(cover(height, width, width))
        bias = weight + count * channels * size**2
        stage = Stage(
            channels=channels,
            filters=count,
            height=height,
            width=width,
            rows=rows,
            columns=columns,
            pooling=kind,
            weight=weight,
            bias=bias,
            reach=reach,
            # vectors that begin within a plane end within the room behind it, pairs likewise
            input_length=pixels + VECTOR,
            plane_length=pixels - reach + 2 * VECTOR,
            pooled_length=rows * pitch_of(columns),
            grad_length=reach + pixels + 2 * VECTOR,
            plane_vectors=len(plane_starts[-1]),
            input_vectors=len(input_starts[-1]),
        )
        stages.append(stage)
        channels, weight = count, bias + count
        height, width = rows + 2 * padding, columns + 2 * padding
    return Network(
        stages=np.array(stages, _STAGE),
        plane_starts=_table(plane_starts),
        input_starts=_table(input_starts),
        size=size,
        padding=padding,
        reflect=reflect,
        classes=classes,
        head_weight=weight,
        head_bias=weight + classes * channels,
        values=values,
    )


def _table(rows: Sequence[Any]) -> Any:
    """Return rows of different lengths as one array, filled up with zeros."""
    table = np.zeros((len(rows), max(len(row) for row in rows)), np.int64)
    for into, row in zip(table, rows, strict=True):
        into[: len(row)] = row
    return table


@compile_kernel
def kernels_of(stage: Any, flat: Any, shape: Any) -> Any:
    """Return a stage's part of ``[P]`` as kernels, in the order of axes that ``shape`` says."""
    return flat[stage.weight : stage.bias].reshape(shape)


@compile_kernel
def bias_of(stage: Any, flat: Any) -> Any:
    """Return a stage's part of ``[P]`` as a bias ``[F]``."""
    return flat[stage.bias : stage.bias + stage.filters]


@compile_kernel
def head_of(net: Any, flat: Any) -> Any:
    """Return the classifier's part of ``[P]``: weight ``[classes, F]``, bias ``[classes]``."""
    filters = net.stages[net.stages.shape[0] - 1].filters
    weight = flat[net.head_weight : net.head_bias].reshape(net.classes, filters)
    return weight, flat[net.head_bias : net.head_bias + net.classes]


@compile_kernel
def matrix_of(row: Any, count: int, length: int) -> Any:
    """Return the beginning of a row of scratch memory as ``[count, length]``."""
    return row[: count * length].reshape(count, length)


@compile_kernel
def arrange_kernels(net: Any, values: Any, scratch: Any, backward: bool) -> None:
    """Copy a lane's kernels into the order that tiles read them in, for the way back too if asked.

    On the way back they are turned by 180 degrees, and inputs and filters change places.
    """
    size = net.size
    for s in range(net.stages.shape[0]):
        stage = net.stages[s]
        channels, filters = stage.channels, stage.filters
        kernels = kernels_of(stage, values, (filters, channels, size, size))
        ordered = kernels_of(stage, scratch.forward_kernels, (channels, size, size, filters))
        turned = kernels_of(stage, scratch.backward_kernels, (filters, size, size, channels))
        for f in range(filters):
            for c in range(channels):
                for y in range(size):
                    for x in range(size):
                        ordered[c, y, x, f] = kernels[f, c, y, x]
                        if backward and s > 0:  # no gradient is wanted of the images
                            turned[f, size - 1 - y, size - 1 - x, c] = kernels[f, c, y, x]
