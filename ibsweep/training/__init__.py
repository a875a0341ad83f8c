"""Training many replicates at once, free of Ray and Optuna."""

from ibsweep.training.data import LaneData
from ibsweep.training.loop import Evaluation, Trainer, TrainingSettings
from ibsweep.training.optimizers import OPTIMIZERS

__all__ = ["OPTIMIZERS", "Evaluation", "LaneData", "Trainer", "TrainingSettings"]
