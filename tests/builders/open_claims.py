"""A tiny question whose claims a tune has left open, for settling."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import tiny
from questions import arm_mapping, as_yaml, claim_mapping, question_mapping

from ibsweep.questions.schema import Question
from ibsweep.results.records import Confirmation
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ibsweep.results.manifest import Manifest

SCORED = 4
"""Score replicates of a tune that leaves everything open: six are the least of a verdict."""


def mapping(epochs: int = 20) -> dict[str, Any]:
    """Return the question: a CNN that is trained, and one whose steps are too small to learn.

    Args:
        epochs: Epochs of every configuration.
    """
    space = {"lr": {"type": "float", "low": 1e-6, "high": 0.5, "log": True}}
    arms = {
        f"pair_{name}": arm_mapping(
            fixed={"kernel_size": 3, "epochs": epochs, "batch_size": 10},
            space=space,
            baseline={"lr": lr},
        )
        for name, lr in (("good", 0.05), ("idle", 1e-6))
    }
    return question_mapping(
        "pair",
        arms=arms,
        claims=[
            claim_mapping(
                "pair_good_wins",
                "What learns is better than what does not.",
                {"type": "difference", "arm": "pair_good", "than": "pair_idle", "on": "mean"},
            ),
            claim_mapping(
                "pair_idle_is_perfect",
                "What does not learn is perfect.",
                {"type": "level", "arm": "pair_idle", "at_least": 99.0, "on": "mean"},
            ),
        ],
    )


def write_question(folder: Path, epochs: int = 20) -> Path:
    """Write the question's file and return its path."""
    return tiny.write_question(folder, as_yaml(mapping(epochs)), "pair.yaml")


def add_sweeps(
    results: Path, accuracies: dict[str, Sequence[float]] | None = None, epochs: int = 20
) -> dict[str, SweepStore]:
    """Write a finished sweep of each arm, of its baseline alone.

    Args:
        results: The results directory.
        accuracies: Test accuracies of the score replicates by arm.
        epochs: Epochs of the configurations.

    Returns:
        The sweeps by arm.
    """
    question = Question.model_validate(mapping(epochs))
    scores = accuracies or {
        "pair_good": (90.0, 60.0, 80.0, 70.0),
        "pair_idle": (33.0, 34.0, 33.0, 32.0),
    }
    stores = {}
    for name, arm in question.arms.items():
        options = SweepOptions(trials=1, replicates=2, confirm=1, confirm_replicates=SCORED)
        manifest = make_manifest(f"{name}-1", question, arm, options, ["tune", "pair.yaml"])
        manifest = manifest.model_copy(update={"choice_replicates": 2})
        stores[name] = _write(results, manifest, arm.baseline, scores[name], epochs)
    return stores


def add_repeat(store: SweepStore, *, seed: int, lr: float) -> SweepStore:
    """Write a newer sweep that repeats another and has found another learning rate.

    Args:
        store: The other, as ``add_sweeps`` writes it.
        seed: The sweep's.
        lr: The learning rate.
    """
    made = store.manifest
    name = f"{made.name}-seed{seed}"
    own = {"name": name, "seed": seed, "sampler": {**made.sampler, "seed": seed}}
    later = datetime.fromisoformat(made.created) + timedelta(hours=1)
    manifest = made.model_copy(update={**own, "created": later.isoformat()})
    accuracies = [row.test["accuracy"] for row in store.confirmations() if row.purpose == "score"]
    (trial,) = store.trials()
    return _write(store.paths.root.parent, manifest, {"lr": lr}, accuracies, trial.epochs)


def _write(
    results: Path,
    manifest: Manifest,
    config: dict[str, Any],
    accuracies: Sequence[float],
    epochs: int,
) -> SweepStore:
    store = SweepStore.create(results, manifest)
    trial = tiny.trial(0, config, origin="baseline", rungs=((epochs, 50.0),))
    tiny.add_trial(store, trial, [tiny.curve(0, epochs)])
    store.add_confirmations(rows(manifest, "choice", (80.0, 70.0)))
    store.add_confirmations(rows(manifest, "score", accuracies))
    tiny.write_best(store)
    return store


def rows(manifest: Manifest, purpose: str, accuracies: Sequence[float]) -> list[Confirmation]:
    """Return confirmations of trial 0, one an accuracy."""
    seeds = manifest.choice_seeds if purpose == "choice" else manifest.score_seeds(len(accuracies))
    return [
        Confirmation(
            trial=0,
            train_size=10,
            seed=seed,
            epochs=20,
            valid={"accuracy": accuracy, "loss": 0.5},
            train={"accuracy": accuracy, "loss": 0.5},
            test={"accuracy": accuracy, "loss": 0.5},
            test_confusion=None,
            diverged_epoch=None,
            seconds=1.0,
            purpose=purpose,
            trained=True,
        )
        for seed, accuracy in zip(seeds, accuracies, strict=True)
    ]


def score_seeds(store: SweepStore) -> list[int]:
    """Return the replicate seeds that score, in the order of the file."""
    return [row.seed for row in store.confirmations() if row.purpose == "score"]
