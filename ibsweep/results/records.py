"""The rows of a sweep's journals, for writers and readers alike; ``results.layout`` says what is
in which file.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from ibsweep.metrics.training_test import classes_told_apart
from ibsweep.results.rows import BaseRow, Count, Figures, Scored, Seconds, Seed, mean

__all__ = ["Confirmation", "Curve", "Proposal", "Replicate", "Trial", "TrialState"]


class TrialState(StrEnum):
    """How a trial ended, in Optuna's words."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


class Proposal(BaseRow):
    """A configuration to train.

    Attributes:
        trial: Number of the trial within its sweep, from 0.
        origin: ``"baseline"``, ``"enqueued"`` for one that was given, ``"earlier"`` for one of an
            earlier sweep, or the sampler's name.
        config: A value for every hyperparameter of the search space that is set; a conditional
            one is absent where it is not.
        told: How many trials had finished when it was proposed: those are the first ones. None in
            sweeps up to format 5.
    """

    trial: Count
    origin: str
    config: dict[str, JsonValue]
    told: Count | None = None

    @property
    def key(self) -> Hashable:
        """Tells what it is of: two rows of one thing contradict each other."""
        return "trial", self.trial


class Replicate(Scored):
    """One replicate of a trial at one validated epoch.

    Attributes:
        seed: Replicate seed: its data, initialisation and batch order.
        valid: Figures on its validation examples; those of a model of zero weights if it diverged.
        train: Figures over the last epoch, before each update; None where one is not finite.
        diverged_epoch: Epoch at which loss or weights stopped being finite, else None.
    """

    seed: Seed
    valid: Figures
    train: Figures
    diverged_epoch: Count | None = None


class Curve(BaseRow):
    """The replicates of a trial at one validated epoch."""

    trial: Count
    epoch: Count
    replicates: tuple[Replicate, ...]

    @property
    def key(self) -> Hashable:
        """Tells what it is of: two rows of one thing contradict each other."""
        return "trial", self.trial, "epoch", self.epoch

    def mean(self, column: str) -> float | None:
        """Return a column's mean over the replicates, None where one of them has no figure."""
        return mean([r.figure(column) for r in self.replicates])

    def means(self) -> Figures:
        """Return the means over the replicates of all figures on validation examples."""
        names = self.replicates[0].valid if self.replicates else ()
        return {name: self.mean(f"valid_{name}") for name in names}


class Trial(Scored):
    """A finished trial: one configuration, trained for all its replicates.

    Attributes:
        trial: Number of the trial.
        origin: As in its proposal.
        state: How it ended.
        config: As in its proposal.
        epochs: Epochs trained; fewer than configured if it was pruned or diverged.
        valid: Means over the replicates at the last epoch; None if it failed.
        rungs: The objective (mean over the replicates) by validated epoch, ``[(epoch, value),
            ...]``.
        replicates: Each replicate at the last epoch.
        seconds: Wall time of training and validating.
        device: ``"cpu"`` or the GPU's name.
        node: Host that trained it.
        reason: Why it was pruned or failed.
        lost: What ended earlier attempts at it, and on which node.
    """

    trial: Count
    origin: str
    state: TrialState
    config: dict[str, JsonValue]
    epochs: Count
    valid: Figures | None
    rungs: tuple[tuple[Count, float], ...]
    replicates: tuple[Replicate, ...]
    seconds: Seconds
    device: str
    node: str
    reason: str | None = None
    lost: tuple[str, ...] = ()

    @property
    def key(self) -> Hashable:
        """Tells what it is of: two rows of one thing contradict each other."""
        return "trial", self.trial

    @property
    def model_epochs(self) -> int:
        """Epochs over all replicates."""
        return self.epochs * len(self.replicates)


class Confirmation(Scored):
    """A leading trial re-trained with one fresh replicate.

    Those at the arm's own training-set size choose the best configuration, and others of it score
    it; the best one's at other sizes show what examples are worth to it.

    Attributes:
        trial: Number of the trial whose configuration it is.
        train_size: Size of the training set, in the unit of the data's split.
        seed: Replicate seed that the search never used.
        epochs: Epochs trained.
        valid: Figures on this replicate's validation examples: choose the best configuration.
        train: Figures of the trained model on its training examples.
        test: Figures on held-out test examples: score, never choose; none where it chooses.
        test_confusion: Counts of test examples by true (rows) and predicted class; None where a
            number is predicted, and where it chooses.
        diverged_epoch: As for a replicate.
        seconds: Wall time of the replicates that were trained together with this one.
        purpose: ``"choice"`` where it compares the leaders, ``"score"`` where it scores what these
            chose; None in formats 2 and 3, where one set of replicates did both.
        trained: Whether the run trains: it did not diverge, and its predictions on test examples
            say more than the classes' frequencies, or the mean of the targets, do
            (``metrics.training_test``); None in formats 2 and 3.
    """

    trial: Count
    train_size: Count
    seed: Seed
    epochs: Count
    valid: Figures
    train: Figures
    test: Figures
    test_confusion: tuple[tuple[Count, ...], ...] | None
    diverged_epoch: Count | None
    seconds: Seconds
    purpose: Literal["choice", "score"] | None = None
    trained: bool | None = None

    @property
    def key(self) -> Hashable:
        """Tells what it is of: two rows of one thing contradict each other."""
        return "trial", self.trial, "with", self.train_size, self.purpose or "seed", self.seed

    @property
    def trains(self) -> bool:
        """Whether the run trains; else it fails.

        As was found when it was scored. Of a row of an older format that follows from its counts
        of test examples; where a number was predicted, there is nothing left to judge by but that
        it did not diverge.
        """
        if self.trained is not None:
            return self.trained
        if self.diverged_epoch is not None:
            return False
        return self.test_confusion is None or classes_told_apart(self.test_confusion)
