"""The manifest of a new sweep: what was asked for, and the surroundings in which it runs."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import socket
import subprocess
from typing import Any

from ibsweep.questions.files import check_task
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.space import highest
from ibsweep.results.records import Manifest
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.proposals import sampler_arguments
from ibsweep.sweep.pruning import pruner_arguments

__all__ = ["make_manifest", "surroundings"]

_PACKAGES = ("ibsweep", "ray", "optuna", "torch", "numba", "numpy", "scipy")


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
        every_epoch=options.every_epoch,
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
            "memory_gib": round(_memory() / 2**30, 1),
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


def _memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
