"""ibsweep: hyperparameter sweeps for many small models, with the evidence for what they find."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibsweep.analysis.load import Results
    from ibsweep.api import resume, tune

try:
    __version__ = version("ibsweep")
except PackageNotFoundError:  # a source tree on PYTHONPATH, not installed
    __version__ = "0+unknown"

__all__ = ["__version__", "load", "resume", "tune"]


def load(path: str | os.PathLike[str] = "results") -> Results:
    """Read a results directory, or one sweep's, as tidy frames.

    Args:
        path: A directory that ``ibsweep tune`` wrote to, or the directory of one sweep in it.

    Returns:
        The frames ``sweeps``, ``trials``, ``curves``, ``confirmations`` and ``replications``, the
        questions, and the best configuration of every arm.

    Raises:
        InputError: If there is no such directory, or it is one sweep's and cannot be read.
    """
    from ibsweep.analysis import load as loading  # pandas takes a while to import

    return loading.load(path)


def __getattr__(name: str) -> object:
    """Import what trains when it is first asked for."""
    if name in ("resume", "tune"):
        return getattr(import_module("ibsweep.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
