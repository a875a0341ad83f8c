"""``best.yaml`` against the records that it was made from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.best_file import read_best
from ibsweep.results.damage import Damage
from ibsweep.results.extent import resume_words

if TYPE_CHECKING:
    from ibsweep.analysis.summary import Confirmed
    from ibsweep.results.store import SweepStore

__all__ = ["best_faults", "is_older", "names_best"]

_ROUNDING = 1e-6
"""By which a figure may miss another version's, as a share of it."""


def best_faults(
    store: SweepStore, document: Mapping[str, Any], best: Confirmed | None, trials: int
) -> Iterator[Damage]:
    """Yield how ``best.yaml`` contradicts the records.

    Args:
        store: The sweep, which no process is just writing.
        document: What is in the file.
        best: The best by the records.
        trials: How many trials these have.
    """
    path, again = store.paths.best_config, f"{resume_words(store)} decides it anew"
    if best is None:
        yield Damage(path, None, f"names a best, and no trial is scored; {again}", "resume")
        return

    def differs(name: str, found: Any, right: Any) -> Damage:
        text = f"its {name} is {str(found)[:80]}, by the records {right}; {again}"
        return Damage(path, None, text, "resume")

    expected = {
        "sweep": store.manifest.name,
        "trial": best.trial.trial,
        "config": best.trial.config,
    }
    for name, value in expected.items():
        if document.get(name) != value:
            yield differs(name, document.get(name), value)
    count = document.get("trials")
    if isinstance(count, int) and count < trials:
        yield Damage(
            path, None, f"is of {count} trials, and there are {trials}; {again}", "resume"
        )
    scored = _count(document, "confirmed")
    if scored is not None and scored > len(best.rows):
        text = f"it was scored by {scored} replicates, of which {len(best.rows)} are there"
        yield Damage(path, None, f"{text}; {again}", "resume")
    elif scored is not None and scored < len(best.rows):
        text = f"is of {scored} of the {len(best.rows)} replicates that score it by now"
        yield Damage(path, None, f"{text}; {resume_words(store)} writes it anew", "none")
    objective = best.objective
    for part, rows, column, right in (
        ("chosen", best.choice, objective.valid, best.valid.mean),
        ("confirmed", best.rows, objective.test, best.test.mean),
    ):
        found = _mean(document, part, column)
        if _count(document, part) == len(rows) and found is not None and not _same(found, right):
            yield differs(f"{column} ({part})", found, right)


def is_older(path: Path, best: Confirmed) -> bool:
    """Return whether replicates that score the best were added since ``best.yaml`` was written."""
    document = read_best(path)
    scored = _count(document, "confirmed") if isinstance(document, dict) else None
    return scored is not None and scored < len(best.rows)


def names_best(path: Path, trial: int, seed: int) -> bool:
    """Return whether ``best.yaml`` names a trial, and a replicate of it, whose ``best.pt`` is."""
    document = read_best(path)
    kept = document.get("best_pt") if isinstance(document, dict) else None
    same = isinstance(kept, dict) and kept.get("seed") == seed
    return same and isinstance(document, dict) and document.get("trial") == trial


def _count(document: Mapping[str, Any], part: str) -> int | None:
    found = document.get(part)
    count = found.get("replicates") if isinstance(found, Mapping) else None
    return count if isinstance(count, int) else None


def _mean(document: Mapping[str, Any], part: str, column: str) -> float | None:
    """Return a mean over replicates, None where the file has none, as an older version's."""
    found = document.get(part)
    interval = found.get(column) if isinstance(found, Mapping) else None
    mean = interval.get("mean") if isinstance(interval, Mapping) else None
    return float(mean) if isinstance(mean, int | float) else None


def _same(one: float, other: float) -> bool:
    return (
        one == other
        or math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=1e-9)
        or (math.isnan(one) and math.isnan(other))
    )
