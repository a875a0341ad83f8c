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

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from ibsweep.models.kernels.common import compile_kernel

__all__ = ["VECTOR", "add_products", "convolve_tile", "cover", "products_shape", "tile_shape"]

_FEATURES = config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten()

VECTOR, _SUMS, _MOST_VECTORS = (16, 24, 4) if "+avx512f" in _FEATURES else (8, 12, 3)
"""Floats of a vector; vectors of sums, and of pixels, that registers hold together."""

_MOST_FILTERS = _SUMS // 2
_MOST_TAPS, _MOST_PRODUCT_FILTERS = (7, 6) if VECTOR == 16 else (4, 3)

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, VECTOR)
_CONTRACT = ("contract",)  # a product and a sum may be one instruction


@compile_kernel
def cover(rows: int, columns: int, width: int, starts: Any) -> int:
    """Write where the vectors begin that hold a plane's first ``columns`` of every row.

    No two overlap, and columns behind ``columns`` are left out where a whole vector is.

    Returns:
        Their number; ``starts`` has room for ``rows * width / VECTOR + rows``.
    """
    count, at = 0, 0
    while at < rows * width:
        if at % width >= columns:
            at = (at // width + 1) * width
            continue
        starts[count] = at
        count += 1
        at += VECTOR
    return count


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
        image, kernels, bias, planes, starts = _arrays(context, builder, signature, args)
        count, first, f, block, width, row, end = args[5:]

        def write_case(filters: int) -> None:
            vectors = min(_MOST_VECTORS, _SUMS // filters)
            offsets = []
            for v in range(vectors):
                at, last = builder.add(first, _index(v)), builder.sub(count, _index(1))
                at = builder.select(builder.icmp_signed("<", at, last), at, last)
                offsets.append(builder.load(builder.gep(starts.data, [at])))
            sums = []
            for i in range(filters):
                begin = _splat(builder, bias.data, builder.add(f, _index(i)))
                sums.append([cgutils.alloca_once_value(builder, begin) for _ in offsets])
            channels, size = image.shape[0], kernels.shape[1]
            with (
                cgutils.for_range(builder, channels) as channel,
                cgutils.for_range_slice(builder, row, end, _index(1)) as (y, _),
                cgutils.for_range(builder, size) as tap,
            ):
                here = image.offset(channel.index, builder.add(builder.mul(y, width), tap.index))
                pixels = [_load(builder, image.data, builder.add(here, at)) for at in offsets]
                weights = kernels.offset(channel.index, y, tap.index, f)
                for i in range(filters):
                    weight = _splat(builder, kernels.data, builder.add(weights, _index(i)))
                    for place, pixel in zip(sums[i], pixels, strict=True):
                        _add_product(builder, place, pixel, weight)
            for i in range(filters):
                plane = planes.offset(builder.add(f, _index(i)), _index(0))
                for place, at in zip(sums[i], offsets, strict=True):
                    into = builder.add(plane, at)
                    _store(builder, builder.load(place), planes.data, into)

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
        image, planes, grads, starts = _arrays(context, builder, signature, args)
        count, reach, channel, f, block, row, k, taps, width = args[4:]

        def write_case(case: int) -> None:
            filters, columns = divmod(case, _MOST_TAPS + 1)
            zero = ir.Constant(_VECTOR, [0.0] * VECTOR)
            sums = [
                [cgutils.alloca_once_value(builder, zero) for _ in range(columns)]
                for _ in range(filters)
            ]
            corner = image.offset(channel, builder.add(builder.mul(row, width), k))
            lines = [planes.offset(builder.add(f, _index(i)), reach) for i in range(filters)]
            with cgutils.for_range(builder, count) as loop:
                at = builder.load(builder.gep(starts.data, [loop.index]))
                parts = [_load(builder, planes.data, builder.add(line, at)) for line in lines]
                here = builder.add(corner, at)
                for tap in range(columns):
                    pixel = _load(builder, image.data, builder.add(here, _index(tap)))
                    for i, part in enumerate(parts):
                        _add_product(builder, sums[i][tap], pixel, part)
            group = 1 << (columns - 1).bit_length()  # zeros fill it up: their sums change nothing
            rows = [[builder.load(p) for p in line] for line in sums]
            padded = [vector for line in rows for vector in (*line, *[zero] * (group - columns))]
            totals = _totals(builder, padded, zero)
            for i in range(filters):
                into = grads.offset(builder.add(f, _index(i)), channel, row, k)
                line = _part(builder, totals, i * group, group)
                before = _load(builder, grads.data, into, group)
                _store(builder, builder.fadd(before, line), grads.data, into, group)

        cases = [
            filters * (_MOST_TAPS + 1) + columns
            for filters in range(1, _MOST_PRODUCT_FILTERS + 1)
            for columns in range(1, _MOST_TAPS + 1)
            if filters * columns <= _SUMS
        ]
        case = builder.add(builder.mul(block, _index(_MOST_TAPS + 1)), taps)
        _write_cases(builder, case, cases, write_case)
        return context.get_dummy_value()

    return types.void(*arrays, *numbers), write


class _Array:
    """An array's data and sizes, as LLVM's values."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        if kind.layout != "C":
            raise TypeError(f"tiles want arrays that lie in one piece, but got {kind}")
        array = context.make_array(kind)(context, builder, value)
        self.builder, self.data = builder, array.data
        self.shape = cgutils.unpack_tuple(builder, array.shape)

    def offset(self, *indices: Any) -> Any:
        """Return how far behind ``data`` an element lies."""
        total = indices[0]
        for size, index in zip(self.shape[1:], indices[1:], strict=True):
            total = self.builder.add(self.builder.mul(total, size), index)
        return total


def _arrays(context: Any, builder: Any, signature: Any, args: Any) -> list[_Array]:
    pairs = zip(signature.args, args, strict=True)
    kinds = [(kind, value) for kind, value in pairs if isinstance(kind, types.Array)]
    return [_Array(context, builder, kind, value) for kind, value in kinds]


def _write_cases(
    builder: Any, value: Any, cases: Sequence[int], write_case: Callable[[int], None]
) -> None:
    """Write a branch for every value that is expected."""
    done = builder.append_basic_block("done")
    switch = builder.switch(value, done)
    for case in cases:
        block = builder.append_basic_block(f"case{case}")
        switch.add_case(_index(case), block)
        builder.position_at_end(block)
        write_case(case)
        builder.branch(done)
    builder.position_at_end(done)


def _index(value: int) -> Any:
    return ir.Constant(ir.IntType(64), value)


def _load(builder: Any, data: Any, offset: Any, length: int = VECTOR) -> Any:
    kind = ir.VectorType(_FLOAT, length).as_pointer()
    return builder.load(builder.bitcast(builder.gep(data, [offset]), kind), align=4)


def _store(builder: Any, value: Any, data: Any, offset: Any, length: int = VECTOR) -> None:
    kind = ir.VectorType(_FLOAT, length).as_pointer()
    builder.store(value, builder.bitcast(builder.gep(data, [offset]), kind), align=4)


def _splat(builder: Any, data: Any, offset: Any) -> Any:
    """Return a vector of one number, as often as it has places."""
    one = builder.load(builder.gep(data, [offset]))
    empty = ir.Constant(_VECTOR, ir.Undefined)
    return _shuffle(builder, builder.insert_element(empty, one, _index(0)), empty, [0] * VECTOR)


def _shuffle(builder: Any, a: Any, b: Any, places: Sequence[int]) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))
    return builder.shuffle_vector(a, b, mask)


def _add_product(builder: Any, place: Any, a: Any, b: Any) -> None:
    product = builder.fmul(a, b, flags=_CONTRACT)
    builder.store(builder.fadd(builder.load(place), product, flags=_CONTRACT), place)


def _totals(builder: Any, vectors: list[Any], zero: Any) -> list[Any]:
    """Sum every vector's elements: element ``i`` of what returns, in order, belongs to the i-th.

    Two vectors at a time give one of half as many parts each, and so on: as many shuffles as
    vectors, where summing each by itself would take four times as many.
    """
    vectors = vectors + [zero] * (-len(vectors) % VECTOR)
    length = VECTOR // 2
    while length:
        both = [i for i in range(2 * VECTOR) if i // length % 2 == 0]
        vectors = [
            builder.fadd(
                _shuffle(builder, a, b, both), _shuffle(builder, a, b, [i + length for i in both])
            )
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        length //= 2
    return vectors


def _part(builder: Any, vectors: list[Any], first: int, length: int) -> Any:
    """Return ``length`` elements of vectors, one behind the other; a power of two."""
    vector = vectors[first // VECTOR]
    places = [first % VECTOR + i for i in range(length)]
    return _shuffle(builder, vector, vector, places)
