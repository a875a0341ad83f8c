"""The manifest of a new sweep: what was asked for, and the environment in which it runs."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ibsweep.cluster.limits import require_limits
from ibsweep.errors import InputError, listed
from ibsweep.questions.binding import Bound, bind
from ibsweep.questions.conditions import is_conditional
from ibsweep.questions.files import Found, find_arms
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.space import highest
from ibsweep.results.manifest import Manifest
from ibsweep.results.names import check_name
from ibsweep.results.system import require_system
from ibsweep.sweep.conditional import check_sampler
from ibsweep.sweep.earlier import knowledge_of
from ibsweep.sweep.enqueue import check_trainable, enqueued_configs
from ibsweep.sweep.environment import environment
from ibsweep.sweep.options import FIRST_SEED, SweepOptions, sampler_arguments
from ibsweep.sweep.pruning import pruner_arguments
from ibsweep.sweep.seeds import sweep_seeds

__all__ = ["make_manifest", "make_manifests", "named_arms", "resumption"]


def make_manifests(
    targets: Sequence[str],
    options: SweepOptions,
    name: str | None,
    command: Sequence[str],
    results: Path = Path("results"),
) -> list[Manifest]:
    """Return the manifests of new sweeps, one or more of every arm, their code and data loaded.

    Every arm's first sweep comes before any arm's second one: where there is no time for all of
    them, there are as many of each.

    Args:
        targets: Arms, questions, question files, ``FILE:ARM`` or ``all``.
        options: Of every sweep, and how many of each arm.
        name: Of the sweep, or what the names of several begin with; None for arm and time.
        command: The command line, for the record.
        results: Where sweeps are stored: those that ``options.earlier`` names, and those whose
            seeds are taken.

    Raises:
        InputError: If a target is unknown or wrong, an arm is meant twice, the sampler cannot
            search its space, or the name cannot be one; with a line for everything that is wrong
            in code and data.
    """
    require_system()
    if options.address is None:
        require_limits()
    found = named_arms(targets, name)
    for one in found.values():
        check_sampler(one.arm, options.sampler)
    questions: dict[tuple[Path | None, str], list[Found]] = {}
    for one in found.values():
        questions.setdefault((one.file, one.question.question), []).append(one)
    bound = {key: bind(arms) for key, arms in questions.items()}
    seeds = {
        key: sweep_seeds(key[1], {one.arm.name for one in arms}, options, results)
        for key, arms in questions.items()
    }
    made = []
    for place in range(options.sweeps):
        for sweep, one in found.items():
            key = one.file, one.question.question
            seed = seeds[key][place]
            made.append(
                make_manifest(
                    check_name(sweep if options.sweeps == 1 else f"{sweep}-seed{seed}"),
                    one.question,
                    one.arm,
                    replace(options, seed=seed),
                    command,
                    bound[key],
                    results,
                    [other.arm.name for other in found.values()],
                )
            )
    _check_taken(made, options)
    if options.max_time is None:
        return made
    shared = {"seconds": options.max_time, "sweeps": [manifest.name for manifest in made]}
    return [manifest.model_copy(update={"max_time": shared}) for manifest in made]


def _check_taken(made: Sequence[Manifest], options: SweepOptions) -> None:
    """Refuse earlier sweeps of which no new one takes anything."""
    taken = {one["sweep"] for manifest in made for one in manifest.earlier}
    for name in options.earlier:
        if name not in taken:
            arms = listed(dict.fromkeys(manifest.arm for manifest in made))
            raise InputError(f"nothing that sweep {name!r} tried lies in the space of {arms}")


def named_arms(targets: Sequence[str], name: str | None) -> dict[str, Found]:
    """Return the arms that are meant, by what the names of their new sweeps begin with.

    Args:
        targets: Arms, questions, question files, ``FILE:ARM`` or ``all``.
        name: Of the sweep, or what the names of several begin with; None for arm and time.

    Raises:
        InputError: If a target is unknown or wrong, an arm is meant twice, or the name cannot be
            one.
    """
    found = [one for target in targets for one in find_arms(target)]
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    named: dict[str, Found] = {}
    for one in found:
        if name is None:
            sweep = f"{one.sweep_name}-{stamp}"
        else:
            sweep = name if len(found) == 1 else f"{name}-{one.sweep_name}"
        if check_name(sweep) in named:
            if named[sweep].question != one.question:
                raise InputError(
                    f"two different questions, {named[sweep].target} and {one.target}, give one "
                    f"name to their sweeps, {sweep!r}: tune them one after the other, each with a "
                    "--name of its own"
                )
            raise InputError(f"arm {one.arm.name!r} is named twice: name each arm once")
        named[sweep] = one
    return named


def make_manifest(
    name: str,
    question: Question,
    arm: Arm,
    options: SweepOptions,
    command: Sequence[str],
    bound: Bound | None = None,
    results: Path = Path("results"),
    arms: Collection[str] = (),
) -> Manifest:
    """Return the manifest of a new sweep.

    Args:
        name: Of the sweep.
        question: The question, as its file has it.
        arm: The arm.
        options: Of the sweep; without a seed it is the notebook's.
        command: The command line, for the record.
        bound: The question with its data and code; None where only the record is wanted.
        results: Where the earlier sweeps are stored that ``options.earlier`` names.
        arms: Names of all arms that are tuned together.

    Raises:
        InputError: If there is no such earlier sweep, or a configuration that is to be tried first
            cannot be trained.
    """
    kept: dict[str, Any] = {}
    if bound is not None:
        question, arm = bound.question, bound.question.arms[arm.name]
        kept = {
            "folder": None if bound.file is None else str(bound.file.parent),
            "file": None if bound.file is None else bound.file.name,
            "code": dict(bound.code),
            "data": bound.data.to_dict(),
            "model": bound.models.get(arm.name),
        }
    kept["enqueued"] = enqueued_configs(options.enqueue, arm, arms)
    pruner = options.pruner or ("none" if question.further_objectives else "asha")
    seed = FIRST_SEED if options.seed is None else options.seed
    epochs = int(highest(arm.space["epochs"]) if "epochs" in arm.space else arm.fixed["epochs"])
    manifest = Manifest(
        name=name,
        arm=arm.name,
        question=question.model_dump(mode="json"),
        created=_now(),
        command=tuple(command),
        trials=options.trials,
        replicates=options.replicates,
        confirm=options.confirm,
        choice_replicates=options.choice_replicates,
        confirm_replicates=options.confirm_replicates,
        seed=seed,
        time_budget=options.time_budget,
        budget=options.budget,
        patience=options.patience,
        sampler=sampler_arguments(
            options.sampler,
            seed,
            conditional=is_conditional(arm.space),
            objectives=len(question.objectives),
        ),
        pruner=pruner_arguments(pruner, epochs),
        cpus_per_trial=options.cpus_per_trial,
        gpus_per_trial=options.gpus_per_trial,
        address=options.address,
        every_epoch=options.every_epoch,
        quick=options.quick,
        **kept,
        **environment(),
    )
    if bound is not None:
        check_trainable(manifest, question, arm)
    found = (knowledge_of(results, s, manifest, question, arms) for s in options.earlier)
    return manifest.model_copy(update={"earlier": tuple(filter(None, found))})


def resumption(command: Sequence[str]) -> dict[str, Any]:
    """Return the manifest's entry for a resumption: when, by what command, and where."""
    return {"when": _now(), "command": list(command), **environment()}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
