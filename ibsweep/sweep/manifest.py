"""What a sweep was asked for, validated, and the surroundings in which it runs."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
import re
import socket
import subprocess
from dataclasses import dataclass
from typing import Any

from ibsweep.errors import InputError, suggestion
from ibsweep.questions import Arm, Question, check_task
from ibsweep.records import Manifest
from ibsweep.search_space import highest
from ibsweep.sweep.proposals import SAMPLERS, sampler_arguments
from ibsweep.sweep.pruning import PRUNERS, pruner_arguments

__all__ = ["SweepOptions", "make_manifest", "surroundings"]

_PACKAGES = ("ibsweep", "ray", "optuna", "torch", "numpy", "scipy")


@dataclass(frozen=True)
class SweepOptions:
    """What the user may choose about a sweep; the defaults fit about five minutes on two cores.

    Attributes:
        trials: Configurations to train, the baseline among them.
        replicates: Replicates of every trial.
        confirm: Leading trials to confirm, besides the baseline.
        confirm_replicates: Fresh replicates of each.
        sampler: Key of ``SAMPLERS``.
        pruner: One of ``PRUNERS``.
        seed: Seed of the sampler; replicate seeds count up from it.
        time_budget: Seconds after which nothing new is proposed, or None.
        cpus_per_trial: CPUs, and threads, of a trial.
        gpus_per_trial: GPU share of a trial.
        address: Address of a Ray cluster, None for this machine alone.

    Raises:
        InputError: One line for each rule that does not hold.
    """

    trials: int = 40
    replicates: int = 4
    confirm: int = 3
    confirm_replicates: int = 8
    sampler: str = "tpe"
    pruner: str = "asha"
    seed: int = 10
    time_budget: float | None = None
    cpus_per_trial: float = 1
    gpus_per_trial: float = 0
    address: str | None = None

    def __post_init__(self) -> None:
        faults = [
            f"`--{name.replace('_', '-')}` must be at least {least}, but got {getattr(self, name)}"
            for name, least in (
                ("trials", 1),
                ("replicates", 1),
                ("confirm", 1),
                ("confirm_replicates", 2),
            )
            if getattr(self, name) < least
        ]
        if not 0 <= self.seed < 2**31:
            faults.append(f"`--seed` must lie in 0 to 2147483647, but got {self.seed}")
        for name, value in (
            ("time-budget", self.time_budget),
            ("cpus-per-trial", self.cpus_per_trial),
        ):
            if value is not None and not (value > 0 and math.isfinite(value)):
                faults.append(f"`--{name}` must be above 0, but got {value:g}")
        if not (self.gpus_per_trial >= 0 and math.isfinite(self.gpus_per_trial)):
            faults.append(f"`--gpus-per-trial` must be 0 or more, but got {self.gpus_per_trial:g}")
        for name, asked in (("cpus", self.cpus_per_trial), ("gpus", self.gpus_per_trial)):
            if asked > 1 and asked != int(asked):
                faults.append(f"`--{name}-per-trial` must be whole above 1, but got {asked:g}")
        if self.sampler not in SAMPLERS:
            faults.append(f"no sampler {self.sampler!r}: {suggestion(self.sampler, SAMPLERS)}")
        if self.pruner not in PRUNERS:
            faults.append(f"no pruner {self.pruner!r}: {suggestion(self.pruner, PRUNERS)}")
        if faults:
            raise InputError("\n".join(faults))


def make_manifest(
    name: str, question: Question, arm: Arm, options: SweepOptions, command: list[str]
) -> Manifest:
    """Return the manifest of a new sweep.

    Raises:
        InputError: If the question's task is wrong.
    """
    check_task(question)
    epochs = int(highest(arm.space["epochs"]) if "epochs" in arm.space else arm.fixed["epochs"])
    return Manifest(
        name=name,
        arm=arm.name,
        question=question.model_dump(mode="json"),
        created=_now(),
        command=tuple(command),
        trials=options.trials,
        replicates=options.replicates,
        confirm=options.confirm,
        confirm_replicates=options.confirm_replicates,
        seed=options.seed,
        time_budget=options.time_budget,
        sampler=sampler_arguments(options.sampler, options.seed),
        pruner=pruner_arguments(options.pruner, epochs),
        cpus_per_trial=options.cpus_per_trial,
        gpus_per_trial=options.gpus_per_trial,
        address=options.address,
        **surroundings(),
    )


def surroundings() -> dict[str, Any]:
    """Return versions, machine and git revision."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "machine": {
            "host": socket.gethostname(),
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "git": _git(),
    }


def resumption(command: list[str]) -> dict[str, Any]:
    """Return the manifest's entry for a resumption: when, by what command, and where."""
    return {"when": _now(), "command": command, **surroundings()}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            found = re.search(r"model name\s*:\s*(.+)", file.read())
    except OSError:
        found = None
    return found.group(1) if found else platform.processor()


def _git() -> dict[str, Any] | None:
    """Return the working directory's revision, None outside of a repository or without git."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    try:
        return {"revision": run("rev-parse", "HEAD"), "dirty": bool(run("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
