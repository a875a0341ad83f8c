"""Multi-layer perceptrons on the CPU, compiled: many epochs of a lane are one call.

A lane's weights are larger than its batch, so a batch is taken through a layer at once: four
images and two outputs at a time, which is what registers hold.

Notation:
    L: lanes, P: parameters of a lane, B: images of a batch, D: inputs of a layer, O: its outputs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from ibsweep.models.kernels.common import aligned_zeros, compile_kernel
from ibsweep.models.kernels.training import cross_entropy_gradient, fill_gradient

__all__ = ["Perceptron", "PerceptronScratch", "describe"]


class Layer(NamedTuple):
    """A linear layer.

    Attributes:
        inputs: D.
        outputs: O.
        weight: Where its weight ``[O, D]`` begins among the parameters of a lane.
        bias: Where its bias ``[O]`` begins, right behind the weight.
    """

    inputs: int
    outputs: int
    weight: int
    bias: int


_LAYER = np.dtype([(name, np.int64) for name in Layer._fields])


class Perceptron(NamedTuple):
    """Linear layers with ReLU between them.

    Attributes:
        layers: A ``Layer`` a row, its attributes as fields.
        values: The parameters ``[L, P]``, float32.
    """

    layers: Any
    values: Any


class PerceptronScratch(NamedTuple):
    """Memory for one batch on its way through a perceptron.

    Attributes:
        inputs: Row k: what goes into layer k, ``[B, D]``; the last row: the logits.
        grads: Row k: gradient of what comes out of layer k, before ReLU, ``[B, O]``.
        gradient: ``[P]``, of the batch's mean loss.
    """

    inputs: Any
    grads: Any
    gradient: Any

    @classmethod
    def of(cls, net: Perceptron, batch_size: int) -> PerceptronScratch:
        """Allocate for a perceptron and batches of up to so many images; threads want one each."""
        depth = len(net.layers)
        length = batch_size * int(max(net.layers["inputs"].max(), net.layers["outputs"].max()))
        return cls(
            inputs=aligned_zeros(depth + 1, length),
            grads=aligned_zeros(depth, length),
            gradient=aligned_zeros(net.values.shape[1]),
        )


def describe(values: Any, sizes: Sequence[tuple[int, int]]) -> Perceptron:
    """Return a perceptron as the kernels take it.

    Args:
        values: Its parameters ``[L, P]``, layer by layer, each weight before its bias; shared.
        sizes: Inputs and outputs of every layer.
    """
    layers, weight = [], 0
    for inputs, outputs in sizes:
        bias = weight + inputs * outputs
        layers.append(Layer(inputs, outputs, weight, bias))
        weight = bias + outputs
    return Perceptron(np.array(layers, _LAYER), values)


@compile_kernel
def _layer_of(layer: Any, flat: Any) -> Any:
    """Return a layer's part of ``[P]``: weight ``[O, D]`` and bias ``[O]``."""
    weight = flat[layer.weight : layer.bias].reshape(layer.outputs, layer.inputs)
    return weight, flat[layer.bias : layer.bias + layer.outputs]


@compile_kernel
def _matrix_of(row: Any, batch: int, length: int) -> Any:
    """Return the beginning of a row of scratch memory as ``[batch, length]``."""
    return row[: batch * length].reshape(batch, length)


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
def _fill_gradient(
    net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
) -> None:
    """Do as ``fill_gradient`` says, a batch at a time."""
    layers, batch, depth = net.layers, positions.shape[0], net.layers.shape[0]
    taken = _matrix_of(scratch.inputs[0], batch, layers[0].inputs)
    for b in range(batch):
        taken[b] = images[positions[b]]
    for k in range(depth):
        layer = layers[k]
        weight, bias = _layer_of(layer, values)
        before = _matrix_of(scratch.inputs[k], batch, layer.inputs)
        after = _matrix_of(scratch.inputs[k + 1], batch, layer.outputs)
        _forward(before, weight, bias, k < depth - 1, after)
    share = np.float32(1) / np.float32(batch)
    classes = layers[depth - 1].outputs
    found = _matrix_of(scratch.inputs[depth], batch, classes)
    of_logits = _matrix_of(scratch.grads[depth - 1], batch, classes)
    for b in range(batch):
        logits[b] = found[b]
        cross_entropy_gradient(found[b], labels[positions[b]], share, of_logits[b])
    for reverse in range(depth):
        k = depth - 1 - reverse
        layer = layers[k]
        before = _matrix_of(scratch.inputs[k], batch, layer.inputs)
        of_output = _matrix_of(scratch.grads[k], batch, layer.outputs)
        grad_weight, grad_bias = _layer_of(layer, scratch.gradient)
        _weight_gradient(before, of_output, grad_weight, grad_bias)
        if k > 0:
            weight, _ = _layer_of(layer, values)
            of_input = _matrix_of(scratch.grads[k - 1], batch, layer.inputs)
            _input_gradient(weight, of_output, before, of_input)


@overload(fill_gradient)
def _of_perceptron(
    net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
) -> Any:
    """Give Numba the kernel for a perceptron, where it meets one."""
    del scratch, values, images, labels, positions, logits
    if getattr(net, "instance_class", None) is not Perceptron:
        return None

    def call(
        net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
    ) -> None:
        _fill_gradient(net, scratch, values, images, labels, positions, logits)

    return call
