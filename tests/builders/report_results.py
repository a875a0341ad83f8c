"""A results directory that a report can be made of, written row by row as sweeps write it."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import tiny
from questions import arm_mapping, claim_mapping, question_mapping

from ibsweep.analysis.report import gather_all, write_pages
from ibsweep.questions.published import published_settings
from ibsweep.questions.schema import Question
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Confirmation, TrialState
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ibsweep.analysis.load import Results

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> & \"quoted\""

DUEL = question_mapping(
    "duel",
    title="two arms",
    text="Which of the two is better?",
    efficiency=[10, 30, 100],
    arms={
        "duel_cnn": arm_mapping(published=[{"train_size": 10, "valid_accuracy": 86.67}]),
        "duel_mlp": arm_mapping(
            title="MLP",
            model="three_layer_mlp",
            fixed={"hidden_dim_1": 50, "hidden_dim_2": 10},
            published=[{"train_size": 10, "valid_accuracy": 58.0}],
        ),
    },
    claims=[
        claim_mapping(
            "duel_cnn_wins",
            "The CNN beats the MLP.",
            {"type": "difference", "arm": "duel_cnn", "than": "duel_mlp"},
        ),
        claim_mapping(
            "duel_fewer_images",
            "The CNN needs fewer images.",
            {"type": "images_needed", "arm": "duel_cnn", "than": "duel_mlp", "percent": 85.0},
        ),
        claim_mapping(
            "duel_mlp_is_good",
            "The MLP reaches 90 %.",
            {"type": "level", "arm": "duel_mlp", "at_least": 90.0},
            {
                "type": "level",
                "arm": "duel_mlp",
                "train_size": 100,
                "where": {"batch_size": 5},
                "below": 99.0,
            },
        ),
    ],
)

REPLICATES = 8
LEVELS = {"duel_cnn": 90.0, "duel_mlp": 60.0}
"""Test accuracy of each arm's best with 10 images per class, about."""
_CONFIGS = (
    {"lr": 0.01, "epochs": 20, "batch_size": 10},
    {"lr": 0.05, "epochs": 30, "batch_size": 5},
    {"lr": 0.03, "epochs": 25, "batch_size": 5},
    {"lr": 0.002, "epochs": 40, "batch_size": 10},
    {"lr": 0.09, "epochs": 10, "batch_size": 5},
)


@lru_cache
def question(*, hostile: bool = False) -> Question:
    """Return the question; a hostile one has markup wherever its file takes any text."""
    data = copy.deepcopy(DUEL)
    if hostile:
        data["title"] = data["text"] = HOSTILE
        data["claims"][0]["text"] = f"{HOSTILE} and `{HOSTILE}`"
        data["arms"]["duel_cnn"]["title"] = HOSTILE
    return Question.model_validate(data)


def manifest(arm: str, name: str, asked: Question, created: str | None = None) -> Manifest:
    """Return the manifest of a sweep over an arm, of which one set of replicates both chose the
    best and scored it, as in format 3.
    """
    options = SweepOptions(trials=len(_CONFIGS), confirm=2, confirm_replicates=REPLICATES)
    made = make_manifest(name, asked, asked.arms[arm], options, ["ibsweep", "tune", arm])
    return made.model_copy(update={"created": created or made.created, "choice_replicates": None})


def confirmation(
    trial: int, images: int, seed: int, accuracy: float, purpose: str | None = None
) -> Confirmation:
    """Return a fresh replicate, its confusion matrix that of its accuracy.

    One that chooses has no figures on test images; without a purpose it is one of format 3.
    """
    right = round(accuracy / 2)
    matrix = ((right, 50 - right, 0), (0, right, 50 - right), (50 - right, 0, right))
    row = Confirmation(
        trial=trial,
        images=images,
        seed=seed,
        epochs=20,
        valid_accuracy=accuracy,
        valid_loss=0.5,
        train_accuracy=100.0,
        test_accuracy=accuracy,
        test_loss=0.5,
        test_confusion=matrix,
        diverged_epoch=None,
        seconds=2.0,
    )
    if purpose is None:
        return row
    apart = {"test": {}, "test_confusion": None} if purpose == "choice" else {}
    return row.model_copy(update={"purpose": purpose, "trained": True, **apart})


def failure(trial: int, images: int, seed: int, valid: float = 100.0) -> Confirmation:
    """Return a fresh replicate that says one class of every test image."""
    row = confirmation(trial, images, seed, 100 / 3)
    chosen_by = {"accuracy": valid, "loss": 0.5}
    return row.model_copy(update={"test_confusion": ((50, 0, 0),) * 3, "valid": chosen_by})


def add_sweep(
    results: Path,
    arm: str,
    *,
    name: str | None = None,
    asked: Question | None = None,
    confirmed: bool = True,
    efficiency: bool = True,
    created: str | None = None,
    better: float = 0.0,
    fails: Mapping[int, int] | None = None,
    apart: bool = False,
    seed: int = 10,
) -> SweepStore:
    """Write a sweep whose best is trial 1.

    Args:
        results: The results directory.
        arm: The arm.
        name: The sweep's name, by default the arm's with ``-1``.
        asked: The question.
        confirmed: Whether it was confirmed.
        efficiency: Whether its best was trained at all numbers of images.
        created: When.
        better: Points that its figures are above the usual ones.
        fails: How many of a trial's first replicates fail, by its number.
        apart: Whether other replicates chose the best than score it and the baseline.
        seed: The sweep's.
    """
    asked = asked or question()
    made = manifest(arm, name or f"{arm}-1", asked, created)
    made = made.model_copy(update={"seed": seed})
    if apart:
        made = made.model_copy(update={"choice_replicates": 4})
    store = SweepStore.create(results, made)
    level = LEVELS[arm] + better
    for number, config in enumerate(_CONFIGS):
        origin = "baseline" if number == 0 else "tpe"
        accuracy = level - 5 * abs(number - 1)
        state = (TrialState.COMPLETE,) * 3 + (TrialState.PRUNED, TrialState.FAIL)
        tiny.add_trial(
            store,
            tiny.trial(
                number,
                config,
                accuracy=accuracy,
                origin=origin,
                state=state[number],
                rungs=((5, accuracy - 10), (20, accuracy)) if number < 4 else None,
                reason=None if number < 3 else "weak",
            ),
            [tiny.curve(number, epoch, accuracy - 20 / epoch) for epoch in (5, 20)],
        )
    if not confirmed:
        return store
    seeds = store.manifest.confirmation_seeds
    leaders = {1: 0.0, 2: 6.0, 0: 10.0}
    rows = [
        failure(trial, 10, seed, level - below)
        if i < (fails or {}).get(trial, 0)
        else confirmation(trial, 10, seed, level - below + 1.5 * (i % 3) - 1.25)
        for trial, below in leaders.items()
        for i, seed in enumerate(seeds)
    ]
    if efficiency:
        rows += [
            confirmation(1, images, seed, level + gain * (98 - level) + i % 3 / 2 - 0.4)
            for images, gain in ((30, 0.5), (100, 0.9))
            for i, seed in enumerate(seeds)
        ]
    if apart:
        store.add_confirmations(
            confirmation(trial, 10, seed, level - below, "choice")
            for trial, below in leaders.items()
            for seed in store.manifest.choice_seeds
        )
        rows = [row.model_copy(update={"purpose": "score"}) for row in rows if row.trial != 2]
    store.add_confirmations(rows)
    tiny.write_best(store)
    return store


TRIO = {
    "duel_cnn": (90.0, 92.0, 89.0, 91.0, 93.0, 88.0, 90.0, 91.0),
    "duel_deep": (88.0, 90.2, 87.4, 89.6, 91.8, 87.0, 90.4, 91.1),
    "duel_wide": (89.5, 89.5, 88.4, 88.6, 92.3, 86.0, 89.6, 89.5),
}
"""Test accuracies of three arms' best, one a replicate. The first beats the second in six of eight
replicates: p = 0.031, which among three comparisons is 0.062."""


def trio(results: Path) -> Path:
    """Write sweeps of three arms that are close; the last one's best is the notebook's setting."""
    data = copy.deepcopy(DUEL)
    cnn = data["arms"]["duel_cnn"]
    data["arms"] = {name: {**cnn, "title": name} for name in TRIO}
    data["claims"] = [
        claim_mapping(
            "duel_cnn_fits",
            "The CNN fits its training images.",
            {"type": "level", "arm": "duel_cnn", "metric": "train_accuracy", "at_least": 99.0},
        )
    ]
    asked = Question.model_validate(data)
    for arm, accuracies in TRIO.items():
        made = manifest(arm, f"{arm}-1", asked).model_copy(update={"confirm": 1})
        store = SweepStore.create(results, made)
        best = 0 if arm == "duel_wide" else 1
        for number, config in enumerate(_CONFIGS[:2]):
            origin = "baseline" if number == 0 else "tpe"
            tiny.add_trial(store, tiny.trial(number, config, accuracy=80.0, origin=origin))
        store.add_confirmations(
            confirmation(best, 10, seed, accuracy)
            for seed, accuracy in zip(store.manifest.confirmation_seeds, accuracies, strict=True)
        )
        tiny.write_best(store)
    return results


def add_replications(results: Path, seeds: int = 24) -> None:
    """Write the notebook's settings over many seeds: the CNN's figure is a lucky one."""
    by_arm = {
        cell.arm: cell for cell, _ in published_settings([question()]) if cell.train_size == 10
    }
    rows: list[Any] = []
    for arm, published in (("duel_cnn", 86.67), ("duel_mlp", 58.0)):
        for seed in range(10, 10 + seeds):
            other = published + (seed % 5 - (8.0 if arm == "duel_cnn" else 2.0))
            accuracy = published if seed == 10 else other
            rows.append(tiny.replication(by_arm[arm], seed, accuracy, exact=seed == 10))
    store = ReplicationStore(results)
    with store.open():
        store.add(rows)


def full(results: Path, *, hostile: bool = False) -> Path:
    """Write everything that a report can show, and return the results directory."""
    asked = question(hostile=hostile)
    for arm in asked.arms:
        add_sweep(results, arm, asked=asked)
    add_replications(results)
    return results


def write_report(results: Results, out: Path, targets: Sequence[str] | None = None) -> list[Path]:
    """Write the pages as the command does, and return them, the index first."""
    evidence, asked = gather_all(results, targets)
    return write_pages(results, evidence, asked, out)
