"""The manifest of a new sweep: what was asked for, and the environment in which it runs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ibsweep.errors import InputError
from ibsweep.questions.binding import Bound, bind
from ibsweep.questions.files import find_arms, question_file
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.space import highest
from ibsweep.results.records import Manifest
from ibsweep.results.store import check_name
from ibsweep.sweep.environment import environment
from ibsweep.sweep.options import SweepOptions, sampler_arguments
from ibsweep.sweep.pruning import pruner_arguments

__all__ = ["bind_target", "make_manifest", "make_manifests", "resumption"]


def make_manifests(
    targets: Sequence[str], options: SweepOptions, name: str | None, command: Sequence[str]
) -> list[Manifest]:
    """Return the manifest of a new sweep for every arm that is meant.

    Args:
        targets: Arms, questions, question files or ``all``.
        options: Of every sweep.
        name: Of the sweep, or what the names of several begin with; None for arm and time.
        command: The command line, for the record.

    Raises:
        InputError: If a target is unknown or wrong, an arm is meant twice, or the name cannot be
            one.
    """
    found = [(target, *pair) for target in targets for pair in find_arms(target)]
    pairs = [(question, arm) for _, question, arm in found]
    arms = [arm.name for _, arm in pairs]
    if len(set(arms)) < len(arms):
        twice = next(arm for arm in arms if arms.count(arm) > 1)
        raise InputError(f"arm {twice!r} is named twice: name each arm once")
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    bound: dict[tuple[str, str], Bound] = {}
    for target, question, _ in found:
        if (target, question.question) not in bound:
            meant = [arm.name for t, q, arm in found if (t, q) == (target, question)]
            bound[target, question.question] = bind_target(target, question, meant)
    manifests = []
    for target, question, arm in found:
        if name is None:
            sweep_name = f"{arm.name}-{stamp}"
        else:
            sweep_name = name if len(pairs) == 1 else f"{name}-{arm.name}"
        fitted = bound[target, question.question]
        manifests.append(
            make_manifest(check_name(sweep_name), question, arm, options, command, fitted)
        )
    return manifests


def bind_target(target: str, question: Question, arms: Sequence[str]) -> Bound:
    """Load the data and code of a question that a target of the command line stands for.

    Args:
        target: An arm, a question or a question file.
        question: The question that it stands for.
        arms: The arms that are to be trained.

    Raises:
        InputError: One line for everything that is wrong.
    """
    file = question_file(target)
    folder = None if file is None else Path(file).resolve().parent
    return bind(question, arms, folder, "" if file is None else str(file))


def make_manifest(
    name: str,
    question: Question,
    arm: Arm,
    options: SweepOptions,
    command: Sequence[str],
    bound: Bound | None = None,
) -> Manifest:
    """Return the manifest of a new sweep.

    Args:
        name: Of the sweep.
        question: The question, as its file has it.
        arm: The arm.
        options: Of the sweep.
        command: The command line, for the record.
        bound: The question with its data and code; None where only the record is wanted.
    """
    kept: dict[str, Any] = {}
    if bound is not None:
        question, arm = bound.question, bound.question.arms[arm.name]
        kept = {
            "folder": None if bound.folder is None else str(bound.folder),
            "code": bound.code,
            "data": bound.data.to_dict(),
            "model": bound.models.get(arm.name),
        }
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
        **kept,
        **environment(),
    )


def resumption(command: Sequence[str]) -> dict[str, Any]:
    """Return the manifest's entry for a resumption: when, by what command, and where."""
    return {"when": _now(), "command": list(command), **environment()}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
