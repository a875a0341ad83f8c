"""Training many replicates at once; knows nothing of Ray or Optuna."""

from ibsweep.training.loop import Evaluation, LaneData, Trainer, TrainingSettings
from ibsweep.training.optimizers import OPTIMIZERS

__all__ = ["OPTIMIZERS", "Evaluation", "LaneData", "Trainer", "TrainingSettings"]
