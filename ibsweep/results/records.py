"""What a sweep leaves on disk: file names, rows and the manifest, for writers and readers alike.

A sweep is one directory:

- ``manifest.json``: what was asked for and with what: question, command, seeds, versions, machine
- ``proposals.jsonl``: a line a proposed configuration, written before it is trained
- ``trials.jsonl``: a line a finished trial (the record of truth)
- ``curves.jsonl``: a line a trial and validated epoch
- ``confirmations.jsonl``: a line a confirmed trial, training-set size and fresh replicate, for
  the choice among the leaders or for the score of what was chosen
- ``models/``: weights of the confirmed replicates, one file a trial
- ``logs/``: what training functions of the user's own printed, one file a trial
- ``study.log``: the trials as an Optuna journal, for Optuna's own tools
- ``spent.json``: for how long the sweep has searched, in all of its runs
- ``best.yaml``: the best configuration with its figures
- ``best.pt``: one confirmed replicate of it: a plain state dict

Beside the sweeps' directories, ``replications.jsonl`` holds a line a published setting,
training-set size and seed.

Figures are mappings ``{metric: value}``, each in its metric's own unit, accuracies in percent;
``loss`` among them is the training loss: cross-entropy in nats, or the mean squared error. A value
that is not defined is None. Times are in seconds, epochs are passes over the training set.

A line ends with its checksum (``results.seal``), which is no field of the row.

Lines and manifests of formats 2 to 4 are read too; their lines have no checksums. Formats 2 and 3
had one set of fresh replicates, which chose the best configuration and scored it, and seeds that
counted up from the sweep's. Format 2 knew accuracy alone, in fields such as ``valid_accuracy``,
and data of one kind, whose sizes are images.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)

from ibsweep.metrics.training_test import classes_told_apart
from ibsweep.results.seal import Seal
from ibsweep.results.seeds import CHOICE, SCORE, SEARCH, derived_seeds

__all__ = [
    "FORMAT",
    "READABLE_FORMATS",
    "REPLICATIONS",
    "SEALED_FORMAT",
    "STUDY_DIRECTORY",
    "Confirmation",
    "Curve",
    "Figures",
    "Manifest",
    "Proposal",
    "Replicate",
    "Replication",
    "SweepPaths",
    "Trial",
    "TrialState",
]

FORMAT = 5
"""Version of this layout. Formats 2 to 4 are read as well; a directory of any other version is
refused, never guessed at."""

READABLE_FORMATS = (2, 3, 4, FORMAT)

SEALED_FORMAT = 5
"""From this one on every line has a checksum."""

_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]
_Seconds = Annotated[float, Field(ge=0)]

Figures = dict[str, float | None]
"""Values by metric, and ``loss``; None where one is not defined."""

STUDY_DIRECTORY = ".study-"
"""How the name of the directory begins in which the study is written before it is whole."""

REPLICATIONS = "replications.jsonl"
"""Beside the sweeps' directories: the replications of published settings."""


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
        self.logs = root / "logs"
        self.study = root / "study.log"
        self.best_config = root / "best.yaml"
        self.best_model = root / "best.pt"
        self.spent = root / "spent.json"
        """For how long it has searched."""
        self.lock = root / ".lock"
        self.tune = root / ".tune"
        """Ray Tune's working files while a sweep runs; never needed to resume."""

    def log(self, trial: int) -> Path:
        """Return the file with what a trial's training function printed."""
        return self.logs / f"trial-{trial:05d}.log"

    def model(self, trial: int) -> Path:
        """Return the file with the confirmed replicates' weights of one trial."""
        return self.models / f"trial-{trial:05d}.pt"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_FORMAT_2 = frozenset(
    f"{split}_{name}" for split in ("valid", "train", "test") for name in ("accuracy", "loss")
) | {"images", "task"}
"""Fields of rows of format 2 that others do not have."""


class _Scored(_Row):
    """A row with figures of one split or more, each in the field that has the split's name."""

    def figure(self, column: str) -> float | None:
        """Return a figure by the name of its column, such as ``valid_accuracy``.

        None where the row has no such figure, or it is not defined.
        """
        split, _, name = column.partition("_")
        values: Figures | None = getattr(self, split, None)
        return values.get(name) if isinstance(values, Mapping) else None

    @model_validator(mode="before")
    @classmethod
    def _from_format_2(cls, data: Any) -> Any:
        if not isinstance(data, dict) or _FORMAT_2.isdisjoint(data):
            return data
        read = dict(data)
        for split in ("valid", "train", "test"):
            columns = [f"{split}_{name}" for name in ("accuracy", "loss")]
            found = {c.removeprefix(f"{split}_"): read.pop(c) for c in columns if c in read}
            if found:
                read[split] = found if split == "train" or None not in found.values() else None
        for old, new in (("images", "train_size"), ("task", "data")):
            if old in read and new in cls.model_fields:
                read[new] = read.pop(old)
        return read


class TrialState(StrEnum):
    """How a trial ended, in Optuna's words."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


class Proposal(_Row):
    """A configuration to train.

    Attributes:
        trial: Number of the trial within its sweep, from 0.
        origin: ``"baseline"``, ``"earlier"`` for one of an earlier sweep, or the sampler's name.
        config: A value for every key of the search space.
    """

    trial: _Count
    origin: str
    config: dict[str, JsonValue]

    @property
    def key(self) -> Hashable:
        """Tells what it is of: two rows of one thing contradict each other."""
        return "trial", self.trial


class Replicate(_Scored):
    """One replicate of a trial at one validated epoch.

    Attributes:
        seed: Replicate seed: its data, initialisation and batch order.
        valid: Figures on its validation examples; those of a model of zero weights if it diverged.
        train: Figures over the last epoch, before each update; None where one is not finite.
        diverged_epoch: Epoch at which loss or weights stopped being finite, else None.
    """

    seed: _Seed
    valid: Figures
    train: Figures
    diverged_epoch: _Count | None = None


class Curve(_Row):
    """The replicates of a trial at one validated epoch."""

    trial: _Count
    epoch: _Count
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


class Trial(_Scored):
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

    trial: _Count
    origin: str
    state: TrialState
    config: dict[str, JsonValue]
    epochs: _Count
    valid: Figures | None
    rungs: tuple[tuple[_Count, float], ...]
    replicates: tuple[Replicate, ...]
    seconds: _Seconds
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


class Confirmation(_Scored):
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

    trial: _Count
    train_size: _Count
    seed: _Seed
    epochs: _Count
    valid: Figures
    train: Figures
    test: Figures
    test_confusion: tuple[tuple[_Count, ...], ...] | None
    diverged_epoch: _Count | None
    seconds: _Seconds
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


class Replication(_Scored):
    """A published setting, trained with one seed.

    Attributes:
        question: Name of the question.
        arm: Name of the arm.
        setting: ``"baseline"``, or the name of one of the arm's variants.
        train_size: Size of the training set, in the unit of the data's split.
        seed: Replicate seed.
        exact: Whether it follows the notebook's global generator draw for draw, and not streams of
            its own.
        model: Name of the model.
        data: The question's data document.
        settings: Complete settings.
        epochs: Epochs trained.
        valid: Figures on its validation examples; those of a model of zero weights if it diverged.
        train: Figures of the trained model on its training examples.
        diverged_epoch: As for a replicate.
        software: Versions of what trained it.
    """

    question: str
    arm: str
    setting: str
    train_size: _Count
    seed: _Seed
    exact: bool
    model: str
    data: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    epochs: _Count
    valid: Figures
    train: Figures
    diverged_epoch: _Count | None
    software: dict[str, str]

    @property
    def key(self) -> Hashable:
        """Tells rows apart; what was trained again after a change of its file is another row."""
        return self.model_dump_json()


def _with(**kinds: type | tuple[type, ...]) -> AfterValidator:
    """Return what checks that a mapping has these keys, of these kinds."""

    def check(found: dict[str, Any]) -> dict[str, Any]:
        for name, kind in kinds.items():
            if not isinstance(found.get(name), kind):
                raise ValueError(f"must have {name}, but got {str(found.get(name))[:80]!r}")
        return found

    return AfterValidator(check)


_Replicates = Annotated[int, Field(ge=1, le=1000)]
_EXTENSION = {"when": str, "command": list, "trials": list, "done": int, "finished": bool}
_NODE = {"node": str, "cpus": (int, float), "gpus": (int, float), "gpu_names": list}


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
        choice_replicates: Fresh replicates on which each of these is compared with the others;
            None in formats 2 and 3, where those that score did this as well.
        confirm_replicates: Fresh replicates that score the one that was chosen, and the baseline.
        seed: Seed of the sampler; replicate seeds are derived from it, and counted up from it in
            formats 2 and 3.
        time_budget: Seconds of searching, over all runs, after which nothing new is proposed, or
            None.
        sampler: Name and pinned arguments.
        pruner: Name and pinned arguments, with the rungs in epochs.
        cpus_per_trial: CPUs, and threads, of a trial.
        gpus_per_trial: GPU share of a trial.
        address: Address of the Ray cluster, None for this machine alone.
        every_epoch: Whether trials validate after every epoch.
        quick: Whether the small budget of a quick look was asked for.
        versions: Versions of Python and of the libraries that compute, None where one is missing.
        machine: The driver's host, system, processor, cores and memory.
        git: Revision of the working directory and whether it was dirty, or None.
        resumed: When, by what command, and with which versions it was resumed.
        extended: What was asked for before it was extended: ``trials`` (before, then),
            ``time_budget`` (before) and ``further_time`` in seconds, how many were ``done``,
            whether it was ``finished``, when and by what command.
        nodes: The nodes that could hold a trial when it began or was resumed, and those that
            joined later and finished one: ``node``, ``cpus``, ``gpus`` and ``gpu_names``.
        excluded: Nodes that got no more trials after they lost three in a row, and why.
        folder: Folder of the question's file; None for one that comes with ibsweep.
        file: Name of the question's file in it.
        code: sha256 of the user's own code that the question names, by path.
        data: What the data are: a ``DataSchema``.
        model: An own model's options, whether its lanes are fused and why, and its parameters;
            None for one of the catalogue.
        earlier: The ``sweep`` that this one starts from, and the ``configs`` of it that are tried
            first.
    """

    format: int = FORMAT
    name: str
    arm: str
    question: dict[str, Any]
    created: str
    command: tuple[str, ...]
    trials: Annotated[int, Field(ge=1, le=1_000_000)]
    replicates: _Replicates
    confirm: _Replicates
    choice_replicates: _Replicates | None = None
    confirm_replicates: _Replicates
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    time_budget: float | None
    sampler: Annotated[dict[str, Any], _with(name=str)]
    pruner: Annotated[dict[str, Any], _with(name=str, rungs=list)]
    cpus_per_trial: float
    gpus_per_trial: float
    address: str | None
    every_epoch: bool
    quick: bool = False
    versions: dict[str, str | None]
    machine: dict[str, Any]
    git: Annotated[dict[str, Any], _with(revision=str, dirty=bool)] | None
    resumed: tuple[Annotated[dict[str, Any], _with(when=str, command=list)], ...] = ()
    extended: tuple[Annotated[dict[str, Any], _with(**_EXTENSION)], ...] = ()
    nodes: tuple[Annotated[dict[str, Any], _with(**_NODE)], ...] = ()
    excluded: tuple[str, ...] = ()
    folder: str | None = None
    file: str | None = None
    code: dict[str, str] = {}
    data: dict[str, Any] | None = None
    model: dict[str, Any] | None = None
    earlier: Annotated[dict[str, Any], _with(sweep=str, configs=list)] | None = None

    @field_validator("created")
    @classmethod
    def _is_a_time(cls, created: str) -> str:
        if "T" not in created or datetime.fromisoformat(created).tzinfo is None:
            raise ValueError(f"must be a time with its zone, but got {created[:80]!r}")
        return created

    @model_validator(mode="after")
    def _has_its_arm(self) -> Manifest:
        arms = self.question.get("arms")
        if not isinstance(self.question.get("question"), str) or not isinstance(arms, dict):
            raise ValueError("its question is none")
        if not isinstance(arms.get(self.arm), dict):
            raise ValueError(f"its question has no arm {self.arm[:80]!r}")
        return self

    @property
    def seal(self) -> Seal:
        """What seals the lines of the sweep's journals."""
        owner = f"{self.name}\n{self.created}"
        return Seal(owner.encode(), required=self.format >= SEALED_FORMAT)

    @property
    def question_file(self) -> Path | None:
        """The question's file, where it is one of the user's own and known."""
        known = self.folder is not None and self.file is not None
        return Path(self.folder or "", self.file or "") if known else None

    @property
    def is_quick(self) -> bool:
        """Whether it was a quick look, of a budget too small to go by.

        Manifests that do not say so have it in their command.
        """
        return self.quick or "--quick" in self.command

    @property
    def resources_per_trial(self) -> dict[str, float]:
        """CPUs and GPUs of a trial, by Ray's names."""
        return trial_resources(self.cpus_per_trial, self.gpus_per_trial)

    @property
    def replicate_seeds(self) -> tuple[int, ...]:
        """Replicate seeds of the search; 10, the first one by default, is the notebook's."""
        if self.choice_replicates is None:
            return tuple(range(self.seed, self.seed + self.replicates))
        return derived_seeds(self.seed, SEARCH, self.replicates)

    @property
    def choice_seeds(self) -> tuple[int, ...]:
        """Replicate seeds that choose among the leaders: in formats 2 and 3 those that score."""
        if self.choice_replicates is None:
            return self.confirmation_seeds
        return derived_seeds(self.seed, CHOICE, self.choice_replicates)

    @property
    def confirmation_seeds(self) -> tuple[int, ...]:
        """Replicate seeds that score what was chosen."""
        return self.score_seeds(self.confirm_replicates)

    def score_seeds(self, count: int) -> tuple[int, ...]:
        """Return the first seeds that score, of which a sweep uses ``confirm_replicates``."""
        if self.choice_replicates is None:
            first = self.seed + 1_000_000
            return tuple(range(first, first + count))
        return derived_seeds(self.seed, SCORE, count)


def trial_resources(cpus: float, gpus: float) -> dict[str, float]:
    """Return CPUs and GPUs by Ray's names; a GPU only where one is asked for."""
    return {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}


def mean(values: Sequence[float | None]) -> float | None:
    """Return the arithmetic mean of values of which there is one; None where one is None.

    A mean over those alone that are defined would compare unlike things.
    """
    defined = [value for value in values if value is not None]
    return sum(defined) / len(values) if len(defined) == len(values) else None
