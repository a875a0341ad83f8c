"""The claims of a question, judged on the confirmations of its sweeps by one rule: ``RULE``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from ibsweep.analysis.finding import Compared, Finding
from ibsweep.analysis.findings import bound_and_unit, margin_of, measure
from ibsweep.analysis.needed import least_needed, reason_for_open, what_it_takes
from ibsweep.analysis.statistics import holm
from ibsweep.analysis.verdicts import Verdict, decide, p_of
from ibsweep.analysis.wording import schema_of
from ibsweep.questions.schema import Claim, ClaimTest, Question

if TYPE_CHECKING:
    import pandas as pd

    from ibsweep.data.schema import DataSchema

__all__ = ["RULE", "ClaimResult", "ClaimTestResult", "Verdict", "evaluate"]

RULE = (
    "A run fails where it diverged, or where its predictions on test examples say no more than "
    "guessing would; else it trains. Where no run failed, a test speaks of the mean; where some "
    "did, of how many train and of the mean of those that do, unless the claim says `on` what. A "
    "difference then holds where one of the two speaks for it and neither against it; a figure "
    "is judged on the runs that train, and one to be reached is missed where fewer than half do. "
    "A test is supported where its effect is surely on the claimed side of its bound, refuted "
    "where it is surely on the other, equivalent where it is surely within a margin of the bound "
    "that is stated (rates within a tenth), and open otherwise. Surely means p below 0.05, "
    "adjusted by Holm's method over all tests of the question's claims (one that cannot be "
    "carried out counts as p = 1). The p of a mean is the larger one of Student's t and the "
    "studentised bootstrap, and its 95 % interval the outer one of both; two rates are compared "
    "by McNemar's exact test. A claim may be looked at six times, with up to eight times as many "
    "replicates; each look has its own level, that of the first half of 0.05, so p is doubled "
    "there, and what is decided stays. Fewer than six replicates decide nothing. Effects and "
    "intervals shown are those of all replicates. A claim is supported where all of its tests "
    "are, and refuted where one is. With one sweep an arm, verdicts are about the configurations "
    "that it found; with two or more the sweep is the unit, and they are about what such sweeps "
    "find: their number is to be fixed beforehand."
)
"""How verdicts are reached."""


@dataclass(frozen=True)
class ClaimTestResult:
    """One test of a claim.

    Attributes:
        test: The test.
        verdict: What came out.
        bound: What the effect is held against, in ``unit``.
        unit: The metric's: ``points`` of a difference and ``percent`` of a level where that is
            percent; ``doublings`` of a ratio of training-set sizes (its logarithm to base 2);
            ``percent of runs`` and ``points of runs`` of rates.
        statement: The finding in words and figures, with the adjusted p.
        reason: Why it is open and what would help, else None.
        effect: Mean over all replicates or sweeps, in ``unit``; None where it could not be carried
            out, as are the figures below.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Two-sided p of the effect being the bound, over all looks so far.
        adjusted_p: ``p`` adjusted for all tests of the question's claims.
        replicates: Replicates it rests on; 0 where it could not be carried out.
        on: What it speaks of: ``mean``, ``rate``, ``trained``, ``probability``, or ``rate and
            trained``; None where it could not be carried out.
        look: The look that the verdict was reached at, else the last one; None where it could not
            be carried out, and where the sweep is the unit.
        unit_of: What counts as one value: a replicate of the configurations that a sweep found, or
            a sweep.
        holds_again: Probability that the claim would hold in a new sweep; None with one sweep.
        margin: How far from the bound counts as equivalent, in the effect's unit; None: nothing.
        needed: What an open test would take, in words; else None.
        replicates_needed: Replicates that would show its effect with 80 % power; None where it is
            not open, no number would, or the sweep is the unit.
        compared: The configurations it compares.
        next_look: Replicates of the next look; None after the last one, and of sweeps.
    """

    test: ClaimTest
    verdict: Verdict
    bound: float
    unit: str
    statement: str
    reason: str | None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    adjusted_p: float | None = None
    replicates: int = 0
    on: str | None = None
    look: int | None = None
    unit_of: Literal["replicate", "sweep"] = "replicate"
    holds_again: float | None = None
    margin: float | None = None
    needed: str | None = None
    replicates_needed: int | None = None
    compared: tuple[Compared, ...] = ()
    next_look: int | None = None


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
            sweeps of this question and of the sweeps that repeat them. Where either side of a test
            has two sweeps or more, the sweep is its unit; else the replicate is, of the two sweeps
            that share most replicates.
        data: What the question's data are, where it does not say so itself.

    Returns:
        A result a claim, in the question's order.
    """
    tests = [test for claim in question.claims for test in claim.tests]
    data = data or schema_of(question)
    findings = [measure(question, confirmations, test, data) for test in tests]
    p_values = [p_of(f.looks) if isinstance(f, Finding) else 1.0 for f in findings]
    results = iter(
        [
            _judge(question, test, finding, p, adjusted, len(tests))
            if isinstance(finding, Finding)
            else _untested(question, test, finding)
            for test, finding, p, adjusted in zip(
                tests, findings, p_values, holm(p_values) if tests else [], strict=True
            )
        ]
    )
    return [
        _conclude(claim, tuple(islice(results, len(claim.tests)))) for claim in question.claims
    ]


def _conclude(claim: Claim, tests: tuple[ClaimTestResult, ...]) -> ClaimResult:
    """Judge a claim by its tests: it holds where all of them hold."""
    found = {test.verdict for test in tests}
    if Verdict.REFUTED in found:
        verdict = Verdict.REFUTED
    elif len(found) == 1:
        (verdict,) = found
    elif found <= {Verdict.SUPPORTED, Verdict.EQUIVALENT}:
        verdict = Verdict.EQUIVALENT
    else:
        verdict = Verdict.OPEN
    return ClaimResult(claim, verdict, tests)


def _untested(question: Question, test: ClaimTest, reason: str) -> ClaimTestResult:
    bound, unit = bound_and_unit(question, test)
    return ClaimTestResult(
        test,
        Verdict.NOT_TESTED,
        bound=bound,
        unit=unit,
        statement=f"not tested: {reason}",
        reason=reason,
        margin=margin_of(question, test),
    )


def _judge(
    question: Question, test: ClaimTest, finding: Finding, p: float, adjusted: float, tests: int
) -> ClaimTestResult:
    """Apply the rule to a test that was carried out, one of a family of ``tests``."""
    factor = adjusted / p if p else float(tests)
    verdict, at = decide(finding.looks, factor, tests)
    found, by_sweep = finding.shown, finding.sweeps is not None
    look = (at or finding.looks[-1]).number
    words = f"{finding.words} on {finding.based_on}, "
    words += "p < 0.001" if adjusted < 0.001 else f"p = {adjusted:.3f}"
    if look > 1:
        words += f" at look {look}"
    if verdict == Verdict.EQUIVALENT:
        words += f", within {finding.margin:g} {finding.unit} of {finding.bound:g}"
    needed = count = None
    if verdict == Verdict.OPEN:
        count = None if by_sweep else least_needed(finding, tests)
        needed = what_it_takes(question, finding, tests)
    return ClaimTestResult(
        test,
        verdict,
        effect=found.effect,
        low=found.low,
        high=found.high,
        bound=finding.bound,
        unit=finding.unit,
        p=p,
        adjusted_p=adjusted,
        replicates=found.replicates,
        statement="; ".join((words, *finding.notes)),
        reason=reason_for_open(finding, adjusted) if verdict == Verdict.OPEN else None,
        on=finding.on,
        look=None if by_sweep else look,
        unit_of="sweep" if by_sweep else "replicate",
        holds_again=finding.holds_again,
        margin=finding.margin,
        needed=needed,
        replicates_needed=count,
        compared=finding.compared,
        next_look=finding.next_look,
    )
