"""Multi-layer perceptrons on the CPU, compiled: many epochs of a lane are one call.

A lane's weights are larger than its batch, so a batch is taken through a layer at once: four
images and two outputs at a time, which is what registers hold.

Notation:
    E: epochs, L: lanes, N: images of a set, P: parameters of a lane, B: images of a batch
    D: inputs of a layer, O: its outputs
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ibsweep.models.kernels.common import (
    compile_kernel,
    cross_entropy_gradient,
    update_parameters,
)

__all__ = ["train"]


@compile_kernel
def _layer(layers: Any, index: int, flat: Any) -> Any:
    """Return a layer's part of ``[P]``: weight ``[O, D]`` and bias ``[O]``."""
    inputs, outputs, first = layers[index]
    end = first + inputs * outputs
    return flat[first:end].reshape(outputs, inputs), flat[end : end + outputs]


@compile_kernel
def _forward(inputs: Any, weight: Any, bias: Any, rectify: bool, out: Any) -> None:
    """Fill ``out`` ``[B, O]`` with a layer of ``inputs`` ``[B, D]``; NaN goes through ReLU."""
    batch, outputs, zero = inputs.shape[0], weight.shape[0], np.float32(0)
    for b in range(0, batch, 4):
        # where less than four are left the last one is done again
        b1, b2, b3 = min(b + 1, batch - 1), min(b + 2, batch - 1), min(b + 3, batch - 1)
        row0, row1, row2, row3 = inputs[b], inputs[b1], inputs[b2], inputs[b3]
        for o in range(0, outputs, 2):
            p = min(o + 1, outputs - 1)
            left, right = weight[o], weight[p]
            a0 = a1 = a2 = a3 = c0 = c1 = c2 = c3 = zero
            for i in range(weight.shape[1]):
                w, v = left[i], right[i]
                a0 += row0[i] * w
                c0 += row0[i] * v
                a1 += row1[i] * w
                c1 += row1[i] * v
                a2 += row2[i] * w
                c2 += row2[i] * v
                a3 += row3[i] * w
                c3 += row3[i] * v
            for place, a, c in ((b, a0, c0), (b1, a1, c1), (b2, a2, c2), (b3, a3, c3)):
                for output, value in ((o, a + bias[o]), (p, c + bias[p])):
                    out[place, output] = zero if rectify and value <= zero else value


@compile_kernel
def _weight_gradient(inputs: Any, grads: Any, grad_weight: Any, grad_bias: Any) -> None:
    """Fill a layer's gradients, given that of its output before ReLU, ``[B, O]``."""
    batch, outputs, zero = inputs.shape[0], grads.shape[1], np.float32(0)
    for o in range(outputs):
        total = zero
        for b in range(batch):
            total += grads[b, o]
        grad_bias[o] = total
    for o in range(0, outputs, 2):
        p = min(o + 1, outputs - 1)
        left, right = grad_weight[o], grad_weight[p]
        left[:] = zero
        right[:] = zero
        for b in range(0, batch, 4):
            b1, b2, b3 = min(b + 1, batch - 1), min(b + 2, batch - 1), min(b + 3, batch - 1)
            row0, row1, row2, row3 = inputs[b], inputs[b1], inputs[b2], inputs[b3]
            a0, c0 = grads[b, o], grads[b, p]
            # images that are not there weigh nothing
            a1, c1 = (grads[b1, o], grads[b1, p]) if b + 1 < batch else (zero, zero)
            a2, c2 = (grads[b2, o], grads[b2, p]) if b + 2 < batch else (zero, zero)
            a3, c3 = (grads[b3, o], grads[b3, p]) if b + 3 < batch else (zero, zero)
            if p > o:
                for i in range(left.shape[0]):
                    x, y, z, w = row0[i], row1[i], row2[i], row3[i]
                    left[i] += a0 * x + a1 * y + a2 * z + a3 * w
                    right[i] += c0 * x + c1 * y + c2 * z + c3 * w
            else:
                for i in range(left.shape[0]):
                    left[i] += a0 * row0[i] + a1 * row1[i] + a2 * row2[i] + a3 * row3[i]


@compile_kernel
def _input_gradient(weight: Any, grads: Any, inputs: Any, grad_inputs: Any) -> None:
    """Fill ``grad_inputs`` ``[B, D]``; ``inputs`` are what a ReLU let through."""
    zero = np.float32(0)
    for b in range(grads.shape[0]):
        into, passed = grad_inputs[b], inputs[b]
        into[:] = zero
        for o in range(weight.shape[0]):
            grad, row = grads[b, o], weight[o]
            for i in range(row.shape[0]):
                into[i] += grad * row[i]
        for i in range(into.shape[0]):
            into[i] = zero if passed[i] <= zero else into[i]


@compile_kernel
def train(
    layers: Any,
    values: Any,
    first: int,
    last: int,
    images: Any,
    labels: Any,
    order: Any,
    batch_size: int,
    update: Any,
    out: Any,
) -> None:
    """Train lanes ``first`` to ``last`` for E epochs, each by itself; ``values`` change.

    Args:
        layers: For every layer its inputs, outputs, and where its weight ``[O, D]`` begins among
            the parameters of a lane; its bias follows. int64 ``[layers, 3]``.
        values: The parameters, ``[L, P]``.
        first: Lane to begin with; threads share lanes out.
        last: Lane to end before.
        images: ``[L, N, D]``.
        labels: ``[L, N]``.
        order: Positions of the images in every epoch, ``[E, L, N]``.
        batch_size: Images of a mini-batch; the last one may be smaller.
        update: As for ``convolution.train``.
        out: Filled with the logits before each update, ``[E, L, N, classes]``.
    """
    kind, steps, lr, momentum, decay, means, squares = update
    count, depth = order.shape[2], layers.shape[0]
    widest = max(layers[:, 0].max(), layers[:, 1].max())
    batch_size = min(batch_size, count)
    # row k: what goes into layer k; gradients likewise, of what comes out of it
    inputs = np.zeros((depth + 1, batch_size * widest), np.float32)
    grads = np.zeros((depth, batch_size * widest), np.float32)
    gradient = np.zeros(values.shape[1], np.float32)
    for lane in range(first, last):
        lane_values = values[lane]
        step = steps
        for epoch in range(order.shape[0]):
            for start in range(0, count, batch_size):
                batch = min(batch_size, count - start)
                taken = inputs[0, : batch * layers[0, 0]].reshape(batch, layers[0, 0])
                for b in range(batch):
                    taken[b] = images[lane, order[epoch, lane, start + b]]
                for k in range(depth):
                    weight, bias = _layer(layers, k, lane_values)
                    before = inputs[k, : batch * layers[k, 0]].reshape(batch, layers[k, 0])
                    after = inputs[k + 1, : batch * layers[k, 1]].reshape(batch, layers[k, 1])
                    _forward(before, weight, bias, k < depth - 1, after)
                share = np.float32(1) / np.float32(batch)
                classes = layers[depth - 1, 1]
                logits = inputs[depth, : batch * classes].reshape(batch, classes)
                of_logits = grads[depth - 1, : batch * classes].reshape(batch, classes)
                for b in range(batch):
                    out[epoch, lane, start + b] = logits[b]
                    label = labels[lane, order[epoch, lane, start + b]]
                    cross_entropy_gradient(logits[b], label, share, of_logits[b])
                for reverse in range(depth):
                    k = depth - 1 - reverse
                    before = inputs[k, : batch * layers[k, 0]].reshape(batch, layers[k, 0])
                    of_output = grads[k, : batch * layers[k, 1]].reshape(batch, layers[k, 1])
                    grad_weight, grad_bias = _layer(layers, k, gradient)
                    _weight_gradient(before, of_output, grad_weight, grad_bias)
                    if k > 0:
                        weight, _ = _layer(layers, k, lane_values)
                        of_input = grads[k - 1, : batch * layers[k, 0]]
                        into = of_input.reshape(batch, layers[k, 0])
                        _input_gradient(weight, of_output, before, into)
                step += 1
                update_parameters(
                    kind,
                    lane_values,
                    gradient,
                    means[lane],
                    squares[lane],
                    step,
                    lr[lane],
                    momentum[lane],
                    decay[lane],
                )
