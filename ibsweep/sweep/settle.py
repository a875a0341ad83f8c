"""Settling claims: further fresh replicates of what open claims compare, until they are decided.

Everything follows from the rows on disk: a run that was stopped at any moment goes on when it is
started again. Verdicts hold their level under this looking (``analysis.statistics.looks``).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ibsweep.analysis.claims import ClaimResult
from ibsweep.analysis.evidence import Evidence, gather
from ibsweep.analysis.load import Results, StoredSweep, load
from ibsweep.cluster.recovery import Recovery
from ibsweep.cluster.session import ray_session
from ibsweep.sweep.mend import mend_finished
from ibsweep.sweep.own import check_unchanged
from ibsweep.sweep.settle_plan import OpenTest, Trained, next_batch
from ibsweep.sweep.settle_sides import count_replicates, open_tests, sides_of

if TYPE_CHECKING:
    from ibsweep.results.store import SweepStore

__all__ = ["SettleProgress", "Settled", "settle"]


class SettleProgress:
    """Told how far settling is; subclasses show it."""

    def batch_started(self, runs: int) -> None:
        """So many runs more are to be trained, up to the next look."""

    def runs_finished(self, side: Trained, runs: int) -> None:
        """Some of them are on disk."""

    def note(self, text: str) -> None:
        """Show a line that matters whatever is shown besides."""


@dataclass(frozen=True)
class Settled:
    """What became of a claim.

    Attributes:
        evidence: The evidence for its question now.
        before: The claim as it was judged before.
        after: The claim as it is judged now.
        spent: Runs trained of the configurations that it compares; what several claims compare
            counts for each.
    """

    evidence: Evidence
    before: ClaimResult
    after: ClaimResult
    spent: int


@dataclass(frozen=True)
class _Claims:
    """The claims to settle, as the rows on disk have them.

    Attributes:
        asked: Ids of the claims, by question.
        results: The sweeps of these questions.
        evidence: By question.
    """

    asked: Mapping[str, Collection[str]]
    results: Results
    evidence: Mapping[str, Evidence]

    @classmethod
    def of(cls, results: Results, asked: Mapping[str, Collection[str]]) -> _Claims:
        """Judge the claims."""
        own = tuple(s for s in results.stored if s.summary.question.question in asked)
        kept = Results(results.path, {}, own)
        return cls(asked, kept, gather(kept, list(asked)))

    def read_again(self) -> _Claims:
        """Judge them by what is on disk now."""
        stored = tuple(StoredSweep.read(sweep.store.paths.root) for sweep in self.results.stored)
        return self.of(Results(self.results.path, {}, stored), self.asked)

    def judged(self) -> Iterator[tuple[Evidence, ClaimResult]]:
        """Yield the claims."""
        for question, evidence in self.evidence.items():
            for claim in evidence.claims:
                if claim.claim.id in self.asked[question]:
                    yield evidence, claim

    def open_tests(self) -> list[OpenTest]:
        """Return their tests that replicates may decide."""
        return [test for evidence, claim in self.judged() for test in open_tests(claim, evidence)]

    def next_batch(self, most: int | None) -> dict[Trained, int]:
        """Return what to train next, as ``settle_plan.next_batch`` does."""
        tests = self.open_tests()
        by_name = {sweep.summary.name: sweep for sweep in self.results.stored}
        replicates = {
            side: count_replicates(sweep.manifest, sweep.confirmations, side)
            for test in tests
            for side in test.sides
            if (sweep := by_name[side.sweep])
        }
        return next_batch(tests, replicates, most)

    def stores(self) -> dict[str, SweepStore]:
        """Return the sweeps of what their open tests compare, by name."""
        names = {side.sweep for test in self.open_tests() for side in test.sides}
        return {s.summary.name: s.store for s in self.results.stored if s.summary.name in names}


def settle(
    results: Path,
    asked: Mapping[str, Collection[str]],
    *,
    most: int | None = None,
    seconds: float | None = None,
    address: str | None = None,
    progress: SettleProgress | None = None,
    recovery: Recovery | None = None,
) -> list[Settled]:
    """Train fresh replicates until claims are decided or the budget is spent.

    Args:
        results: The results directory.
        asked: Ids of the claims to settle, by question.
        most: Score replicates that a configuration may have, the sweep's own among them; None for
            as many as the last look takes.
        seconds: After which no batch begins; None for no limit.
        address: Address of a Ray cluster, None for this machine alone.
        progress: Told how far it is; by default nothing is shown.
        recovery: What becomes of the process when its Ray dies; by default, an error is raised.

    Returns:
        One a claim, in the order of the questions' files.

    Raises:
        InputError: If another process runs one of the sweeps, its code or data have changed, or
            training can be placed nowhere.
        SweepError: If a worker was lost too often.
    """
    end = None if seconds is None else time.monotonic() + seconds
    progress, spent = progress or SettleProgress(), Counter[Trained]()
    claims = before = _Claims.of(load(results), asked)
    _tell_what_is_beyond(claims, most, progress)
    if claims.next_batch(most):
        with ExitStack() as stack:
            stores = claims.stores()
            for store in stores.values():
                check_unchanged(store)
                stack.enter_context(store.lock())
                mend_finished(store)
            stack.enter_context(ray_session(address, recovery))
            # here, since the session has imported what this imports while Ray started
            from ibsweep.sweep.settle_training import ScoreTraining

            training = ScoreTraining(stores, progress, local=address is None)
            # whose last settlement was killed before it could write the best anew
            behind = {
                sweep.summary.name
                for sweep in claims.results.stored
                if sweep.summary.name in stores and sweep.best_is_older
            }
            claims = claims.read_again()  # nobody else writes from here on
            try:
                while batch := claims.next_batch(most):
                    if end is not None and time.monotonic() > end:
                        break
                    for side, runs in training.train(batch):
                        spent[side] += runs
                    claims = claims.read_again()
            finally:
                training.renew_best({side.sweep for side in spent} | behind)
    return [
        Settled(evidence, was, now, sum(spent[side] for side in _sides(now, evidence)))
        for (_, was), (evidence, now) in zip(before.judged(), claims.judged(), strict=True)
    ]


def _sides(claim: ClaimResult, evidence: Evidence) -> set[Trained]:
    return {side for test in claim.tests for side in sides_of(test, evidence)}


def _tell_what_is_beyond(claims: _Claims, most: int | None, progress: SettleProgress) -> None:
    """Say which claims need more than there may be: they come last."""
    told: dict[str, int | None] = {}
    for test in claims.open_tests():
        if not test.within(most):
            told.setdefault(test.claim, test.needed)
    for claim, needed in told.items():
        count = "more replicates than can be told" if needed is None else f"{needed:,} replicates"
        progress.note(
            f"{claim}: {count} for 80 % power at the effect seen, which is beyond the budget; it "
            "comes last"
        )
