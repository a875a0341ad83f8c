"""What open claims compare, and whether replicates can decide them."""

from __future__ import annotations

from collections.abc import Iterable

from ibsweep.analysis.claims import ClaimResult, ClaimTestResult, Verdict
from ibsweep.analysis.evidence import Evidence
from ibsweep.analysis.statistics import look_sizes
from ibsweep.questions.schema import TrainSizesNeededTest
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Confirmation
from ibsweep.sweep.settle_plan import OpenTest, Trained

__all__ = ["cannot_settle", "count_replicates", "missing_seeds", "open_tests", "sides_of"]


def cannot_settle(claim: ClaimResult, evidence: Evidence) -> str | None:
    """Return why replicates cannot decide a claim, and what would; None where they may, or where
    it is decided.

    Args:
        claim: A claim of the question.
        evidence: The evidence for the question.
    """
    if claim.verdict not in (Verdict.OPEN, Verdict.NOT_TESTED):
        return None
    for test in claim.tests:
        if not test.replicates:
            return test.reason
    for test in claim.tests:
        if test.verdict == Verdict.OPEN and test.unit_of == "sweep":
            return f"judged by how sweeps differ, which replicates do not change: {test.needed}"
    old = [m for m in _manifests(claim, evidence) if m.choice_replicates is None]
    if old:
        words = " ".join(dict.fromkeys(evidence.question.word(manifest.arm) for manifest in old))
        return (
            f"{' and '.join(m.name for m in old)} chose and scored the best on the same "
            f"replicates, and others cannot be added to these: `ibsweep tune {words}` first"
        )
    return None


def _manifests(claim: ClaimResult, evidence: Evidence) -> list[Manifest]:
    """Return the manifests of the sweeps that a claim compares, each once."""
    sweeps = {one.sweep for test in claim.tests for one in test.compared}
    return [manifest for name, manifest in evidence.judged.items() if name in sweeps]


def open_tests(claim: ClaimResult, evidence: Evidence) -> list[OpenTest]:
    """Return the open tests of a claim; none where replicates cannot decide it.

    Args:
        claim: A claim of the question.
        evidence: The evidence for the question.
    """
    if claim.verdict != Verdict.OPEN or cannot_settle(claim, evidence):
        return []
    first = min(manifest.confirm_replicates for manifest in _manifests(claim, evidence))
    return [
        OpenTest(
            claim.claim.id,
            sides_of(test, evidence),
            test.next_look,
            look_sizes(first)[-1],
            test.replicates_needed,
        )
        for test in claim.tests
        if test.verdict == Verdict.OPEN
    ]


def sides_of(test: ClaimTestResult, evidence: Evidence) -> tuple[Trained, ...]:
    """Return what a test compares: of one on training-set sizes both arms at every size.

    Args:
        test: A test that was carried out.
        evidence: The evidence for its question.
    """
    found = [Trained(one.sweep, one.trial, one.train_size) for one in test.compared]
    if isinstance(test.test, TrainSizesNeededTest):
        sizes = evidence.question.efficiency
        found = [one._replace(train_size=size) for one in found for size in sizes]
    return tuple(dict.fromkeys(found))


def count_replicates(manifest: Manifest, rows: Iterable[Confirmation], side: Trained) -> int:
    """Return how many score replicates there are of a side, without a gap from the first on.

    Args:
        manifest: The sweep's.
        rows: Its confirmations.
        side: What was trained.
    """
    have = _seeds(rows, side)
    seeds = manifest.score_seeds(len(have))
    return next((i for i, seed in enumerate(seeds) if seed not in have), len(have))


def missing_seeds(
    manifest: Manifest, rows: Iterable[Confirmation], side: Trained, count: int
) -> tuple[int, ...]:
    """Return which of the first score seeds a side was not trained with.

    Args:
        manifest: The sweep's.
        rows: Its confirmations.
        side: What is to be trained.
        count: Score replicates that it is to have.
    """
    have = _seeds(rows, side)
    return tuple(seed for seed in manifest.score_seeds(count) if seed not in have)


def _seeds(rows: Iterable[Confirmation], side: Trained) -> set[int]:
    at = (side.trial, side.train_size)
    return {r.seed for r in rows if (r.trial, r.train_size) == at and r.purpose == "score"}
