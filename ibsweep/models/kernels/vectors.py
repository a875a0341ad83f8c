"""LLVM's vectors, which Numba's loops do not become: the words of ``tiles`` and ``planes``.

Each function takes LLVM's builder and writes an instruction or a few. LLVM cuts vectors to what
the machine has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils, config

__all__ = [
    "NARROW",
    "VECTOR",
    "ZERO",
    "Array",
    "add_product",
    "arrays_of",
    "constant",
    "index",
    "load",
    "shuffle",
    "splat",
    "store",
    "totals",
]

_FEATURES = config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten()
NARROW = "+avx512f" not in _FEATURES
"""Whether the machine has the usual 16 registers of 8 floats, not 32 of 16."""

VECTOR = 8 if NARROW else 16
"""Floats of a vector."""

_FLOAT = ir.FloatType()
_KIND = ir.VectorType(_FLOAT, VECTOR)
ZERO = ir.Constant(_KIND, [0.0] * VECTOR)
_CONTRACT = ("contract",)  # a product and a sum may be one instruction


class Array:
    """An array's data and sizes, as LLVM's values."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        if kind.layout != "C":
            raise TypeError(f"vectors want arrays that lie in one piece, but got {kind}")
        array = context.make_array(kind)(context, builder, value)
        self.builder, self.data = builder, array.data
        self.shape = cgutils.unpack_tuple(builder, array.shape)

    def offset(self, *indices: Any) -> Any:
        """Return how far behind ``data`` an element lies."""
        total = indices[0]
        for size, place in zip(self.shape[1:], indices[1:], strict=True):
            total = self.builder.add(self.builder.mul(total, size), place)
        return total


def arrays_of(context: Any, builder: Any, signature: Any, args: Any) -> list[Array]:
    """Return those of a function's arguments that are arrays."""
    pairs = zip(signature.args, args, strict=True)
    kinds = [(kind, value) for kind, value in pairs if isinstance(kind, types.Array)]
    return [Array(context, builder, kind, value) for kind, value in kinds]


def index(value: int) -> Any:
    """Return a constant to count with."""
    return ir.Constant(ir.IntType(64), value)


def constant(value: float) -> Any:
    """Return a vector of one number."""
    return ir.Constant(_KIND, [value] * VECTOR)


def load(builder: Any, array: Array, offset: Any, length: int = VECTOR) -> Any:
    """Read ``length`` floats, or int32, that need not be aligned."""
    return builder.load(_place(builder, array, offset, length), align=4)


def store(builder: Any, value: Any, array: Array, offset: Any, length: int = VECTOR) -> None:
    """Write ``length`` floats, or int32, that need not be aligned."""
    builder.store(value, _place(builder, array, offset, length), align=4)


def _place(builder: Any, array: Array, offset: Any, length: int) -> Any:
    kind = ir.VectorType(array.data.type.pointee, length).as_pointer()
    return builder.bitcast(builder.gep(array.data, [offset]), kind)


def splat(builder: Any, one: Any) -> Any:
    """Return a vector of one number, as often as it has places."""
    empty = ir.Constant(ir.VectorType(one.type, VECTOR), ir.Undefined)
    return shuffle(builder, builder.insert_element(empty, one, index(0)), empty, [0] * VECTOR)


def shuffle(builder: Any, a: Any, b: Any, places: Sequence[int]) -> Any:
    """Return the elements at ``places`` of two vectors, one behind the other."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))
    return builder.shuffle_vector(a, b, mask)


def add_product(builder: Any, place: Any, a: Any, b: Any) -> None:
    """Add ``a * b`` to a variable."""
    product = builder.fmul(a, b, flags=_CONTRACT)
    builder.store(builder.fadd(builder.load(place), product, flags=_CONTRACT), place)


def totals(builder: Any, vectors: list[Any]) -> list[Any]:
    """Sum every vector's elements: element ``i`` of what returns, in order, belongs to the i-th.

    Two vectors at a time give one of half as many parts each, and so on: as many shuffles as
    vectors, where summing each by itself would take four times as many.
    """
    vectors = vectors + [ZERO] * (-len(vectors) % VECTOR)
    length = VECTOR // 2
    while length:
        both = [i for i in range(2 * VECTOR) if i // length % 2 == 0]
        vectors = [
            builder.fadd(
                shuffle(builder, a, b, both), shuffle(builder, a, b, [i + length for i in both])
            )
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        length //= 2
    return vectors
