"""A small sweep that is done, as sweeps are written: two leaders compared, one of them scored."""

from __future__ import annotations

from pathlib import Path

import tiny
from report_results import confirmation

from ibsweep.results.records import Curve, Proposal, Replicate, Trial, TrialState
from ibsweep.results.store import SweepStore

ACCURACIES = (60.0, 90.0, 80.0, 40.0)
"""Of the trials on validation examples: the baseline, two that complete, one that is pruned."""


def write(results: Path, name: str = "s", seed: int = 10) -> SweepStore:
    """Write a sweep of five trials whose best is trial 1; the last one failed.

    Args:
        results: The results directory.
        name: The sweep's name.
        seed: Its seed.
    """
    manifest = tiny.manifest(
        name, trials=5, seed=seed, confirm=2, choice_replicates=3, confirm_replicates=3
    )
    store = SweepStore.create(results, manifest)
    for number in range(5):
        config = {"lr": 0.01 + 0.01 * number, "epochs": 20, "batch_size": 10}
        origin = "tpe" if number else "baseline"
        store.add_proposal(Proposal(trial=number, origin=origin, config=config))
        store.add_trial(*_trial(store, number, origin, config))
    for purpose, trials, seeds in (
        ("choice", (1, 2, 0), manifest.choice_seeds),
        ("score", (1, 0), manifest.confirmation_seeds),
    ):
        for trial in trials:
            store.add_confirmations(
                confirmation(trial, 10, one, ACCURACIES[trial] + i, purpose)
                for i, one in enumerate(seeds)
            )
    tiny.write_best(store)
    return store


def _trial(
    store: SweepStore, number: int, origin: str, config: dict[str, object]
) -> tuple[Trial, list[Curve]]:
    failed = number == len(ACCURACIES)
    accuracy = 0.0 if failed else ACCURACIES[number]
    epochs = () if failed else (5,) if number == 3 else (5, 20)
    replicates = tuple(
        Replicate(
            seed=seed,
            valid={"accuracy": accuracy + shift, "loss": 0.5},
            train={"accuracy": 99.0, "loss": 0.1},
        )
        for seed, shift in zip(store.manifest.replicate_seeds, (-1.0, 1.0), strict=True)
    )
    states = (TrialState.COMPLETE,) * 3 + (TrialState.PRUNED, TrialState.FAIL)
    trial = Trial(
        trial=number,
        origin=origin,
        state=states[number],
        config=config,
        epochs=epochs[-1] if epochs else 0,
        valid=None if failed else {"accuracy": accuracy, "loss": 0.5},
        rungs=tuple((epoch, accuracy) for epoch in epochs),
        replicates=() if failed else replicates,
        seconds=0.5,
        device="cpu",
        node="host",
        reason="it diverged" if failed else None,
    )
    return trial, [Curve(trial=number, epoch=epoch, replicates=replicates) for epoch in epochs]
