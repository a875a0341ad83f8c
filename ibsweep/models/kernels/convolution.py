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
from numba.extending import overload

from ibsweep.models.kernels.common import compile_kernel
from ibsweep.models.kernels.network import (
    Network,
    arrange_kernels,
    bias_of,
    head_of,
    kernels_of,
    matrix_of,
)
from ibsweep.models.kernels.planes import activate, pad, spread, sum_of, unpad
from ibsweep.models.kernels.tiles import (
    add_products,
    convolve_tile,
    products_shape,
    tile_shape,
)
from ibsweep.models.kernels.training import cross_entropy_gradient, fill_gradient
from ibsweep.models.kernels.vectors import VECTOR

__all__ = ["infer"]


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
def _forward(net: Any, scratch: Any, values: Any, image: Any, logits: Any) -> None:
    """Take one padded image ``[C*H*W]`` to its features and logits ``[classes]``."""
    stages, size = net.stages, net.size
    pixels = stages[0].height * stages[0].width
    first = matrix_of(scratch.inputs[0], stages[0].channels, stages[0].input_length)
    for c in range(stages[0].channels):
        for i in range(pixels):
            first[c, i] = image[c * pixels + i]
    last = stages.shape[0] - 1
    for s in range(last + 1):
        stage = stages[s]
        channels, filters, width = stage.channels, stage.filters, stage.width
        rows, columns = stage.rows, stage.columns
        inputs = matrix_of(scratch.inputs[s], channels, stage.input_length)
        planes = matrix_of(scratch.planes[s], filters, stage.plane_length)
        routes = matrix_of(scratch.routes[s], filters, stage.pooled_length)
        pooled = scratch.pooled[s, : stage.pooled_length]
        kernels = kernels_of(stage, scratch.forward_kernels, (channels, size, size, filters))
        starts = net.plane_starts[s, : stage.plane_vectors]
        _convolve(inputs, kernels, bias_of(stage, values), planes, starts, width, 0, stage.height)
        for f in range(filters):
            activate(planes[f], width, rows, columns, stage.pooling, pooled, routes[f])
            if s == last:
                scratch.features[f] = sum_of(pooled) / np.float32(rows * columns)
            else:
                after = stages[s + 1]
                padded = matrix_of(scratch.inputs[s + 1], filters, after.input_length)
                pad(pooled, rows, columns, net.padding, net.reflect, padded[f], after.width)
    weight, head_bias = head_of(net, values)
    for k in range(net.classes):
        total = head_bias[k]
        for f in range(weight.shape[1]):
            total += weight[k, f] * scratch.features[f]
        logits[k] = total


@compile_kernel
def infer(net: Any, scratch: Any, first: int, last: int, images: Any, out: Any) -> None:
    """Fill ``out`` with the logits ``[L, N, classes]`` of padded images ``[L, N, C*H*W]``.

    Args:
        net: The network.
        scratch: Memory for it.
        first: Lane to begin with; threads share lanes out.
        last: Lane to end before.
        images: The images.
        out: The logits.
    """
    for lane in range(first, last):
        arrange_kernels(net, net.values[lane], scratch, False)
        for n in range(images.shape[1]):
            _forward(net, scratch, net.values[lane], images[lane, n], out[lane, n])


@compile_kernel
def _backward(net: Any, scratch: Any) -> None:
    """Add the last image's gradient of all kernels, given that of its features."""
    stages, size = net.stages, net.size
    last = stages.shape[0] - 1
    for reverse in range(last + 1):
        s = last - reverse
        stage = stages[s]
        channels, filters, width = stage.channels, stage.filters, stage.width
        rows, columns, reach = stage.rows, stage.columns, stage.reach
        routes = matrix_of(scratch.routes[s], filters, stage.pooled_length)
        pooled = scratch.pooled[s, : stage.pooled_length]
        grads = matrix_of(scratch.grads[s], filters, stage.grad_length)
        grad_bias = bias_of(stage, scratch.gradient)
        for f in range(filters):
            if s == last:
                pooled[:] = scratch.feature_grads[f] / np.float32(rows * columns)
            else:
                after = stages[s + 1]
                padded = matrix_of(scratch.input_grads[s + 1], filters, after.input_length)
                unpad(padded[f], rows, columns, net.padding, net.reflect, pooled, after.width)
            spread(pooled, routes[f], rows, columns, stage.pooling, grads[f, reach:], width)
            grad_bias[f] += sum_of(grads[f, reach:])
        inputs = matrix_of(scratch.inputs[s], channels, stage.input_length)
        grad_kernels = kernels_of(stage, scratch.gradient, (filters, channels, size, size))
        starts = net.plane_starts[s, : stage.plane_vectors]
        _add_weight_gradient(inputs, grads, reach, grad_kernels, starts, width)
        if s > 0:
            input_grads = matrix_of(scratch.input_grads[s], channels, stage.input_length)
            kernels = kernels_of(stage, scratch.backward_kernels, (filters, size, size, channels))
            starts = net.input_starts[s, : stage.input_vectors]
            top = size - 1  # zeros stand before a gradient
            no_bias = scratch.no_bias[s]
            _convolve(grads, kernels, no_bias, input_grads, starts, width, top, stage.height)


@compile_kernel
def _fill_gradient(
    net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
) -> None:
    """Do as ``fill_gradient`` says, image after image."""
    gradient, features = scratch.gradient, scratch.features
    feature_grads, logit_grads = scratch.feature_grads, scratch.logit_grads
    weight, _ = head_of(net, values)
    weight_grad, bias_grad = head_of(net, gradient)
    share = np.float32(1) / np.float32(positions.shape[0])
    gradient[:] = 0
    arrange_kernels(net, values, scratch, True)
    for n in range(positions.shape[0]):
        i = positions[n]
        _forward(net, scratch, values, images[i], logits[n])
        cross_entropy_gradient(logits[n], labels[i], share, logit_grads)
        for f in range(features.shape[0]):
            total = np.float32(0)
            for k in range(net.classes):
                total += weight[k, f] * logit_grads[k]
                weight_grad[k, f] += logit_grads[k] * features[f]
            feature_grads[f] = total
        for k in range(net.classes):
            bias_grad[k] += logit_grads[k]
        _backward(net, scratch)


@overload(fill_gradient)
def _of_network(
    net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
) -> Any:
    """Give Numba the kernel for a convolutional network, where it meets one."""
    del scratch, values, images, labels, positions, logits
    if getattr(net, "instance_class", None) is not Network:
        return None

    def call(
        net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
    ) -> None:
        _fill_gradient(net, scratch, values, images, labels, positions, logits)

    return call
