"""What a sweep keeps of its best configuration: ``best.yaml`` and ``best.pt``.

Of several objectives the best is the point of the front that is best by the first one; ``front``
in ``best.yaml`` lists all points, whose weights are in ``models/``.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from ibsweep.analysis.best_checks import names_best
from ibsweep.analysis.fronts import front_document
from ibsweep.analysis.summary import Confirmed, summarise
from ibsweep.analysis.weights import weights_fault
from ibsweep.questions.schema import Arm, Objective, Question
from ibsweep.results.records import Confirmation
from ibsweep.results.store import SweepStore
from ibsweep.sweep.own import settings_of
from ibsweep.sweep.plans import trial_plan
from ibsweep.trial.run import start_run
from ibsweep.trial.saved import tensor_bytes

__all__ = ["save_models", "write_best"]


def save_models(store: SweepStore, trial: int, states: dict[int, dict[str, torch.Tensor]]) -> None:
    """Save the weights of a trial's replicates that score, by seed; none: nothing.

    A training function may predict by something else than a module.
    """
    if not states:
        return
    store.write(store.paths.model(trial), tensor_bytes(states))


def write_best(store: SweepStore, question: Question, arm: Arm) -> None:
    """Write the best configuration, and its replicate that is best on validation examples."""
    summary = summarise(store)
    best = summary.best
    assert best is not None, "something was confirmed"
    row = summary.best_row()
    states = _weights(store.paths.model(best.trial.trial))
    if row.seed in states:
        store.write(store.paths.best_model, tensor_bytes(states[row.seed]))
    elif not names_best(store.paths.best_config, best.trial.trial, row.seed):
        # another one was the best before the sweep was extended
        store.paths.best_model.unlink(missing_ok=True)
    document = _best_document(store, arm, best, row, summary.front, question.objectives)
    if preprocessing := _preprocessing(store, question, arm, best, row):
        document["best_pt"]["preprocessing"] = preprocessing
    text = yaml.safe_dump(document, sort_keys=False)
    store.write(store.paths.best_config, text.encode())


def _weights(path: Path) -> dict[int, dict[str, torch.Tensor]]:
    """Return the weights of a trial's replicates by seed; none where there is no whole file."""
    if weights_fault(path):
        return {}
    try:
        found = torch.load(path, weights_only=True)
    except (RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError):
        return {}  # an archive of something else
    return found if isinstance(found, dict) else {}


def _preprocessing(
    store: SweepStore, question: Question, arm: Arm, best: Confirmed, row: Confirmation
) -> dict[str, Any]:
    """Return how an example of the source becomes what best.pt sees, and its output a prediction.

    It follows from the replicate's training set, which its seed draws again: a sweep that stopped
    before it wrote this has not lost it.
    """
    plan = trial_plan(
        store.manifest,
        question,
        arm,
        trial=best.trial.trial,
        config=best.trial.config,
        train_size=row.train_size,
        seeds=(row.seed,),
    )
    return start_run(plan).preprocessing(0)


def _best_document(
    store: SweepStore,
    arm: Arm,
    best: Confirmed,
    row: Confirmation,
    front: Sequence[Confirmed],
    objectives: Sequence[Objective],
) -> dict[str, Any]:
    objective, config = best.objective, best.trial.config
    settings = settings_of(arm, config, store.manifest.model)
    # what trains in the place of a hyperparameter that is not set is no choice of the sweep's
    unset = arm.space.keys() - config.keys()
    return {
        "sweep": store.manifest.name,
        "arm": arm.name,
        "trial": best.trial.trial,
        "trials": len(store.trials()),
        "config": config,
        "model": arm.implementation,
        "settings": {k: v for k, v in settings.items() if k not in unset},
        "train_size": arm.size_of(config),
        f"sweep_{objective.valid}": best.trial.figure(objective.valid),
        "chosen": {
            "replicates": len(best.choice),
            objective.valid: best.valid._asdict(),
        },
        "confirmed": {
            "replicates": len(best.rows),
            objective.test: best.test._asdict(),
            **best.runs_document(),
        },
        "best_pt": {
            "seed": row.seed,
            objective.valid: row.figure(objective.valid),
            objective.test: row.figure(objective.test),
        },
        **({"front": front_document(front, objectives)} if len(objectives) > 1 else {}),
    }
