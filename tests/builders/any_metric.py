"""Sweeps over numbers in a table, scored by any metric: nothing in them is an accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tiny
from questions import arm_mapping, claim_mapping, question_mapping

from ibsweep.data.schema import DataSchema
from ibsweep.questions.schema import Question
from ibsweep.results.records import Confirmation, Curve, Replicate, Trial, TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

if TYPE_CHECKING:
    from pathlib import Path

    from ibsweep.results.manifest import Manifest

TABLE = DataSchema(
    source="cars.csv",
    example_shape=(7,),
    classes=None,
    train_sizes=(100, 200, 400),
    per="all",
    noun="rows",
    rows={"pool": 900, "test": 300},
    draws="resampling",
    fingerprint="0" * 64,
)
LEVELS = {"rmse": {"good": 2.5, "poor": 6.5}, "r2": {"good": 0.75, "poor": 0.05}}
"""Test figures of each arm's best with 100 rows, about."""
WORSE = {"rmse": 1.0, "r2": -0.15}
"""What takes a figure a step to the worse."""
_CONFIGS = [{"lr": 0.01 + 0.002 * i, "epochs": 10 + i, "batch_size": 10} for i in range(6)]


def question(metric: str) -> Question:
    """Return a question of two arms whose objective is the metric."""
    bound, target = {"rmse": (4.0, 2.4), "r2": (0.5, 0.8)}[metric]
    reached = {"rmse": "at_most", "r2": "at_least"}[metric]
    return Question.model_validate(
        question_mapping(
            "cars",
            objective=metric,
            efficiency=[100, 200, 400],
            split={"train": [100], "per": "class"},
            arms={
                name: arm_mapping(title=name, train_size=100, published=[])
                for name in ("good", "poor")
            },
            claims=[
                claim_mapping(
                    "good_wins",
                    "Good beats poor.",
                    {"type": "difference", "arm": "good", "than": "poor", "margin": 0.01},
                ),
                claim_mapping(
                    "good_is_good",
                    "Good is good.",
                    {"type": "level", "arm": "good", reached: bound},
                    {"type": "level", "arm": "good", "train_size": 400, reached: bound},
                ),
                claim_mapping(
                    "good_needs_less",
                    "Good needs fewer rows.",
                    {"type": "train_sizes_needed", "arm": "good", "than": "poor", "value": target},
                ),
            ],
        )
    )


def manifest(asked: Question, arm: str) -> Manifest:
    """Return the manifest of a sweep of the table's."""
    options = SweepOptions(trials=len(_CONFIGS), confirm=2, confirm_replicates=8)
    made = make_manifest(f"{arm}-1", asked, asked.arms[arm], options, ["ibsweep", "tune", arm])
    return made.model_copy(update={"data": TABLE.to_dict(), "choice_replicates": None})


def add_sweep(results: Path, metric: str, arm: str) -> SweepStore:
    """Write a sweep whose best is trial 1; without a baseline, and its last trial failed."""
    store = SweepStore.create(results, manifest(question(metric), arm))
    level, worse = LEVELS[metric][arm], WORSE[metric]
    for number, config in enumerate(_CONFIGS):
        value = level + worse * abs(number - 1)
        if number == len(_CONFIGS) - 1:
            tiny.add_trial(store, trial(metric, number, config, None))
            continue
        curves = [
            Curve(
                trial=number, epoch=epoch, replicates=replicates(metric, value + 5 * worse / epoch)
            )
            for epoch in (5, 20)
        ]
        tiny.add_trial(store, trial(metric, number, config, value), curves)
    seeds = store.manifest.confirmation_seeds
    for number, size, shift in ((1, 100, 0.0), (2, 100, 1.0), (1, 200, -0.3), (1, 400, -0.6)):
        store.add_confirmations(
            [
                confirmation(metric, number, size, seed, level + worse * (shift + _SPREAD[i]))
                for i, seed in enumerate(seeds)
            ]
        )
    tiny.write_best(store)
    return store


_SPREAD = (-0.5, -0.3, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4)


def replicates(metric: str, value: float) -> tuple[Replicate, ...]:
    """Return two replicates with about this figure."""
    return tuple(
        Replicate(
            seed=seed,
            valid={metric: value + shift, "loss": 0.5},
            train={metric: value, "loss": 0.4},
        )
        for seed, shift in ((10, -0.005), (11, 0.005))
    )


def trial(metric: str, number: int, config: dict[str, object], value: float | None) -> Trial:
    """Return a finished trial; without a figure it failed."""
    failed = value is None
    return Trial(
        trial=number,
        origin="tpe",
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        config=config,
        epochs=20,
        valid=None if value is None else {metric: value, "loss": 0.5},
        rungs=() if value is None else ((20, value),),
        replicates=() if value is None else replicates(metric, value),
        seconds=0.5,
        device="cpu",
        node="host",
        reason="diverged" if failed else None,
    )


def confirmation(metric: str, number: int, size: int, seed: int, value: float) -> Confirmation:
    """Return a fresh replicate."""
    figures = {metric: value, "loss": 0.5}
    return Confirmation(
        trial=number,
        train_size=size,
        seed=seed,
        epochs=20,
        valid=figures,
        train=figures,
        test=figures,
        test_confusion=None,
        diverged_epoch=None,
        seconds=2.0,
    )


def full(results: Path, metric: str) -> Path:
    """Write both arms' sweeps and return the results directory."""
    for arm in LEVELS[metric]:
        add_sweep(results, metric, arm)
    return results
