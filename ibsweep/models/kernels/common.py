"""What the kernels share: how they are compiled, the loss, the optimisers."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numba.core import config

__all__ = ["UPDATES", "compile_kernel", "cross_entropy_gradient", "update_parameters"]

SGD, ADAM, ADAMW = range(3)
UPDATES = {"sgd": SGD, "adam": ADAM, "adamw": ADAMW}

BETA2, EPS = 0.999, 1e-8
"""Of Adam and AdamW."""

_FOLDER = Path(__file__).parent
_SOURCE = b"".join(path.read_bytes() for path in sorted(_FOLDER.glob("*.py")))
_CACHE = Path(config.CACHE_DIR or _FOLDER / "__pycache__", sha256(_SOURCE).hexdigest()[:12])

# Sums may be reordered and fused; but NaN and infinity mean divergence and must get through.
_compile = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"}
)


def compile_kernel(function: Callable[..., Any]) -> Any:
    """Compile a function, and keep what comes of it on disk for as long as no kernel changes.

    Numba by itself looks at the function's own file, and would go on using what was compiled of an
    older version of those that it calls.
    """
    before, config.CACHE_DIR = config.CACHE_DIR, str(_CACHE)
    try:
        return _compile(function)
    finally:
        config.CACHE_DIR = before


@compile_kernel
def cross_entropy_gradient(logits: Any, label: int, share: Any, grad: Any) -> None:
    """Fill ``grad`` with an image's part, ``share``, of the mean loss's gradient by its logits."""
    top = logits.max()
    total = np.float32(0)
    for k in range(logits.shape[0]):
        grad[k] = np.exp(logits[k] - top)
        total += grad[k]
    for k in range(logits.shape[0]):
        grad[k] *= share / total
    grad[label] -= share


@compile_kernel
def update_parameters(
    kind: int,
    values: Any,
    grads: Any,
    mean: Any,
    square: Any,
    steps: int,
    lr: Any,
    momentum: Any,
    decay: Any,
) -> None:
    """Update ``values`` and their state in place, as ``ibsweep.training.optimizers`` do."""
    one = np.float32(1)
    if kind == SGD:
        buffer = mean
        for i in range(values.shape[0]):
            buffer[i] = momentum * buffer[i] + grads[i] + decay * values[i]
            values[i] -= lr * buffer[i]
        return
    beta = np.float32(BETA2)
    rate = lr / (one - momentum**steps)
    scale = np.float32((1 - BETA2**steps) ** 0.5)
    keep = one - lr * decay if kind == ADAMW else one
    coupled = np.float32(0) if kind == ADAMW else decay
    for i in range(values.shape[0]):
        value = values[i] * keep
        grad = grads[i] + coupled * value
        mean[i] += (one - momentum) * (grad - mean[i])
        square[i] = beta * square[i] + (one - beta) * grad * grad
        values[i] = value - rate * (mean[i] / (np.sqrt(square[i]) / scale + np.float32(EPS)))
