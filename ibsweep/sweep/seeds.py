"""The seeds of new sweeps: given, or the first that none of their arms' sweeps has."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING

from ibsweep.errors import IbsweepError
from ibsweep.results.location import display_path
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import list_sweeps
from ibsweep.sweep.options import FIRST_SEED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ibsweep.results.manifest import Manifest
    from ibsweep.sweep.options import SweepOptions

__all__ = ["seed_notes", "sweep_seeds"]


def sweep_seeds(
    question: str, arms: Collection[str], options: SweepOptions, results: Path
) -> tuple[int, ...]:
    """Return the seeds of new sweeps, one a sweep of each arm.

    Arms of one question share them: they are compared on common replicate seeds.

    Args:
        question: Name of the question.
        arms: Names of those of its arms that are tuned together.
        options: How many sweeps, and from which seed on. Without one, these are the first from the
            notebook's on that no sweep of these arms has, so that the same command once more makes
            an independent sweep.
        results: Where the sweeps are stored.
    """
    if options.seed is not None:
        return tuple(range(options.seed, options.seed + options.sweeps))
    used = set()
    for directory in list_sweeps(results):
        try:
            manifest = SweepStore(directory).manifest
        except IbsweepError:  # damaged, or of another version: who lists the sweeps says so
            continue
        if manifest.arm in arms and manifest.question.get("question") == question:
            used.add(manifest.seed)
    return tuple(islice((seed for seed in count(FIRST_SEED) if seed not in used), options.sweeps))


def seed_notes(manifests: Sequence[Manifest], options: SweepOptions, results: Path) -> list[str]:
    """Return a line for new sweeps whose seeds are others since the notebook's is taken.

    Args:
        manifests: The new sweeps.
        options: What was asked for.
        results: Where they are stored.
    """
    if options.seed is not None:
        return []
    by_arm: dict[tuple[str, str], list[int]] = {}
    for manifest in manifests:
        key = manifest.question["question"], manifest.arm
        by_arm.setdefault(key, []).append(manifest.seed)
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for (_, arm), seeds in by_arm.items():
        if seeds[0] != FIRST_SEED:
            by_seeds.setdefault(tuple(seeds), []).append(arm)
    return [
        f"{', '.join(arms)}: seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}, "
        f"independent of the sweeps that {display_path(results)} has"
        for seeds, arms in by_seeds.items()
    ]
