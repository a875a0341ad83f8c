"""What a new sweep takes over from earlier ones.

Where an earlier sweep asked the same of the same (distributions, data, model, replicates, metric),
its trials are observations: the sampler knows them, and they are no trials of the new sweep, which
trains and confirms its own. From any other sweep that shares hyperparameters, of another arm,
question or training-set size, only the best configurations are taken, as far as they fit, to be
trained first: whether they are good here, their own trials show.

All of it is written into the manifest, so that a sweep resumes without the earlier one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.errors import InputError, listed
from ibsweep.questions.conditions import states
from ibsweep.questions.points import canonical, canonical_config
from ibsweep.questions.space import contains
from ibsweep.results.records import TrialState
from ibsweep.results.sweeps import find_sweep

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ibsweep.analysis.check import CheckedSweep
    from ibsweep.questions.schema import Arm, Objective, Question
    from ibsweep.results.manifest import Manifest
    from ibsweep.results.records import Trial

__all__ = ["knowledge_of"]

_LEARN_NOTHING = ("random", "grid", "qmc", "cmaes", "nsga2")
"""Samplers that draw without regard to trials, or go on from those alone that they proposed."""

_COUNT = 3
"""Best configurations of another arm, question or size that are tried first. Over 20 sweeps of 15
trials three gained as much as five where they were good, and cost half of it where not."""

_BEST_OBSERVED = 1
"""Best configurations among observations that are trained here too: the sampler knows how good
they were, and only what is trained here can be confirmed here."""

_MOST = 1000
"""Observations that are taken over: a sampler's time for a proposal grows with them."""


def knowledge_of(
    results: Path,
    sweep: str,
    manifest: Manifest,
    question: Question,
    arms: Collection[str] = (),
) -> dict[str, Any] | None:
    """Return what a new sweep takes from an earlier one, for ``Manifest.earlier``.

    Args:
        results: Where the earlier sweep is stored.
        sweep: Its name.
        manifest: Of the new sweep.
        question: The new sweep's question.
        arms: Arms of the question that are tuned together: a sweep of one of these is for that
            one alone.

    Returns:
        None where nothing of it fits, or it is for another arm.

    Raises:
        InputError: If there is no such sweep, or it has completed no trial.
        SweepError: If its records cannot be counted on.
    """
    store = find_sweep(results, sweep)
    from ibsweep.analysis.check import check_sweep  # SciPy: not where there is no such sweep

    checked = check_sweep(store)
    checked.require_sound()
    if not any(row.state == TrialState.COMPLETE for row in checked.trials):
        raise InputError(f"sweep {sweep!r} has completed no trial to start from")
    its = store.manifest
    same_question = checked.question.question == question.question
    if same_question and its.arm != manifest.arm and its.arm in arms:
        return None
    arm = question.arms[manifest.arm]
    best = _best(checked, arm)
    if not best:
        return None
    found: dict[str, Any] = {"sweep": its.name, "arm": its.arm}
    others = _differences(manifest, question, checked)
    if others or manifest.sampler["name"] in _LEARN_NOTHING:
        sampler = manifest.sampler["name"]
        why = f"it differs in {listed(others)}" if others else f"{sampler} cannot learn from it"
        return found | {"configs": best[:_COUNT], "observations": [], "why": why}
    rows = [row for row in checked.trials if row.state != TrialState.FAIL]
    return found | {
        "configs": best[:_BEST_OBSERVED],
        "observations": [_observation(row, arm, question.objectives) for row in rows[-_MOST:]],
        "why": "the same search space, data, model, replicates and metric",
    }


def _best(checked: CheckedSweep, arm: Arm) -> list[dict[str, Any]]:
    """Return a sweep's configurations, the one that was confirmed as its best first, then by their
    figures: of each the values that an arm's space can give, which are some.
    """
    from ibsweep.analysis.summary import confirmed_trials

    its_question = checked.question
    by_number = {row.trial: row for row in checked.trials}
    its = checked.question.arms[checked.store.manifest.arm]
    confirmed = confirmed_trials(by_number, checked.confirmations, its_question, its)
    complete = [row for row in checked.trials if row.state == TrialState.COMPLETE]
    ranked = [one.trial for one in confirmed[:1]] + sorted(complete, key=its_question.rank)
    configs: list[dict[str, Any]] = []
    for row in ranked:
        config = {
            name: canonical(spec, row.config[name])
            for name, spec in arm.space.items()
            if name in row.config and contains(spec, row.config[name])
        }
        active = states(arm.space, config)  # what the sampler adds could unset a part of it
        config = {name: value for name, value in config.items() if active[name]}
        if config and config not in configs:
            configs.append(config)
    return configs


def _differences(manifest: Manifest, question: Question, checked: CheckedSweep) -> list[str]:
    """Return in what an earlier sweep differs from a new one, as far as figures depend on it."""
    its = checked.store.manifest
    sides = []
    for one, of in ((manifest, question), (its, checked.question)):
        document = of.model_dump(mode="json")
        arm = document["arms"][one.arm]
        sides.append(
            {
                "search space": arm["space"],
                "fixed settings": arm["fixed"],
                "model": [arm["model"], arm["train"], dict(one.code)],
                "data": document["data"],
                "training-set size": arm["train_size"],
                "metric": [document["objective"], *document["further_objectives"]],
                "replicates": one.replicates,
            }
        )
    found = [name for name, value in sides[0].items() if sides[1][name] != value]
    prints = {(one.data or {}).get("fingerprint") for one in (manifest, its)} - {None}
    if len(prints) > 1 and "data" not in found:
        found.append("data")
    return found


def _observation(row: Trial, arm: Arm, objectives: Sequence[Objective]) -> dict[str, Any]:
    values: list[float | None] = [row.figure(one.valid) for one in objectives]
    if len(objectives) == 1 and row.rungs:
        values = [row.rungs[-1][1]]
    return {
        "state": row.state.value,
        "config": canonical_config(arm.space, row.config),
        "values": values,
        "epoch": row.epochs,
    }
