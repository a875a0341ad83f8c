"""What happens to planes of pixels between convolutions: ReLU, pooling, padding, and back.

Rows are gone through in whole vectors: of 14 columns a loop would leave six over, which take
longer than the rest. What lies behind a row's columns counts as zero, or is written again later,
so rows are taken in order.

Notation:
    pooled: ``[rows * pitch]``, activations or their gradient; ``pitch`` is ``columns`` in whole
        vectors
    routes: ``[rows * pitch]``, codes that say which pixels of a window the gradient goes to
    plane: what was convolved, rows ``width`` apart; ``padded`` likewise
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types, uint64
from numba.extending import intrinsic

from ibsweep.models.kernels.common import compile_kernel
from ibsweep.models.kernels.vectors import (
    VECTOR,
    ZERO,
    Array,
    arrays_of,
    constant,
    index,
    load,
    shuffle,
    splat,
    store,
)

__all__ = ["NO_POOLING", "POOLINGS", "activate", "pad", "pitch_of", "spread", "sum_of", "unpad"]

NO_POOLING, MAX_POOLING, AVERAGE_POOLING = range(3)
POOLINGS = {None: NO_POOLING, "max": MAX_POOLING, "average": AVERAGE_POOLING}

_CODES = 1, 2, 4, 8
"""Which of a pooled pixel's four pass a gradient on: a sum of powers of two."""

_WHOLE = ir.VectorType(ir.IntType(32), VECTOR)
_EVEN, _ODD = range(0, 2 * VECTOR, 2), range(1, 2 * VECTOR, 2)
_ZIPPED = [i // 2 + i % 2 * VECTOR for i in range(2 * VECTOR)]


@compile_kernel
def pitch_of(columns: int) -> int:
    """Return the columns of whole vectors."""
    return (columns + VECTOR - 1) // VECTOR * VECTOR


@compile_kernel
def sum_of(run: Any) -> Any:
    """Return the sum of a run; numpy's own keeps its order, and is ten times slower for it."""
    total = np.float32(0)
    for i in range(run.shape[0]):
        total += run[i]
    return total


@compile_kernel
def activate(
    plane: Any, width: int, rows: int, columns: int, pooling: int, pooled: Any, routes: Any
) -> None:
    """Pool and rectify; NaN goes through, so that a lane that diverged is seen."""
    pitch = pitch_of(columns)
    for y in range(rows):
        for x in range(0, pitch, VECTOR):
            into, left = y * pitch + x, columns - x
            if pooling == NO_POOLING:
                _rectify(plane, pooled, routes, y * width + x, width, into, left)
            elif pooling == MAX_POOLING:
                _pool_max(plane, pooled, routes, 2 * (y * width + x), width, into, left)
            else:
                _pool_average(plane, pooled, routes, 2 * (y * width + x), width, into, left)


@compile_kernel
def spread(
    pooled: Any, routes: Any, rows: int, columns: int, pooling: int, plane: Any, width: int
) -> None:
    """Carry the gradient of pooled pixels back to the convolution's output."""
    pitch = pitch_of(columns)
    scale = np.float32(0.25 if pooling == AVERAGE_POOLING else 1)
    for y in range(rows):
        if pooling == NO_POOLING:
            for x in range(0, pitch, VECTOR):
                _spread(pooled, routes, plane, y * pitch + x, y * width + x)
            continue
        for lower in range(2):
            for x in range(0, pitch, VECTOR):
                into = (2 * y + lower) * width + 2 * x
                _spread_pairs(pooled, routes, plane, y * pitch + x, into, 3 * lower + 1, scale)


def _pooling(
    window: Callable[[Any, Array, Any, Any], list[Any]],
    combine: Callable[[Any, list[Any]], tuple[Any, Any]],
) -> Any:
    """Return the intrinsic that takes a vector of windows of a plane to one of activations.

    Args:
        window: Reads the pixels of a vector of windows, at an offset of a plane of some width.
        combine: Takes them, as many vectors as a window has pixels, to activations and codes.
    """

    @intrinsic
    def pool(
        typing: Any,
        plane: Any,
        pooled: Any,
        routes: Any,
        at: Any,
        width: Any,
        into: Any,
        left: Any,
    ) -> Any:
        """Pool and rectify a vector of windows, of which ``left`` count."""
        del typing, at, width, into, left

        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            plane, pooled, routes = arrays_of(context, builder, signature, args)
            at, width, into, left = args[3:]
            value, code = combine(builder, window(builder, plane, at, width))
            on = _counts(builder, left)
            store(builder, builder.select(on, value, ZERO), pooled, into)
            store(builder, builder.select(on, code, _code(0)), routes, into)
            return context.get_dummy_value()

        return types.void(plane, pooled, routes, *(types.intp,) * 4), write

    return pool


def _one(builder: Any, plane: Array, at: Any, width: Any) -> list[Any]:
    """Return a vector of pixels, each a window of its own."""
    del width
    return [load(builder, plane, at)]


def _four(builder: Any, plane: Array, at: Any, width: Any) -> list[Any]:
    """Return the pixels of 2x2 windows in the order of ``_CODES``: two rows of two vectors."""
    found = []
    for start in (at, builder.add(at, width)):
        one = load(builder, plane, start)
        other = load(builder, plane, builder.add(start, index(VECTOR)))
        found += [shuffle(builder, one, other, places) for places in (_EVEN, _ODD)]
    return found


def _rectified(builder: Any, pixels: list[Any]) -> tuple[Any, Any]:
    (pixel,) = pixels
    on = _passes(builder, pixel)
    return builder.select(on, pixel, ZERO), builder.select(on, _code(1), _code(0))


def _largest(builder: Any, pixels: list[Any]) -> tuple[Any, Any]:
    """Pool, then rectify: the two commute, and so there is less to do."""
    top, total = pixels[0], pixels[0]
    for pixel in pixels[1:]:
        top = builder.select(builder.fcmp_ordered(">", top, pixel), top, pixel)
        total = builder.fadd(total, pixel)
    top = builder.select(builder.fcmp_unordered("uno", total, total), total, top)
    code = _code(_CODES[3])
    for pixel, bit in zip(pixels[2::-1], _CODES[2::-1], strict=True):
        # the first of equals, as torch chooses
        code = builder.select(builder.fcmp_ordered("==", pixel, top), _code(bit), code)
    on = _passes(builder, top)
    return builder.select(on, top, ZERO), builder.select(on, code, _code(0))


def _mean(builder: Any, pixels: list[Any]) -> tuple[Any, Any]:
    """Rectify, then pool."""
    total, code = ZERO, _code(0)
    for pixel, bit in zip(pixels, _CODES, strict=True):
        on = _passes(builder, pixel)
        total = builder.fadd(total, builder.select(on, pixel, ZERO))
        code = builder.or_(code, builder.select(on, _code(bit), _code(0)))
    return builder.fmul(total, constant(1 / len(_CODES))), code


_rectify = _pooling(_one, _rectified)
_pool_max = _pooling(_four, _largest)
_pool_average = _pooling(_four, _mean)


@intrinsic
def _spread(typing: Any, pooled: Any, routes: Any, plane: Any, at: Any, into: Any) -> Any:
    """Write a vector of gradients where pixels passed."""
    del typing, at, into

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pooled, routes, plane = arrays_of(context, builder, signature, args)
        at, into = args[3:]
        on = _has(builder, load(builder, routes, at), _code(1))
        store(builder, builder.select(on, load(builder, pooled, at), ZERO), plane, into)
        return context.get_dummy_value()

    return types.void(pooled, routes, plane, *(types.intp,) * 2), write


@intrinsic
def _spread_pairs(
    typing: Any, pooled: Any, routes: Any, plane: Any, at: Any, into: Any, bit: Any, scale: Any
) -> Any:
    """Write a vector of gradients to pairs of pixels: those coded ``bit`` and twice ``bit``."""
    del typing, at, into, bit, scale

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pooled, routes, plane = arrays_of(context, builder, signature, args)
        at, into, bit, scale = args[3:]
        code = load(builder, routes, at)
        grad = builder.fmul(load(builder, pooled, at), splat(builder, scale))
        sides = []
        for power in (bit, builder.add(bit, bit)):
            on = _has(builder, code, splat(builder, power))
            sides.append(builder.select(on, grad, ZERO))
        store(builder, shuffle(builder, sides[0], sides[1], _ZIPPED[:VECTOR]), plane, into)
        behind = builder.add(into, index(VECTOR))
        store(builder, shuffle(builder, sides[0], sides[1], _ZIPPED[VECTOR:]), plane, behind)
        return context.get_dummy_value()

    numbers = (types.intp, types.intp, types.int32, types.float32)
    return types.void(pooled, routes, plane, *numbers), write


@intrinsic
def _copy(typing: Any, source: Any, target: Any, at: Any, into: Any) -> Any:
    """Copy a vector."""
    del typing, at, into

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = arrays_of(context, builder, signature, args)
        store(builder, load(builder, source, args[2]), target, args[3])
        return context.get_dummy_value()

    return types.void(source, target, types.intp, types.intp), write


def _code(value: int) -> Any:
    return ir.Constant(_WHOLE, [value] * VECTOR)


def _has(builder: Any, code: Any, bit: Any) -> Any:
    return builder.icmp_signed("!=", builder.and_(code, bit), _code(0))


def _passes(builder: Any, value: Any) -> Any:
    """Return where ReLU lets through: what is positive, or not a number."""
    return builder.fcmp_unordered(">", value, ZERO)


def _counts(builder: Any, left: Any) -> Any:
    """Return which of a vector's elements are among the first ``left``."""
    places = ir.Constant(_WHOLE, list(range(VECTOR)))
    return builder.icmp_signed("<", places, splat(builder, builder.trunc(left, ir.IntType(32))))


@compile_kernel
def pad(
    pooled: Any, rows: int, columns: int, padding: int, reflect: bool, padded: Any, width: int
) -> None:
    """Fill ``padded`` with an image and its padding on all sides."""
    pitch, zero = pitch_of(columns), np.float32(0)
    for y in range(rows):
        first = (y + padding) * width + padding
        last = first + columns - 1
        for x in range(0, pitch, VECTOR):
            _copy(pooled, padded, y * pitch + x, first + x)
        for x in range(1, padding + 1):
            padded[uint64(first - x)] = padded[uint64(first + x)] if reflect else zero
            padded[uint64(last + x)] = padded[uint64(last - x)] if reflect else zero
    for y in range(1, padding + 1):
        for middle, side in ((padding, -y), (padding + rows - 1, y)):
            into, at = uint64((middle + side) * width), uint64((middle - side) * width)
            for x in range(width):
                padded[into + uint64(x)] = padded[at + uint64(x)] if reflect else zero


@compile_kernel
def unpad(
    padded: Any, rows: int, columns: int, padding: int, reflect: bool, pooled: Any, width: int
) -> None:
    """Sum the gradient of padded pixels into the pixels that they were copied from.

    Rows of ``padded`` change on the way.
    """
    pitch = pitch_of(columns)
    for y in range(1, padding * reflect + 1):
        for middle, side in ((padding, -y), (padding + rows - 1, y)):
            at, into = uint64((middle + side) * width), uint64((middle - side) * width)
            for x in range(width):
                padded[into + uint64(x)] += padded[at + uint64(x)]
    for y in range(rows):
        first, begin = (y + padding) * width + padding, y * pitch
        last, end = first + columns - 1, begin + columns - 1
        for x in range(0, pitch, VECTOR):
            _copy(padded, pooled, first + x, begin + x)
        for x in range(1, padding * reflect + 1):
            pooled[uint64(begin + x)] += padded[uint64(first - x)]
            pooled[uint64(end - x)] += padded[uint64(last + x)]
