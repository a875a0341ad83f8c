"""Convolutional networks on the CPU, compiled: many epochs of a lane are one call.

Small models spend their time between operations rather than in them, and grouped convolutions
leave most of a core's arithmetic unused at three filters. Lanes are independent, so each is
trained through whole epochs by itself, image after image: weights, activations and gradients of
one image stay in the first-level cache. ``ConvNet`` in torch's operations says what is computed;
the tests hold this module to it.

A plane of ``H x W`` pixels is one run of memory, so an output plane is a sum of *shifted runs* of
the input, one for every weight of a kernel; ``tiles`` sums them, many filters at a time. The last
``K - 1`` columns of such a plane are waste: vectors of nothing else are left out, and on the way
back the columns hold zeros.

Notation:
    L: lanes, N: images of a set, P: parameters of a lane, C: input channels, F: filters,
    K: kernel size, H, W: sides of a stage's input with its padding

Numba keeps compiled functions on disk, so that a machine compiles once, for all shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ibsweep.models.kernels.common import (
    compile_kernel,
    cross_entropy_gradient,
    update_parameters,
)
from ibsweep.models.kernels.network import (
    arrange_kernels,
    bias_of,
    head_of,
    kernels_of,
    ordered_of,
    rows_of,
    turned_of,
)
from ibsweep.models.kernels.planes import activate, pad, pitch_of, spread, sum_of, unpad
from ibsweep.models.kernels.tiles import (
    add_products,
    convolve_tile,
    products_shape,
    tile_shape,
)
from ibsweep.models.kernels.vectors import VECTOR

__all__ = ["infer", "train"]


@compile_kernel
def _convolve(
    image: Any,
    kernels: Any,
    bias: Any,
    planes: Any,
    starts: Any,
    width: int,
    top: int,
    bottom: int,
) -> None:
    """Fill ``planes`` with ``image`` convolved with ``kernels``, where vectors begin.

    Args:
        image: ``[C, pixels]``.
        kernels: ``[C, K, K, F]``.
        bias: ``[F]``.
        planes: ``[F, pixels]``.
        starts: Where vectors begin.
        width: Columns of the image.
        top: First row of the image that is not all zeros.
        bottom: The row behind the last such one.
    """
    filters, size, count = kernels.shape[3], kernels.shape[1], starts.shape[0]
    block, vectors = tile_shape(filters)
    for begin in range(0, filters, block):
        f = min(begin, filters - block)  # the last block may do a filter once more
        for first in range(0, count, vectors):
            upper = starts[first] // width
            lower = (starts[min(first + vectors, count) - 1] + VECTOR - 1) // width
            row, end = max(0, top - lower), min(size, bottom - upper)
            convolve_tile(
                image, kernels, bias, planes, starts, count, first, f, block, width, row, end
            )


@compile_kernel
def _add_weight_gradient(
    image: Any, planes: Any, reach: int, grads: Any, starts: Any, width: int
) -> None:
    """Add one image's gradient of kernels ``[F, C, K, K]``.

    Args:
        image: ``[C, pixels]``.
        planes: Gradient of what was convolved, ``[F, pixels]``, beginning at ``reach``.
        reach: See ``planes``.
        grads: Added to.
        starts: Where vectors begin that hold all that is not zero.
        width: Columns of the image.
    """
    filters, channels, size, _ = grads.shape
    block, most = products_shape(filters, size)
    for f in range(0, filters, block):
        many = min(block, filters - f)
        for c in range(channels):
            for y in range(size):
                for k in range(0, size, most):
                    taps = min(most, size - k)
                    add_products(
                        *(image, planes, grads, starts, starts.shape[0], reach),
                        *(c, f, many, y, k, taps, width),
                    )


@compile_kernel
def _forward(net: Any, scratch: Any, values: Any, image: Any, features: Any, logits: Any) -> None:
    """Take one padded image ``[H*W]`` to its features ``[F]`` and logits ``[classes]``."""
    first = scratch.inputs[0]
    for i in range(image.shape[0]):
        first[i] = image[i]
    last = net.stages.shape[0] - 1
    for s in range(last + 1):
        channels, filters, height, width, rows, columns, pooling, _ = net.stages[s]
        pixels = height * width
        reach = (net.size - 1) * (width + 1)
        planes = rows_of(scratch.planes, s, filters, pixels - reach + 2 * VECTOR)
        area = rows * pitch_of(columns)
        pooled, alive = scratch.pooled[s, :area], rows_of(scratch.alive, s, filters, area)
        inputs = rows_of(scratch.inputs, s, channels, pixels + VECTOR)
        kernels, bias = ordered_of(net, s, scratch.ordered), bias_of(net, s, values)
        starts = net.starts[s, 0, : net.counts[s, 0]]
        _convolve(inputs, kernels, bias, planes, starts, width, 0, height)
        for f in range(filters):
            activate(planes[f], width, rows, columns, pooling, pooled, alive[f])
            if s == last:
                features[f] = sum_of(pooled) / np.float32(rows * columns)
            else:
                after_height, after_width = net.stages[s + 1, 2], net.stages[s + 1, 3]
                after = after_height * after_width + VECTOR
                padded = rows_of(scratch.inputs, s + 1, filters, after)
                pad(pooled, rows, columns, net.padding, net.reflect, padded[f], after_width)
    weight, head_bias = head_of(net, values)
    for k in range(net.classes):
        total = head_bias[k]
        for f in range(features.shape[0]):
            total += weight[k, f] * features[f]
        logits[k] = total


@compile_kernel
def infer(net: Any, scratch: Any, first: int, last: int, images: Any, out: Any) -> None:
    """Fill ``out`` with the logits ``[L, N, classes]`` of padded images ``[L, N, H*W]``.

    Args:
        net: The network.
        scratch: Memory for it.
        first: Lane to begin with; threads share lanes out.
        last: Lane to end before.
        images: The images.
        out: The logits.
    """
    features = np.empty(net.stages[net.stages.shape[0] - 1, 1], np.float32)
    for lane in range(first, last):
        arrange_kernels(net, net.values[lane], scratch, False)
        for n in range(images.shape[1]):
            _forward(net, scratch, net.values[lane], images[lane, n], features, out[lane, n])


@compile_kernel
def _backward(net: Any, scratch: Any, grad_features: Any) -> None:
    """Add the last image's gradient of all kernels, given that of its features."""
    last = net.stages.shape[0] - 1
    for reverse in range(last + 1):
        s = last - reverse
        channels, filters, height, width, rows, columns, pooling, _ = net.stages[s]
        pixels = height * width
        reach = (net.size - 1) * (width + 1)
        area = rows * pitch_of(columns)
        pooled, alive = scratch.pooled[s, :area], rows_of(scratch.alive, s, filters, area)
        grads = rows_of(scratch.grads, s, filters, reach + pixels + 2 * VECTOR)
        grad_bias = bias_of(net, s, scratch.gradient)
        for f in range(filters):
            if s == last:
                pooled[:] = grad_features[f] / np.float32(rows * columns)
            else:
                after_height, after_width = net.stages[s + 1, 2], net.stages[s + 1, 3]
                after = after_height * after_width + VECTOR
                padded = rows_of(scratch.carried, s + 1, filters, after)
                unpad(padded[f], rows, columns, net.padding, net.reflect, pooled, after_width)
            spread(pooled, alive[f], rows, columns, pooling, grads[f, reach:], width)
            grad_bias[f] += sum_of(grads[f, reach:])
        inputs = rows_of(scratch.inputs, s, channels, pixels + VECTOR)
        grad_kernels = kernels_of(net, s, scratch.gradient)
        starts = net.starts[s, 0, : net.counts[s, 0]]
        _add_weight_gradient(inputs, grads, reach, grad_kernels, starts, width)
        if s > 0:
            carried = rows_of(scratch.carried, s, channels, pixels + VECTOR)
            kernels = turned_of(net, s, scratch.turned)
            starts = net.starts[s, 1, : net.counts[s, 1]]
            top = net.size - 1  # zeros stand before a gradient
            _convolve(grads, kernels, scratch.nothing[s], carried, starts, width, top, height)


@compile_kernel
def train(
    net: Any,
    scratch: Any,
    first: int,
    last: int,
    images: Any,
    labels: Any,
    order: Any,
    batch_size: int,
    update: Any,
    out: Any,
) -> None:
    """Train lanes ``first`` to ``last`` for E epochs, each by itself; ``net.values`` change.

    Args:
        net: The network.
        scratch: Memory for it.
        first: Lane to begin with; threads share lanes out.
        last: Lane to end before.
        images: Padded, ``[L, N, H*W]``.
        labels: ``[L, N]``.
        order: Positions of the images in every epoch, ``[E, L, N]``.
        batch_size: Images of a mini-batch; the last one may be smaller.
        update: ``(kind, steps, lr, momentum, decay, means, squares)``: one of ``common.UPDATES``,
            the steps taken so far, ``[L]`` thrice, and the optimiser's state ``[L, P]`` twice,
            which changes. SGD keeps its buffers in ``means``.
        out: Filled with the logits before each update, ``[E, L, N, classes]``.
    """
    kind, steps, lr, momentum, decay, means, squares = update
    count = order.shape[2]
    filters = net.stages[net.stages.shape[0] - 1, 1]
    features = np.empty(filters, np.float32)
    grad_features = np.empty(filters, np.float32)
    grad_logits = np.empty(net.classes, np.float32)
    gradient = scratch.gradient
    grad_head, grad_head_bias = head_of(net, gradient)
    for lane in range(first, last):
        values = net.values[lane]
        head, _ = head_of(net, values)
        step = steps
        for epoch in range(order.shape[0]):
            for start in range(0, count, batch_size):
                end = min(start + batch_size, count)
                share = np.float32(1) / np.float32(end - start)
                gradient[:] = 0
                arrange_kernels(net, values, scratch, True)
                for n in range(start, end):
                    i = order[epoch, lane, n]
                    _forward(net, scratch, values, images[lane, i], features, out[epoch, lane, n])
                    cross_entropy_gradient(
                        out[epoch, lane, n], labels[lane, i], share, grad_logits
                    )
                    for f in range(filters):
                        total = np.float32(0)
                        for k in range(net.classes):
                            total += head[k, f] * grad_logits[k]
                            grad_head[k, f] += grad_logits[k] * features[f]
                        grad_features[f] = total
                    for k in range(net.classes):
                        grad_head_bias[k] += grad_logits[k]
                    _backward(net, scratch, grad_features)
                step += 1
                update_parameters(
                    kind,
                    values,
                    gradient,
                    means[lane],
                    squares[lane],
                    step,
                    lr[lane],
                    momentum[lane],
                    decay[lane],
                )
