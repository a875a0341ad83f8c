"""What a sweep leaves on disk: file names, rows and the manifest, for writers and readers alike.

A sweep is one directory:

- ``manifest.json``: what was asked for and with what: question, command, seeds, versions, machine
- ``proposals.jsonl``: a line a proposed configuration, written before it is trained
- ``trials.jsonl``: a line a finished trial (the record of truth)
- ``curves.jsonl``: a line a trial and validated epoch
- ``confirmations.jsonl``: a line a confirmed trial, number of training images and fresh replicate
- ``models/``: weights of the confirmed replicates, one file a trial
- ``study.log``: the trials as an Optuna journal, for Optuna's own tools
- ``best.yaml``: the best configuration with its figures
- ``best.pt``: one confirmed replicate of it: a plain state dict

Beside the sweeps' directories, ``replications.jsonl`` holds a line a setting of the notebook,
number of training images and seed.

Units: accuracies in percent, losses in nats per image, times in seconds, epochs in passes over
the training set.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = [
    "FORMAT",
    "REPLICATIONS",
    "Confirmation",
    "Curve",
    "Manifest",
    "Proposal",
    "Replicate",
    "Replication",
    "SweepPaths",
    "Trial",
    "TrialState",
]

FORMAT = 2
"""Version of this layout; a directory of another version is refused, never guessed at."""


REPLICATIONS = "replications.jsonl"
"""Beside the sweeps' directories: the replications of the notebook's settings."""


class SweepPaths:
    """Every path of a sweep's directory.

    Args:
        root: The sweep's directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.json"
        self.proposals = root / "proposals.jsonl"
        self.trials = root / "trials.jsonl"
        self.curves = root / "curves.jsonl"
        self.confirmations = root / "confirmations.jsonl"
        self.models = root / "models"
        self.study = root / "study.log"
        self.best_config = root / "best.yaml"
        self.best_model = root / "best.pt"
        self.lock = root / ".lock"
        self.tune = root / ".tune"
        """Ray Tune's working files while a sweep runs; never needed to resume."""

    def model(self, trial: int) -> Path:
        """Return the file with the confirmed replicates' weights of one trial."""
        return self.models / f"trial-{trial:05d}.pt"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrialState(StrEnum):
    """How a trial ended, in Optuna's words."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


class Proposal(_Row):
    """A configuration to train.

    Attributes:
        trial: Number of the trial within its sweep, from 0.
        origin: ``"baseline"`` (the notebook's setting) or the sampler's name.
        config: A value for every key of the search space.
    """

    trial: int
    origin: str
    config: dict[str, JsonValue]


class Replicate(_Row):
    """One replicate of a trial at one validated epoch.

    Attributes:
        seed: Replicate seed: its data, initialisation and batch order.
        valid_accuracy: Accuracy on validation images, percent; at chance if diverged.
        valid_loss: Cross-entropy on validation images.
        train_accuracy: Accuracy over the last epoch, before each update; None if not finite.
        train_loss: Cross-entropy over the last epoch, before each update; None if not finite.
        diverged_epoch: Epoch at which loss or weights stopped being finite, else None.
    """

    seed: int
    valid_accuracy: float
    valid_loss: float
    train_accuracy: float | None
    train_loss: float | None
    diverged_epoch: int | None = None


class Curve(_Row):
    """The replicates of a trial at one validated epoch."""

    trial: int
    epoch: int
    replicates: tuple[Replicate, ...]

    @property
    def valid_accuracy(self) -> float:
        """Mean over the replicates, percent."""
        return mean([r.valid_accuracy for r in self.replicates])

    @property
    def valid_loss(self) -> float:
        """Mean over the replicates."""
        return mean([r.valid_loss for r in self.replicates])


class Trial(_Row):
    """A finished trial: one configuration, trained for all its replicates.

    Attributes:
        trial: Number of the trial.
        origin: As in its proposal.
        state: How it ended.
        config: As in its proposal.
        epochs: Epochs trained; fewer than configured if it was pruned or diverged.
        valid_accuracy: Mean over the replicates at the last epoch, percent; None if it failed.
        valid_loss: Mean over the replicates at the last epoch; None if it failed.
        rungs: The objective (mean over the replicates) by validated epoch, ``[(epoch, value),
            ...]``.
        replicates: Each replicate at the last epoch.
        seconds: Wall time of training and validating.
        device: ``"cpu"`` or the GPU's name.
        node: Host that trained it.
        reason: Why it was pruned or failed.
        lost: What ended earlier attempts at it, and on which node.
    """

    trial: int
    origin: str
    state: TrialState
    config: dict[str, JsonValue]
    epochs: int
    valid_accuracy: float | None
    valid_loss: float | None
    rungs: tuple[tuple[int, float], ...]
    replicates: tuple[Replicate, ...]
    seconds: float
    device: str
    node: str
    reason: str | None = None
    lost: tuple[str, ...] = ()

    @property
    def model_epochs(self) -> int:
        """Epochs over all replicates."""
        return self.epochs * len(self.replicates)


class Confirmation(_Row):
    """A leading trial re-trained with one fresh replicate.

    Those at the arm's own number of images choose the best configuration; the best one's at other
    numbers show what images are worth to it.

    Attributes:
        trial: Number of the trial whose configuration it is.
        images: Training images per class.
        seed: Replicate seed that the sweep never used.
        epochs: Epochs trained.
        valid_accuracy: Accuracy on this replicate's validation images, percent: chooses the best
            configuration.
        valid_loss: Cross-entropy on them.
        train_accuracy: Accuracy of the trained model on its training images, percent.
        test_accuracy: Accuracy on held-out test images, percent: scores, never chooses.
        test_loss: Cross-entropy on them.
        test_confusion: Counts of test images by true (rows) and predicted class.
        diverged_epoch: As for a replicate.
        seconds: Wall time of the replicates that were trained together with this one.
    """

    trial: int
    images: int
    seed: int
    epochs: int
    valid_accuracy: float
    valid_loss: float
    train_accuracy: float
    test_accuracy: float
    test_loss: float
    test_confusion: tuple[tuple[int, ...], ...]
    diverged_epoch: int | None
    seconds: float


class Replication(_Row):
    """A setting of the notebook, trained with one seed.

    Attributes:
        question: Name of the question.
        arm: Name of the arm.
        setting: ``"baseline"``, or the name of one of the arm's variants.
        images: Training images per class.
        seed: Replicate seed.
        exact: Whether it follows the notebook's global generator draw for draw, and not streams of
            its own.
        model: Name of the model.
        task: The question's task.
        settings: Complete settings.
        epochs: Epochs trained.
        valid_accuracy: Accuracy on validation images, percent; at chance if diverged.
        valid_loss: Cross-entropy on them.
        train_accuracy: Accuracy of the trained model on its training images, percent.
        diverged_epoch: As for a replicate.
        software: Versions of what trained it.
    """

    question: str
    arm: str
    setting: str
    images: int
    seed: int
    exact: bool
    model: str
    task: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    epochs: int
    valid_accuracy: float
    valid_loss: float
    train_accuracy: float
    diverged_epoch: int | None
    software: dict[str, str]


class Manifest(_Row):
    """What a sweep was asked to do, and with what.

    Attributes:
        format: Version of the directory's layout.
        name: The sweep's name.
        arm: Name of the arm.
        question: The resolved question, so that the sweep resumes without its YAML file.
        created: UTC, ISO 8601.
        command: The command line that started it.
        trials: Number of configurations to train.
        replicates: Replicates of every trial.
        confirm: Leading trials to confirm.
        confirm_replicates: Fresh replicates of each confirmed trial.
        seed: Seed of the sampler; replicate seeds count up from it.
        time_budget: Seconds after which nothing new is proposed, or None.
        sampler: Name and pinned arguments.
        pruner: Name and pinned arguments, with the rungs in epochs.
        cpus_per_trial: CPUs, and threads, of a trial.
        gpus_per_trial: GPU share of a trial.
        address: Address of the Ray cluster, None for this machine alone.
        every_epoch: Whether trials validate after every epoch.
        versions: Versions of Python and of the libraries that compute, None where one is missing.
        machine: The driver's host, system, processor, cores and memory.
        git: Revision of the working directory and whether it was dirty, or None.
        resumed: When, by what command, and with which versions it was resumed.
        nodes: The nodes that could hold a trial when it began or was resumed, and those that
            joined later and finished one: ``node``, ``cpus``, ``gpus`` and ``gpu_names``.
        excluded: Nodes that got no more trials after they lost three in a row, and why.
    """

    format: int = FORMAT
    name: str
    arm: str
    question: dict[str, Any]
    created: str
    command: tuple[str, ...]
    trials: int
    replicates: int
    confirm: int
    confirm_replicates: int
    seed: int
    time_budget: float | None
    sampler: dict[str, Any]
    pruner: dict[str, Any]
    cpus_per_trial: float
    gpus_per_trial: float
    address: str | None
    every_epoch: bool
    versions: dict[str, str | None]
    machine: dict[str, Any]
    git: dict[str, Any] | None
    resumed: tuple[dict[str, Any], ...] = Field(default=())
    nodes: tuple[dict[str, Any], ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def resources_per_trial(self) -> dict[str, float]:
        """CPUs and GPUs of a trial, by Ray's names."""
        return trial_resources(self.cpus_per_trial, self.gpus_per_trial)

    @property
    def replicate_seeds(self) -> tuple[int, ...]:
        """Replicate seeds of the sweep; 10, the first one by default, is the notebook's."""
        return tuple(range(self.seed, self.seed + self.replicates))

    @property
    def confirmation_seeds(self) -> tuple[int, ...]:
        """Replicate seeds of the confirmation, far from any that a sweep uses."""
        first = self.seed + 1_000_000
        return tuple(range(first, first + self.confirm_replicates))


def trial_resources(cpus: float, gpus: float) -> dict[str, float]:
    """Return CPUs and GPUs by Ray's names; a GPU only where one is asked for."""
    return {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}


def mean(values: list[float]) -> float:
    """Return the arithmetic mean of a list that is not empty."""
    return sum(values) / len(values)
