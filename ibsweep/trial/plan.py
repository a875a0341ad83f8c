"""What a trial trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["TrialPlan"]


@dataclass(frozen=True)
class TrialPlan:
    """All that a process needs to know to train a trial; plain JSON values.

    Attributes:
        trial: Number of the trial.
        model: Name of the model, or reference of one of the user's own.
        data: The question's data document.
        train_size: Size of the training set, in the unit of the data's split.
        settings: Complete settings, as ``models.settings.resolve`` returns them.
        seeds: Replicate seeds, one lane each.
        rungs: Epochs at which to stop for a comparison, besides the last one.
        every_epoch: Validate after every epoch, not at the rungs alone.
        metrics: What is recorded beside the loss: names, and references of the user's own; the
            objective is the first.
        train: Reference of the training function of the user's own, where there is no model.
        own: Of code of the user's own: ``folder`` where it lies or None, ``code`` the sha256 by
            path, ``model`` the schema of the model, ``fused`` whether its lanes may run fused.
    """

    trial: int
    model: str
    data: Mapping[str, Any]
    train_size: int
    settings: Mapping[str, Any]
    seeds: Sequence[int]
    rungs: Sequence[int] = ()
    every_epoch: bool = False
    metrics: Sequence[str] = ("accuracy",)
    train: str | None = None
    own: Mapping[str, Any] | None = None

    def next_stop(self, epoch: int) -> int:
        """Return the epoch to train to from another one: the next rung, or the last epoch."""
        last: int = self.settings["epochs"]
        return min((rung for rung in self.rungs if epoch < rung < last), default=last)

    @property
    def folder(self) -> Path | None:
        """The folder of the question file, where code and files of the user's own lie."""
        folder = (self.own or {}).get("folder")
        return None if folder is None else Path(folder)
