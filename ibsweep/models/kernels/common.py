"""How kernels are compiled, and where what was compiled is kept.

Numba keeps compiled functions on disk, so that a machine compiles once, for all shapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba import njit
from numba.core import config
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from ibsweep.models.kernels.cache import TolerantCache, cache_directory

__all__ = ["CACHE", "aligned_zeros", "compile_kernel"]

_SOURCE = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
_KEY = sha256(_SOURCE + numba.__version__.encode()).hexdigest()[:12]
CACHE = cache_directory()
"""Where this process keeps what it compiles."""


class _Library(JITCodeLibrary):
    """A kernel's machine code, with the functions that it calls as its own.

    Numba gives every caller copies of what it calls, optimised once more, but under the same
    names; and a name means whatever was loaded first. Where kernels are compiled that is the
    original, so there sums ran in another order than where ``train`` is loaded from disk alone.
    """

    def _finalize_final_module(self) -> None:
        linkonce = llvmlite.binding.Linkage.linkonce_odr
        copies = [each for each in self._final_module.functions if each.linkage == linkonce]
        for function in copies:
            function.linkage = "internal"
        super()._finalize_final_module()  # writes the machine code
        for function in copies:  # callers copy the module in turn, and may inline or drop these
            function.linkage = linkonce


class _Compiler(Compiler):
    """Numba's compiler, into a ``_Library``."""

    def compile_extra(self, func: Any) -> Any:
        self.state.library = _Library(self.state.targetctx.codegen(), func.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(func)


# Sums may be reordered and fused; but NaN and infinity mean divergence and must get through.
_compile = njit(
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
    pipeline_class=_Compiler,
)


def compile_kernel(function: Callable[..., Any]) -> Any:
    """Compile a function, and keep what comes of it on disk for as long as no kernel changes.

    Numba by itself looks at the function's own file, and would go on using what was compiled of an
    older version of those that it calls.
    """
    kernel = _compile(function)
    if CACHE is not None:
        before, config.CACHE_DIR = config.CACHE_DIR, str(CACHE / _KEY)
        try:
            kernel._cache = TolerantCache(function)  # as the option cache=True does
        except (OSError, RuntimeError):  # the directory cannot be written any more
            pass
        finally:
            config.CACHE_DIR = before
    return kernel


def aligned_zeros(*shape: int, kind: Any = np.float32) -> Any:
    """Return zeros of four bytes each that begin where a cache line does.

    Elsewhere vectors lie across two lines: a perceptron would take a fifth longer.
    """
    length = 4 * math.prod(shape)
    memory = np.zeros(length + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + length].view(kind).reshape(shape)
