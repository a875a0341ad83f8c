"""The notebook's six models, each built for L lanes at once."""

from ibsweep.models.base import LaneModel
from ibsweep.models.catalogue import MODELS, build, count_parameters

__all__ = ["MODELS", "LaneModel", "build", "count_parameters"]
