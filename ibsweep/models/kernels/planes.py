"""What happens to planes of pixels between convolutions: ReLU, pooling, padding, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64

from ibsweep.models.kernels.common import compile_kernel

__all__ = ["POOLINGS", "activate", "pad", "spread", "sum_of", "unpad"]

NO_POOLING, MAX_POOLING, AVERAGE_POOLING = range(3)
POOLINGS = {None: NO_POOLING, "max": MAX_POOLING, "average": AVERAGE_POOLING}

_CODES = tuple(np.float32(code) for code in (0, 1, 2, 4, 8))
"""Which of a pooled pixel's four pass a gradient on: a sum of powers of two."""


@compile_kernel
def activate(plane: Any, width: int, pooling: int, pooled: Any, alive: Any) -> None:
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
def pad(image: Any, padding: int, reflect: bool, out: Any) -> None:
    """Fill ``out`` with an image and its padding on all sides."""
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
def unpad(grad: Any, padding: int, reflect: bool, out: Any) -> None:
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
def spread(pooled: Any, alive: Any, width: int, pooling: int, plane: Any) -> None:
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


@compile_kernel
def sum_of(run: Any) -> Any:
    """Return the sum of a run; numpy's own keeps its order, and is ten times slower for it."""
    total = np.float32(0)
    for i in range(run.shape[0]):
        total += run[i]
    return total
