"""Sweeps of one arm that repeat each other, written by hand: what each finds is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tiny
from report_results import confirmation

from ibsweep.results.store import SweepStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ibsweep.results.manifest import Manifest


def add_sweep(
    results: Path,
    seed: int,
    accuracies: Sequence[float] = (88.0, 90.0),
    *,
    manifest: Manifest | None = None,
    name: str | None = None,
    confirmed: bool = True,
    **changes: Any,
) -> SweepStore:
    """Write a sweep over ``tiny_cnn`` whose best has these test accuracies.

    Args:
        results: The results directory.
        seed: The sweep's.
        accuracies: One a fresh replicate.
        manifest: What its manifest begins as, by default that of the tiny question.
        name: The sweep's name, by default one with its seed.
        confirmed: Whether its confirmation came to its end.
        changes: Fields of the manifest.
    """
    made = manifest or tiny.manifest(
        trials=1, choice_replicates=1, confirm_replicates=len(accuracies)
    )
    own = {"name": name or f"tiny-{seed}", "seed": seed, "sampler": {**made.sampler, "seed": seed}}
    store = SweepStore.create(results, made.model_copy(update={**own, **changes}))
    tiny.add_trial(store, tiny.trial(0, origin="baseline"))
    apart = store.manifest.choice_replicates is not None
    if apart:
        store.add_confirmations(
            confirmation(0, 10, seed, 90.0, "choice") for seed in store.manifest.choice_seeds
        )
    store.add_confirmations(
        confirmation(0, 10, seed, accuracy, "score" if apart else None)
        for seed, accuracy in zip(store.manifest.confirmation_seeds, accuracies, strict=True)
    )
    if confirmed:
        tiny.write_best(store)
    return store
