"""The claims of a question, judged on the confirmations of its sweeps by one rule: ``RULE``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from ibsweep.analysis.efficiency import check_one_sweep
from ibsweep.analysis.findings import Finding, bound_and_unit, measure
from ibsweep.analysis.statistics import LEAST_REPLICATES, Comparison, holm
from ibsweep.analysis.wording import schema_of
from ibsweep.questions.schema import Claim, ClaimTest, LevelTest, Question

if TYPE_CHECKING:
    import pandas as pd

    from ibsweep.data.schema import DataSchema

__all__ = ["ALPHA", "RULE", "ClaimResult", "ClaimTestResult", "Verdict", "evaluate"]

ALPHA = 0.05

RULE = (
    "A test is supported where the 95 % interval of its effect (the outer ends of Student's t and "
    "of the studentised bootstrap) lies wholly on the claimed side of its bound and the two-sided "
    "p of the same two methods, adjusted by Holm's "
    "method over all tests of the question's claims (one that cannot be carried out counts as "
    "p = 1), is below 0.05; it is refuted where both hold for the other side, and open otherwise. "
    "A claim is supported where all of its tests are, refuted where one is, and open otherwise. "
    "Replicates that all lie exactly on the bound leave nothing to test: where there are enough "
    "of them for an adjusted p below 0.05, they support a figure of at least (or at most) that "
    "much and refute one below (or above) it; a difference they leave open. Verdicts are about "
    "means, and a mean over few replicates does not see a failure that strikes one seed in ten: "
    "eight replicates miss it in 43 of 100 cases. The worst replicate is therefore named beside a "
    "figure."
)
"""How verdicts are reached."""


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    OPEN = "open"


@dataclass(frozen=True)
class ClaimTestResult:
    """One test of a claim.

    Attributes:
        test: The test.
        verdict: What came out.
        effect: Mean over the replicates, in ``unit``; None where it could not be carried out, as
            are the figures below.
        low: Lower end of its 95 % interval.
        high: Upper end.
        bound: What the effect is held against, in ``unit``.
        unit: The metric's: ``points`` of a difference and ``percent`` of a level where that is
            percent; ``doublings`` of a ratio of training-set sizes (its logarithm to base 2).
        p: Two-sided p of the effect being the bound.
        adjusted_p: ``p`` adjusted for all tests of the question's claims.
        replicates: Replicates it rests on; 0 where it could not be carried out.
        statement: The finding in words and figures, with the adjusted p.
        reason: Why it is open and what would help, else None.
    """

    test: ClaimTest
    verdict: Verdict
    effect: float | None
    low: float | None
    high: float | None
    bound: float
    unit: str
    p: float | None
    adjusted_p: float | None
    replicates: int
    statement: str
    reason: str | None


@dataclass(frozen=True)
class ClaimResult:
    """A claim with its verdict and the tests that it rests on."""

    claim: Claim
    verdict: Verdict
    tests: tuple[ClaimTestResult, ...]

    @property
    def tested(self) -> bool:
        """Whether any of its tests could be carried out."""
        return any(test.replicates for test in self.tests)


def evaluate(
    question: Question, confirmations: pd.DataFrame, data: DataSchema | None = None
) -> list[ClaimResult]:
    """Judge the claims of a question.

    All tests of its claims are one family for Holm's method, whether they can be carried out or
    not: a verdict of today is not lost when another test becomes possible.

    Args:
        question: The question.
        confirmations: Rows of the confirmations as ``ibsweep.load`` gives them, of the current
            sweeps of this question.
        data: What the question's data are, where it does not say so itself.

    Returns:
        A result a claim, in the question's order.

    Raises:
        InputError: If an arm has rows of several sweeps.
    """
    for arm in question.arms:
        check_one_sweep(confirmations, arm)
    tests = [test for claim in question.claims for test in claim.tests]
    data = data or schema_of(question)
    findings = [measure(question, confirmations, test, data) for test in tests]
    adjusted = holm([f.comparison.p if isinstance(f, Finding) else 1.0 for f in findings])
    results = iter(
        [
            _judge(question, test, finding, p, len(tests))
            if isinstance(finding, Finding)
            else _untested(question, test, finding)
            for test, finding, p in zip(tests, findings, adjusted, strict=True)
        ]
    )
    return [
        _conclude(claim, tuple(islice(results, len(claim.tests)))) for claim in question.claims
    ]


def _conclude(claim: Claim, tests: tuple[ClaimTestResult, ...]) -> ClaimResult:
    verdicts = [test.verdict for test in tests]
    if Verdict.REFUTED in verdicts:
        return ClaimResult(claim, Verdict.REFUTED, tests)
    return ClaimResult(claim, Verdict.OPEN if Verdict.OPEN in verdicts else verdicts[0], tests)


def _untested(question: Question, test: ClaimTest, reason: str) -> ClaimTestResult:
    bound, unit = bound_and_unit(question, test)
    missing = "not tested: " + reason
    return ClaimTestResult(
        test, Verdict.OPEN, None, None, None, bound, unit, None, None, 0, missing, reason
    )


def _judge(
    question: Question, test: ClaimTest, finding: Finding, adjusted: float, tests: int
) -> ClaimTestResult:
    """Apply the rule to a test that was carried out, one of a family of ``tests``."""
    found, (bound, unit) = finding.comparison, bound_and_unit(question, test)
    end = f" on {found.replicates} {'' if isinstance(test, LevelTest) else 'paired '}replicates, "
    end += "p < 0.001" if adjusted < 0.001 else f"p = {adjusted:.3f}"
    end += finding.note
    # replicates that are all equal leave the least p that signs can have
    enough = found.replicates >= LEAST_REPLICATES and (
        found.low < found.high or 2.0 ** (1 - found.replicates) * tests < ALPHA
    )
    verdict = _verdict(test, bound, found, adjusted, enough=enough)
    result = ClaimTestResult(
        test, verdict, *found[:3], bound, unit, found.p, adjusted, found.replicates,
        finding.describe(found) + end, None,
    )  # fmt: skip
    if verdict != Verdict.OPEN:
        return result
    on_the_bound = found.low == found.high == bound
    if on_the_bound and not isinstance(test, LevelTest):
        reason = "every replicate gives both sides the same"
    elif found.low <= bound <= found.high and not on_the_bound:
        reason = f"the interval holds the bound, {bound:g} {unit}".rstrip()
    elif not enough:
        reason = (
            f"{found.replicates} replicates are too few for the adjusted p to fall below "
            f"{ALPHA:g}: `ibsweep tune {question.word()}` with more `--confirm-replicates`"
        )
    else:
        reason = f"the adjusted p is not below {ALPHA:g}"
    return replace(result, reason=reason)


def _verdict(
    test: ClaimTest, bound: float, found: Comparison, adjusted: float, *, enough: bool
) -> Verdict:
    if found.low == found.high == bound:
        if not isinstance(test, LevelTest) or not enough:
            return Verdict.OPEN
        return Verdict.SUPPORTED if test.closed else Verdict.REFUTED
    if adjusted >= ALPHA or not enough:
        return Verdict.OPEN
    # The bound itself belongs to "at least" and "at most", and to no claim of being below, above
    # or better.
    upward = not isinstance(test, LevelTest) or test.upward
    with_above = isinstance(test, LevelTest) and test.closed == test.upward
    above = found.low >= bound if with_above else found.low > bound
    under = found.high < bound if with_above else found.high <= bound
    if not above and not under:
        return Verdict.OPEN
    return Verdict.SUPPORTED if above == upward else Verdict.REFUTED
