"""Convolutional networks on the CPU, compiled: many epochs of a lane are one call.

Small models spend their time between operations rather than in them, and grouped convolutions
leave most of a core's arithmetic unused at three filters. Lanes are independent, so each is
trained through whole epochs by itself, image after image: weights, activations and gradients of
one image stay in the first-level cache. ``ConvNet`` in torch's operations says what is computed;
the tests hold this module to it.

A plane of ``H x W`` pixels is one run of memory, so an output plane is a sum of *shifted runs* of
the input, one for every weight of a kernel: a long loop that vectorises, whatever the width. The
last ``K - 1`` columns of such a plane are waste, and hold zeros on the way back. Filters are taken
in blocks of three, and several taps of a kernel row at a time, so that a pixel that was loaded
serves many products.

Notation:
    L: lanes, N: images of a set, P: parameters of a lane, C: input channels, F: filters,
    K: kernel size, H, W: sides of a stage's input with its padding
    stage: a convolution, ReLU, pooling, and padding for the next stage
    block, taps: tuples of zeros; their lengths are constants to the compiler, which unrolls loops
        over them

Numba keeps compiled functions on disk, so that a machine compiles once, for all shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import uint64

from ibsweep.models.kernels.common import (
    compile_kernel,
    cross_entropy_gradient,
    update_parameters,
)

__all__ = [
    "POOLINGS",
    "Network",
    "Scratch",
    "Stage",
    "describe",
    "infer",
    "train",
]

NO_POOLING, MAX_POOLING, AVERAGE_POOLING = range(3)
POOLINGS = {None: NO_POOLING, "max": MAX_POOLING, "average": AVERAGE_POOLING}

_CODES = tuple(np.float32(code) for code in (0, 1, 2, 4, 8))
"""Which of a pooled pixel's four pass a gradient on: a sum of powers of two."""

_BLOCK, _SUM_TAPS, _GRAD_TAPS = 3, 5, 4
"""Filters, and taps of a kernel row, that are taken together: about what registers hold."""

_WHOLE_ROW = 7
"""Kernel size whose sums take a row at once all the same: it is the notebook's."""

_ROOM = 16
"""Zeros behind a plane, so that loops run over whole vectors with no remainder."""


class Stage(NamedTuple):
    """A stage's sizes and what it does.

    Attributes:
        channels: Input channels.
        filters: Output channels.
        height: Rows of the input, padding included.
        width: Its columns.
        rows: Rows of the output, pooled, before the next stage's padding.
        columns: Its columns.
        pooling: One of ``POOLINGS``.
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
        size: Kernel size K.
        padding: Pixels of padding on each side, the same for every stage.
        reflect: Whether it mirrors the image; zeros otherwise.
        classes: Number of classes.
        head: Where the classifier's weight ``[classes, F]`` begins; its bias follows.
        values: The parameters ``[L, P]``, float32.
    """

    stages: Any
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
        planes: Convolved, ``[F, about H*W]``.
        pooled: Activations of one filter, or their gradient, ``[rows, columns]``.
        alive: Codes of where a gradient goes, ``[F, rows, columns]``.
        grads: Gradient of ``planes``, behind as many zeros as a kernel reaches back.
        carried: Gradient of ``inputs``, ``[C, about H*W]``.
        turned: ``[P]``: kernels turned by 180 degrees, inputs and filters exchanged.
        gradient: ``[P]``, of the batch's mean loss.
    """

    inputs: Any
    planes: Any
    pooled: Any
    alive: Any
    grads: Any
    carried: Any
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
            pooled = stage.rows * stage.columns
            needed.append(
                (
                    stage.channels * (pixels + _ROOM),
                    stage.filters * _rounded(pixels - reach),
                    pooled,
                    stage.filters * pooled,
                    stage.filters * (reach + pixels + _ROOM),
                    stage.channels * _rounded(pixels),
                )
            )
        most = np.max(needed, axis=0)
        parameters = network.values.shape[1]
        return cls(
            *(np.zeros((len(needed), floats), np.float32) for floats in most),
            *(np.zeros(parameters, np.float32) for _ in range(2)),
        )


@compile_kernel
def _rounded(count: int) -> int:
    return (count + _ROOM - 1) // _ROOM * _ROOM


@compile_kernel
def _part(size: int, most: int) -> int:
    """Return the length of equal parts, of at most ``most`` taps, of a kernel row."""
    parts = (size + most - 1) // most
    return (size + parts - 1) // parts


@compile_kernel
def _sum_block(
    image: Any,
    kernels: Any,
    planes: Any,
    f: int,
    k: int,
    width: int,
    block: Any,
    taps: Any,
) -> None:
    """Add shifted runs, times a column of taps from ``k`` on, to a block of filters' planes."""
    g, h = (f + 1, f + 2) if len(block) > 1 else (f, f)
    sum0, sum1, sum2 = planes[f], planes[g], planes[h]
    for channel in range(image.shape[0]):
        plane = image[channel]
        for row in range(kernels.shape[2]):
            # no slices in here: their bookkeeping would cost a third of the time
            start = uint64(row * width + k)
            for i in range(planes.shape[1]):
                a, b, c = sum0[i], sum1[i], sum2[i]
                for tap in range(len(taps)):
                    pixel = plane[start + uint64(i + tap)]
                    a += kernels[f, channel, row, k + tap] * pixel
                    if len(block) > 1:
                        b += kernels[g, channel, row, k + tap] * pixel
                        c += kernels[h, channel, row, k + tap] * pixel
                sum0[i] = a
                if len(block) > 1:
                    sum1[i], sum2[i] = b, c


@compile_kernel
def _sum_taps(
    image: Any, kernels: Any, planes: Any, f: int, k: int, taps: int, width: int, block: Any
) -> None:
    if taps == 7:
        _sum_block(image, kernels, planes, f, k, width, block, (0, 0, 0, 0, 0, 0, 0))
    elif taps == 5:
        _sum_block(image, kernels, planes, f, k, width, block, (0, 0, 0, 0, 0))
    elif taps == 4:
        _sum_block(image, kernels, planes, f, k, width, block, (0, 0, 0, 0))
    elif taps == 3:
        _sum_block(image, kernels, planes, f, k, width, block, (0, 0, 0))
    elif taps == 2:
        _sum_block(image, kernels, planes, f, k, width, block, (0, 0))
    elif taps == 1:
        _sum_block(image, kernels, planes, f, k, width, block, (0,))


@compile_kernel
def _convolve(image: Any, kernels: Any, planes: Any, width: int) -> None:
    """Add ``image`` ``[C, pixels]`` convolved with ``kernels`` ``[F, C, K, K]`` to ``planes``.

    As many pixels are filled as ``planes`` ``[F, pixels]`` has.
    """
    filters, size = kernels.shape[0], kernels.shape[2]
    part = size if size == _WHOLE_ROW else _part(size, _SUM_TAPS)
    for f in range(0, filters, _BLOCK):
        for k in range(0, size, part):
            taps = min(part, size - k)
            if filters - f >= _BLOCK:
                _sum_taps(image, kernels, planes, f, k, taps, width, (0, 0, 0))
            else:
                for g in range(f, filters):
                    _sum_taps(image, kernels, planes, g, k, taps, width, (0,))


@compile_kernel
def _correlate_block(
    image: Any,
    planes: Any,
    first: int,
    count: int,
    grads: Any,
    f: int,
    k: int,
    width: int,
    block: Any,
    taps: Any,
) -> None:
    """Add to the gradients of a column of at most four taps, from ``k`` on, of a block."""
    g, h = (f + 1, f + 2) if len(block) > 1 else (f, f)
    grad0, grad1, grad2 = planes[f, first:], planes[g, first:], planes[h, first:]
    for channel in range(image.shape[0]):
        plane = image[channel]
        for row in range(grads.shape[2]):
            start = uint64(row * width + k)
            a0 = a1 = a2 = a3 = np.float32(0)
            b0 = b1 = b2 = b3 = np.float32(0)
            c0 = c1 = c2 = c3 = np.float32(0)
            for i in range(count):
                a, b, c = grad0[i], grad1[i], grad2[i]
                pixel = plane[start + uint64(i)]
                a0 += a * pixel
                if len(block) > 1:
                    b0 += b * pixel
                    c0 += c * pixel
                if len(taps) > 1:
                    pixel = plane[start + uint64(i + 1)]
                    a1 += a * pixel
                    if len(block) > 1:
                        b1 += b * pixel
                        c1 += c * pixel
                if len(taps) > 2:
                    pixel = plane[start + uint64(i + 2)]
                    a2 += a * pixel
                    if len(block) > 1:
                        b2 += b * pixel
                        c2 += c * pixel
                if len(taps) > 3:
                    pixel = plane[start + uint64(i + 3)]
                    a3 += a * pixel
                    if len(block) > 1:
                        b3 += b * pixel
                        c3 += c * pixel
            sums = ((a0, b0, c0), (a1, b1, c1), (a2, b2, c2), (a3, b3, c3))
            for tap in range(len(taps)):
                grads[f, channel, row, k + tap] += sums[tap][0]
                if len(block) > 1:
                    grads[g, channel, row, k + tap] += sums[tap][1]
                    grads[h, channel, row, k + tap] += sums[tap][2]


@compile_kernel
def _correlate_taps(
    image: Any,
    planes: Any,
    first: int,
    count: int,
    grads: Any,
    f: int,
    k: int,
    taps: int,
    width: int,
    block: Any,
) -> None:
    if taps == 4:
        _correlate_block(image, planes, first, count, grads, f, k, width, block, (0, 0, 0, 0))
    elif taps == 3:
        _correlate_block(image, planes, first, count, grads, f, k, width, block, (0, 0, 0))
    elif taps == 2:
        _correlate_block(image, planes, first, count, grads, f, k, width, block, (0, 0))
    else:
        _correlate_block(image, planes, first, count, grads, f, k, width, block, (0,))


@compile_kernel
def _add_weight_gradient(
    image: Any, planes: Any, first: int, count: int, grads: Any, width: int
) -> None:
    """Add one image's gradient of kernels ``[F, C, K, K]``.

    Args:
        image: ``[C, pixels]``.
        planes: Gradient of what was convolved, ``[F, pixels]``, beginning at ``first``.
        first: See ``planes``.
        count: Pixels of it that may not be zero.
        grads: Added to.
        width: Columns of the image.
    """
    filters, size = grads.shape[0], grads.shape[2]
    part = _part(size, _GRAD_TAPS)
    for f in range(0, filters, _BLOCK):
        for k in range(0, size, part):
            taps = min(part, size - k)
            if filters - f >= _BLOCK:
                _correlate_taps(image, planes, first, count, grads, f, k, taps, width, (0, 0, 0))
            else:
                for g in range(f, filters):
                    _correlate_taps(image, planes, first, count, grads, g, k, taps, width, (0,))


@compile_kernel
def _activate(plane: Any, width: int, pooling: int, pooled: Any, alive: Any) -> None:
    """Pool and rectify; NaN goes through, so that a lane that diverged is seen."""
    rows, columns = pooled.shape
    zero, one, two, four, eight = _CODES
    for y in range(rows):
        values, codes = pooled[y], alive[y]
        if pooling == NO_POOLING:
            upper = plane[y * width :]
            for x in range(columns):
                value = upper[x]
                values[x] = zero if value <= zero else value
                codes[x] = zero if value <= zero else one
            continue
        upper, lower = plane[2 * y * width :], plane[(2 * y + 1) * width :]
        for x in range(columns):
            left = uint64(2) * uint64(x)  # unsigned: no negative index to be looked out for
            right = left + uint64(1)
            a, b, c, d = upper[left], upper[right], lower[left], lower[right]
            if pooling == MAX_POOLING:
                top = max(max(a, b), max(c, d))
                code = eight
                code = four if c == top else code
                code = two if b == top else code
                code = one if a == top else code  # the first of equals, as torch chooses
                values[x] = zero if top <= zero else top
                codes[x] = zero if top <= zero else code
            else:
                code = (zero if a <= zero else one) + (zero if b <= zero else two)
                code += (zero if c <= zero else four) + (zero if d <= zero else eight)
                total = (zero if a <= zero else a) + (zero if b <= zero else b)
                total += (zero if c <= zero else c) + (zero if d <= zero else d)
                values[x] = total * np.float32(0.25)
                codes[x] = code


@compile_kernel
def _mirror(i: int, padding: int, size: int) -> int:
    """Return where padded position ``i`` was reflected from."""
    i = abs(i - padding)
    return i if i < size else 2 * (size - 1) - i


@compile_kernel
def _pad(image: Any, padding: int, reflect: bool, out: Any) -> None:
    rows, columns = image.shape
    end = columns + 2 * padding - 1
    for y in range(out.shape[0]):
        into = out[y]
        if not reflect and not padding <= y < rows + padding:
            into[:] = 0
            continue
        source = image[_mirror(y, padding, rows)]
        middle = into[padding:]
        for x in range(columns):
            middle[x] = source[x]
        for x in range(padding):
            into[x] = source[padding - x] if reflect else np.float32(0)
            into[end - x] = source[columns - 1 - padding + x] if reflect else np.float32(0)


@compile_kernel
def _unpad(grad: Any, padding: int, reflect: bool, out: Any) -> None:
    """Sum the gradient of padded pixels into the pixels that they were copied from."""
    rows, columns = out.shape
    end = columns + 2 * padding - 1
    out[:] = 0
    for y in range(grad.shape[0]):
        if not reflect and not padding <= y < rows + padding:
            continue
        into, source = out[_mirror(y, padding, rows)], grad[y]
        middle = source[padding:]
        for x in range(columns):
            into[x] += middle[x]
        if reflect:
            for x in range(padding):
                into[padding - x] += source[x]
                into[columns - 1 - padding + x] += source[end - x]


@compile_kernel
def _spread(pooled: Any, alive: Any, width: int, pooling: int, plane: Any) -> None:
    """Carry the gradient of pooled pixels back to the convolution's output."""
    rows, columns = pooled.shape
    zero, one, two, four, eight = _CODES
    for y in range(rows):
        grads, codes = pooled[y], alive[y]
        if pooling == NO_POOLING:
            upper = plane[y * width :]
            for x in range(columns):
                upper[x] = grads[x] * codes[x]
            continue
        upper, lower = plane[2 * y * width :], plane[(2 * y + 1) * width :]
        for x in range(columns):
            left = uint64(2) * uint64(x)
            right = left + uint64(1)
            grad, code = grads[x], codes[x]
            if pooling == MAX_POOLING:
                upper[left] = grad if code == one else zero
                upper[right] = grad if code == two else zero
                lower[left] = grad if code == four else zero
                lower[right] = grad if code == eight else zero
            else:
                bits, grad = np.int32(code), grad * np.float32(0.25)
                upper[left] = grad * np.float32(bits & np.int32(1))
                upper[right] = grad * np.float32((bits >> np.int32(1)) & np.int32(1))
                lower[left] = grad * np.float32((bits >> np.int32(2)) & np.int32(1))
                lower[right] = grad * np.float32((bits >> np.int32(3)) & np.int32(1))


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
    return Network(np.array(stages, np.int64), size, padding, reflect, classes, head, values)


@compile_kernel
def _kernels(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as kernels ``[F, C, K, K]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    count = filters * channels * net.size * net.size
    return flat[first : first + count].reshape(filters, channels, net.size, net.size)


@compile_kernel
def _bias(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as a bias ``[F]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    start = first + filters * channels * net.size * net.size
    return flat[start : start + filters]


@compile_kernel
def _head(net: Any, flat: Any) -> Any:
    """Return the classifier's part of ``[P]``: weight ``[classes, F]``, bias ``[classes]``."""
    filters = net.stages[net.stages.shape[0] - 1, 1]
    end = net.head + net.classes * filters
    weight = flat[net.head : end].reshape(net.classes, filters)
    return weight, flat[end : end + net.classes]


@compile_kernel
def _total(run: Any) -> Any:
    """Return the sum of a run; numpy's own keeps its order, and is ten times slower for it."""
    total = np.float32(0)
    for i in range(run.shape[0]):
        total += run[i]
    return total


@compile_kernel
def _planes(rows: Any, s: int, count: int, pixels: int) -> Any:
    """Return a scratch row as ``[count, pixels]``."""
    return rows[s, : count * pixels].reshape(count, pixels)


@compile_kernel
def _forward(net: Any, scratch: Any, values: Any, image: Any, features: Any, logits: Any) -> None:
    """Take one padded image ``[H*W]`` to its features ``[F]`` and logits ``[classes]``."""
    first = scratch.inputs[0]
    for i in range(image.shape[0]):
        first[i] = image[i]
    last = net.stages.shape[0] - 1
    for s in range(last + 1):
        channels, filters, height, width, rows, columns, pooling, _ = net.stages[s]
        count = _rounded(height * width - (net.size - 1) * (width + 1))
        planes = _planes(scratch.planes, s, filters, count)
        pooled = _planes(scratch.pooled, s, rows, columns)
        bias = _bias(net, s, values)
        for f in range(filters):
            planes[f] = bias[f]
        image_planes = _planes(scratch.inputs, s, channels, height * width + _ROOM)
        _convolve(image_planes, _kernels(net, s, values), planes, width)
        for f in range(filters):
            alive = scratch.alive[s, f * rows * columns : (f + 1) * rows * columns]
            _activate(planes[f], width, pooling, pooled, alive.reshape(rows, columns))
            if s == last:
                features[f] = _total(pooled.reshape(-1)) / np.float32(rows * columns)
            else:
                pixels = net.stages[s + 1, 2] * net.stages[s + 1, 3]
                start = f * (pixels + _ROOM)
                run = scratch.inputs[s + 1, start : start + pixels]
                into = run.reshape(net.stages[s + 1, 2], net.stages[s + 1, 3])
                _pad(pooled, net.padding, net.reflect, into)
    weight, head_bias = _head(net, values)
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
        pooled = _planes(scratch.pooled, s, rows, columns)
        grads = _planes(scratch.grads, s, filters, reach + pixels + _ROOM)
        grad_bias = _bias(net, s, scratch.gradient)
        for f in range(filters):
            if s == last:
                pooled[:] = grad_features[f] / np.float32(rows * columns)
            else:
                after_height, after_width = net.stages[s + 1, 2], net.stages[s + 1, 3]
                after = after_height * after_width
                carried = _planes(scratch.carried, s + 1, filters, _rounded(after))
                padded = carried[f, :after].reshape(after_height, after_width)
                _unpad(padded, net.padding, net.reflect, pooled)
            alive = scratch.alive[s, f * rows * columns : (f + 1) * rows * columns]
            _spread(pooled, alive.reshape(rows, columns), width, pooling, grads[f, reach:])
            grad_bias[f] += _total(grads[f, reach:])
        image = _planes(scratch.inputs, s, channels, pixels + _ROOM)
        weights = _kernels(net, s, scratch.gradient)
        _add_weight_gradient(image, grads, reach, _rounded(pixels - reach), weights, width)
        if s > 0:
            carried = _planes(scratch.carried, s, channels, _rounded(pixels))
            carried[:] = 0
            _convolve(grads, _turned(net, s, scratch.turned), carried, width)


@compile_kernel
def _turned(net: Any, s: int, flat: Any) -> Any:
    """Return stage ``s``'s part of ``[P]`` as turned kernels ``[C, F, K, K]``."""
    channels, filters, first = net.stages[s, 0], net.stages[s, 1], net.stages[s, 7]
    count = filters * channels * net.size * net.size
    return flat[first : first + count].reshape(channels, filters, net.size, net.size)


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
    count, size = order.shape[2], net.size
    filters = net.stages[net.stages.shape[0] - 1, 1]
    features = np.empty(filters, np.float32)
    grad_features = np.empty(filters, np.float32)
    grad_logits = np.empty(net.classes, np.float32)
    gradient = scratch.gradient
    grad_head, grad_head_bias = _head(net, gradient)
    for lane in range(first, last):
        values = net.values[lane]
        head, _ = _head(net, values)
        step = steps
        for epoch in range(order.shape[0]):
            for start in range(0, count, batch_size):
                end = min(start + batch_size, count)
                share = np.float32(1) / np.float32(end - start)
                gradient[:] = 0
                for s in range(1, net.stages.shape[0]):
                    kernels, turned = _kernels(net, s, values), _turned(net, s, scratch.turned)
                    for f in range(kernels.shape[0]):
                        for c in range(kernels.shape[1]):
                            for y in range(size):
                                for x in range(size):
                                    turned[c, f, y, x] = kernels[f, c, size - 1 - y, size - 1 - x]
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
