"""Which sweeps repeat each other: those of one arm that differ in their seeds alone.

A sweep's outcome is itself a draw: the sampler's seed, the replicates' and the order in which
trials end decide which configuration it finds. How far that carries, only several sweeps show.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ibsweep.analysis.load import StoredSweep
    from ibsweep.questions.schema import Question
    from ibsweep.results.manifest import Manifest

__all__ = ["Asked", "asked_in_turn", "design_of", "independent"]

_NOT_DESIGN = {
    *("name", "created", "command", "resumed"),
    *("extended", "ended", "time_budget", "budget", "max_time"),
    *("seed", "format"),  # an older layout becomes the present one when a sweep is resumed
    *("machine", "git", "address", "nodes", "excluded", "folder", "file"),
    *("question", "arm", "sampler", "data", "versions"),  # what counts of these is added below
}
"""Fields of a manifest in which repeats may differ. Whatever else it has, today or one day, makes
another design: two sweeps wrongly called alike would be worse than two that are kept apart."""

_WORDS = {"title", "text", "published", "variants"}
"""Fields of an arm that nothing is trained by."""


def design_of(manifest: Manifest, question: Question) -> str:
    """Return what tells how a sweep was made: sweeps that differ in their seeds alone share it.

    Of the question its data, metrics and this arm count, and neither claims nor words: what is
    claimed of a sweep does not change it.

    Args:
        manifest: The sweep's.
        question: Its question.

    Returns:
        Twelve hexadecimal digits.
    """
    kept = {k: v for k, v in manifest.model_dump(mode="json").items() if k not in _NOT_DESIGN}
    asked = question.model_dump(mode="json")
    arm = asked["arms"][manifest.arm]
    versions = [manifest.versions, *(entry.get("versions") for entry in manifest.resumed)]
    kept |= {
        "question": [asked[key] for key in ("question", "data", "objective", "metrics")],
        "arm": {key: value for key, value in arm.items() if key not in _WORDS},
        "sampler": {k: v for k, v in manifest.sampler.items() if k not in ("seed", "folder")},
        "data": (manifest.data or {}).get("fingerprint"),
        # one that was extended when its result was seen is not one of that size from the start
        "asked": asked_in_turn(manifest),
        # one that went on under another version is a mixture of both
        "versions": sorted({json.dumps(one, sort_keys=True) for one in versions}),
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


class Asked(NamedTuple):
    """What a sweep was asked for at first, or what it was extended to.

    Attributes:
        trials: In all.
        time: Seconds of searching, further ones where it was extended.
        budget: Model-epochs in all.
        max_time: Seconds of the whole command, further ones likewise.
    """

    trials: int
    time: float | None = None
    budget: int | None = None
    max_time: float | None = None


def asked_in_turn(manifest: Manifest) -> list[Asked]:
    """Return what a sweep was asked for, and then what it was extended to."""
    limit = (manifest.max_time or {}).get("seconds")
    if not manifest.extended:
        return [Asked(manifest.trials, manifest.time_budget, manifest.budget, limit)]
    first, unknown = manifest.extended[0], (None, None)
    later = [
        Asked(
            one["trials"][1],
            one["further_time"],
            one.get("budget", unknown)[1],
            one.get("max_time"),
        )
        for one in manifest.extended
    ]
    before = first.get("budget", unknown)[0]
    return [Asked(first["trials"][0], first["time_budget"], before), *later]


def independent(sweeps: Iterable[StoredSweep]) -> tuple[StoredSweep, ...]:
    """Return sweeps that share no replicate seed, by their seeds; where two do, the newer one.

    Two sweeps of one seed train on the same data, and so do those of neighbouring seeds that were
    written in formats 2 and 3: neither says how another sweep would go.

    Args:
        sweeps: Sweeps of one design.
    """
    used: set[int] = set()
    kept = []
    for sweep in sorted(sweeps, key=lambda one: one.age, reverse=True):
        manifest = sweep.manifest
        seeds = {*manifest.replicate_seeds, *manifest.confirmation_seeds}
        seeds |= {
            row.seed for row in sweep.confirmations
        }  # further ones that were asked for later
        if used.isdisjoint(seeds):
            used |= seeds
            kept.append(sweep)
    return tuple(sorted(kept, key=lambda one: one.manifest.seed))
