"""The two sums that convolutions spend their time in, as tiles that stay in vector registers.

A compiler that is given a plain loop loads and stores a running sum for every row of a kernel;
here sums are begun, added up over all channels and taps, and stored once. Numba has no vectors to
say that with, so these functions write LLVM's instructions themselves, one case for every number
of filters that are taken together. LLVM cuts the vectors to what the machine has.

Notation:
    C: input channels, F: filters, K: kernel size
    plane: rows of pixels one behind the other, ``width`` apart
    starts: where in a plane vectors begin; ``cover`` finds them
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ibsweep.models.kernels import vectors
from ibsweep.models.kernels.common import compile_kernel
from ibsweep.models.kernels.vectors import NARROW, VECTOR, ZERO, add_product, index, load, store

__all__ = ["add_products", "convolve_tile", "cover", "products_shape", "tile_shape"]

_SUMS, _MOST_VECTORS = (12, 3) if NARROW else (24, 4)
"""Vectors of sums, and of pixels, that registers hold together."""

_MOST_FILTERS = _SUMS // 2
_MOST_PRODUCT_FILTERS, _MOST_TAPS = (3, 4) if NARROW else (6, 7)


@compile_kernel
def cover(rows: int, columns: int, width: int) -> Any:
    """Return where the vectors begin that hold a plane's first ``columns`` of every row.

    No two overlap, and columns behind ``columns`` are left out where a whole vector is.
    """
    starts = np.empty(rows * width // VECTOR + rows, np.int64)
    count, at = 0, 0
    while at < rows * width:
        if at % width >= columns:
            at = (at // width + 1) * width
            continue
        starts[count] = at
        count += 1
        at += VECTOR
    return starts[:count]


@compile_kernel
def tile_shape(filters: int) -> tuple[int, int]:
    """Return how many filters and vectors of pixels a tile of ``convolve_tile`` has."""
    parts = (filters + _MOST_FILTERS - 1) // _MOST_FILTERS
    block = (filters + parts - 1) // parts
    return block, min(_MOST_VECTORS, _SUMS // block)


@compile_kernel
def products_shape(filters: int, size: int) -> tuple[int, int]:
    """Return how many filters and taps, at most, a tile of ``add_products`` has."""
    parts = (size + _MOST_TAPS - 1) // _MOST_TAPS
    taps = (size + parts - 1) // parts
    return min(filters, _MOST_PRODUCT_FILTERS, _SUMS // taps), taps


@intrinsic
def convolve_tile(
    typing: Any,
    image: Any,
    kernels: Any,
    bias: Any,
    planes: Any,
    starts: Any,
    count: Any,
    first: Any,
    f: Any,
    block: Any,
    width: Any,
    row: Any,
    end: Any,
) -> Any:
    """Fill a tile of ``planes``: ``block`` filters from ``f``, vectors from the ``first`` one.

    Behind the last vector a tile does that one again.

    Args:
        typing: Numba's.
        image: ``[C, pixels]``.
        kernels: ``[C, K, K, F]``.
        bias: ``[F]``, what a sum begins with.
        planes: ``[F, pixels]``.
        starts: Where vectors begin.
        count: Their number.
        first: First of the tile; it has as many as ``tile_shape`` says.
        f: First filter.
        block: Number of filters.
        width: Columns of the image.
        row: First row of the kernels that is not over zeros alone.
        end: The row behind the last such one.
    """
    arrays, numbers = (image, kernels, bias, planes, starts), (types.intp,) * 7
    del typing, count, first, f, block, width, row, end

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        image, kernels, bias, planes, starts = vectors.arrays_of(context, builder, signature, args)
        count, first, f, block, width, row, end = args[5:]

        def write_case(filters: int) -> None:
            offsets = []
            for v in range(min(_MOST_VECTORS, _SUMS // filters)):
                at, last = builder.add(first, index(v)), builder.sub(count, index(1))
                at = builder.select(builder.icmp_signed("<", at, last), at, last)
                offsets.append(builder.load(builder.gep(starts.data, [at])))
            sums = []
            for i in range(filters):
                begin = _weight(builder, bias, builder.add(f, index(i)))
                sums.append([cgutils.alloca_once_value(builder, begin) for _ in offsets])
            channels, size = image.shape[0], kernels.shape[1]
            with (
                cgutils.for_range(builder, channels) as channel,
                cgutils.for_range_slice(builder, row, end, index(1)) as (y, _),
                cgutils.for_range(builder, size) as tap,
            ):
                here = image.offset(channel.index, builder.add(builder.mul(y, width), tap.index))
                pixels = [load(builder, image, builder.add(here, at)) for at in offsets]
                weights = kernels.offset(channel.index, y, tap.index, f)
                for i in range(filters):
                    weight = _weight(builder, kernels, builder.add(weights, index(i)))
                    for place, pixel in zip(sums[i], pixels, strict=True):
                        add_product(builder, place, pixel, weight)
            for i in range(filters):
                plane = planes.offset(builder.add(f, index(i)), index(0))
                for place, at in zip(sums[i], offsets, strict=True):
                    into = builder.add(plane, at)
                    store(builder, builder.load(place), planes, into)

        _write_cases(builder, block, range(1, _MOST_FILTERS + 1), write_case)
        return context.get_dummy_value()

    return types.void(*arrays, *numbers), write


@intrinsic
def add_products(
    typing: Any,
    image: Any,
    planes: Any,
    grads: Any,
    starts: Any,
    count: Any,
    reach: Any,
    channel: Any,
    f: Any,
    block: Any,
    row: Any,
    k: Any,
    taps: Any,
    width: Any,
) -> Any:
    """Add to ``grads`` at ``taps`` places of a kernel row the products of planes and pixels.

    Args:
        typing: Numba's.
        image: ``[C, pixels]``.
        planes: Gradient of what was convolved, ``[F, pixels]``; zero behind the columns in use.
        grads: Gradient of the kernels, ``[F, C, K, K]``, with three more floats behind it.
        starts: Where vectors begin.
        count: Their number.
        reach: Where planes begin.
        channel: Input channel.
        f: First filter.
        block: Number of filters.
        row: Row of the kernels.
        k: First tap in it.
        taps: Number of taps.
        width: Columns of the image.
    """
    arrays, numbers = (image, planes, grads, starts), (types.intp,) * 9
    del typing, count, reach, channel, f, block, row, k, taps, width

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        image, planes, grads, starts = vectors.arrays_of(context, builder, signature, args)
        count, reach, channel, f, block, row, k, taps, width = args[4:]

        def write_case(case: int) -> None:
            filters, columns = divmod(case, _MOST_TAPS + 1)
            sums = [
                [cgutils.alloca_once_value(builder, ZERO) for _ in range(columns)]
                for _ in range(filters)
            ]
            corner = image.offset(channel, builder.add(builder.mul(row, width), k))
            lines = [planes.offset(builder.add(f, index(i)), reach) for i in range(filters)]
            with cgutils.for_range(builder, count) as loop:
                at = builder.load(builder.gep(starts.data, [loop.index]))
                parts = [load(builder, planes, builder.add(line, at)) for line in lines]
                here = builder.add(corner, at)
                for tap in range(columns):
                    pixel = load(builder, image, builder.add(here, index(tap)))
                    for i, part in enumerate(parts):
                        add_product(builder, sums[i][tap], pixel, part)
            group = 1 << (columns - 1).bit_length()  # zeros fill it up: their sums change nothing
            rows = [[builder.load(p) for p in line] for line in sums]
            padded = [vector for line in rows for vector in (*line, *[ZERO] * (group - columns))]
            totals = vectors.totals(builder, padded)
            for i in range(filters):
                into = grads.offset(builder.add(f, index(i)), channel, row, k)
                line = _part(builder, totals, i * group, group)
                before = load(builder, grads, into, group)
                store(builder, builder.fadd(before, line), grads, into, group)

        cases = [
            filters * (_MOST_TAPS + 1) + columns
            for filters in range(1, _MOST_PRODUCT_FILTERS + 1)
            for columns in range(1, _MOST_TAPS + 1)
            if filters * columns <= _SUMS
        ]
        case = builder.add(builder.mul(block, index(_MOST_TAPS + 1)), taps)
        _write_cases(builder, case, cases, write_case)
        return context.get_dummy_value()

    return types.void(*arrays, *numbers), write


def _write_cases(
    builder: Any, value: Any, cases: Sequence[int], write_case: Callable[[int], None]
) -> None:
    """Write a branch for every value that is expected."""
    done = builder.append_basic_block("done")
    switch = builder.switch(value, done)
    for case in cases:
        block = builder.append_basic_block(f"case{case}")
        switch.add_case(index(case), block)
        builder.position_at_end(block)
        write_case(case)
        builder.branch(done)
    builder.position_at_end(done)


def _weight(builder: Any, array: Any, offset: Any) -> Any:
    return vectors.splat(builder, builder.load(builder.gep(array.data, [offset])))


def _part(builder: Any, parts: list[Any], first: int, length: int) -> Any:
    """Return ``length`` elements of vectors, one behind the other; a power of two."""
    vector = parts[first // VECTOR]
    places = [first % VECTOR + i for i in range(length)]
    return vectors.shuffle(builder, vector, vector, places)
