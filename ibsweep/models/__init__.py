"""The built-in models, each built for L lanes at once; torch is imported by ``build``."""

from ibsweep.models.catalogue import MODELS
from ibsweep.models.factory import build, count_parameters

__all__ = ["MODELS", "build", "count_parameters"]
