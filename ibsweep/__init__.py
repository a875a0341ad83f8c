"""ibsweep: hyperparameter sweeps for many small models, with the evidence for what they find."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ibsweep")
except PackageNotFoundError:  # a source tree on PYTHONPATH, not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
