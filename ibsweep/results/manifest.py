"""The manifest: what a sweep was asked to do, and with what."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue, field_validator, model_validator

from ibsweep.results.layout import FORMAT, SEALED_FORMAT
from ibsweep.results.rows import BaseRow
from ibsweep.results.seal import Seal
from ibsweep.results.seeds import CHOICE, SCORE, SEARCH, derived_seeds

__all__ = ["Manifest", "trial_resources"]


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


class Manifest(BaseRow):
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
        budget: Model-epochs (epochs of a trial times its replicates) after which nothing new is
            proposed, or None.
        patience: Finished trials without a better best after which nothing new is proposed, or
            None; after an extension they are counted anew.
        max_time: Of the whole command: ``seconds`` of searching and confirming, over all runs,
            after which nothing new is proposed, and the ``sweeps`` that share them; or None.
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
            ``time_budget`` (before) and ``further_time`` in seconds, ``budget`` (before, then),
            ``max_time`` in further seconds, how many were ``done``, whether it was ``finished``,
            when and by what command.
        ended: What ended the search: ``why`` (``trials``, ``space``, ``patience``, ``budget``,
            ``time`` or ``max_time``), in ``words``, with how many ``trials``, ``model_epochs`` and
            ``seconds``; None where it has not ended, and in formats 2 to 5.
        nodes: The nodes that could hold a trial when it began or was resumed, and those that
            joined later and finished one: ``node``, ``cpus``, ``gpus`` and ``gpu_names``.
        excluded: Nodes that got no more trials after they lost three in a row, and why.
        folder: Folder of the question's file; None for one that comes with ibsweep.
        file: Name of the question's file in it.
        code: sha256 of the user's own code that the question names, by path.
        data: What the data are: a ``DataSchema``.
        model: An own model's options, whether its lanes are fused and why, and its parameters;
            None for one of the catalogue.
        earlier: What this one takes from earlier sweeps: of each the ``sweep``, the ``configs`` of
            it that are tried first, the ``observations`` of which the sampler knows (``config``,
            ``state``, ``values`` and their ``epoch``), and ``why`` it is so.
        enqueued: Configurations, or parts of some, that were given to be tried first.
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
    budget: Annotated[int, Field(ge=1)] | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    max_time: Annotated[dict[str, Any], _with(seconds=(int, float), sweeps=list)] | None = None
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
    ended: Annotated[dict[str, Any], _with(why=str, words=str, trials=int)] | None = None
    nodes: tuple[Annotated[dict[str, Any], _with(**_NODE)], ...] = ()
    excluded: tuple[str, ...] = ()
    folder: str | None = None
    file: str | None = None
    code: dict[str, str] = Field(default_factory=dict)
    data: dict[str, Any] | None = None
    model: dict[str, Any] | None = None
    earlier: tuple[Annotated[dict[str, Any], _with(sweep=str, configs=list)], ...] = ()
    enqueued: tuple[dict[str, JsonValue], ...] = ()

    @field_validator("earlier", mode="before")
    @classmethod
    def _one_up_to_format_5(cls, earlier: Any) -> Any:
        if earlier is None:
            return ()
        return (earlier,) if isinstance(earlier, dict) else earlier

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

    def planned_replicates(self, purpose: str | None) -> int:
        """Return how many fresh replicates of a purpose a trial has in the sweep itself."""
        choice = self.choice_replicates if purpose == "choice" else None
        return self.confirm_replicates if choice is None else choice

    def score_seeds(self, count: int) -> tuple[int, ...]:
        """Return the first seeds that score, of which a sweep uses ``confirm_replicates``."""
        if self.choice_replicates is None:
            first = self.seed + 1_000_000
            return tuple(range(first, first + count))
        return derived_seeds(self.seed, SCORE, count)


def trial_resources(cpus: float, gpus: float) -> dict[str, float]:
    """Return CPUs and GPUs by Ray's names; a GPU only where one is asked for."""
    return {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}
