"""The tables of claims: what was claimed, what came out, on what tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.claims import ClaimResult, ClaimTestResult
from ibsweep.analysis.report.cells import (
    MISSING,
    SIGNS,
    Cell,
    Table,
    figure_cell,
    number_cell,
    p_value_cell,
    text_cell,
    verdict_cell,
)
from ibsweep.analysis.summary import config_text
from ibsweep.analysis.wording import difference_unit, interval_text, size_text
from ibsweep.questions.schema import DifferenceTest, LevelTest, TrainSizesNeededTest

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.questions.schema import ClaimTest

__all__ = [
    "claim_sentences",
    "claim_tests_table",
    "claims_table",
    "count_verdicts",
    "is_quick",
    "questions_table",
    "quick_note",
    "verdict_of",
]


def claims_table(gathered: Iterable[Evidence], pages: Collection[str] = ()) -> Table:
    """Return the claims with their verdicts, over several questions.

    Args:
        gathered: One a question.
        pages: Questions that have a page to lead to.
    """
    rows = []
    for evidence in gathered:
        name = evidence.question.question
        for result in evidence.claims:
            rows.append(
                (
                    Cell(name, name, page=name if name in pages else None),
                    text_cell(result.claim.text),
                    verdict_cell(verdict_of(result), quick=is_quick(evidence, result)),
                    text_cell("\n".join(claim_sentences(result))),
                )
            )
    return Table(
        "claims",
        "What is claimed, and what the evidence says",
        ("question", "claim", "verdict", "in figures"),
        tuple(rows),
        source="ibsweep.analysis.claims.evaluate on the frame confirmations",
    )


def verdict_of(result: ClaimResult) -> str:
    """Return the verdict on a claim; one without any rows to test it is not open."""
    return result.verdict.value if result.tested else "not_tested"


def is_quick(evidence: Evidence, result: ClaimResult) -> bool:
    """Return whether a claim was tested on a quick look at one of its arms, or more."""
    arms = {arm for test in result.claim.tests for arm in (test.arm, getattr(test, "than", None))}
    return result.tested and any(arm in arms for arm in evidence.quick_arms)


def quick_note(evidence: Evidence) -> str:
    """Return which arms had a quick look alone; empty where none had."""
    arms = evidence.quick_arms
    if not arms:
        return ""
    return (
        f"A quick look: {', '.join(arms)} {'was' if len(arms) == 1 else 'were'} tuned with "
        "`--quick`, too small a budget to go by; verdicts on "
        f"{'it' if len(arms) == 1 else 'them'} are marked, and may change with "
        f"`ibsweep tune {evidence.question.word(arms[0] if len(arms) == 1 else None)}`."
    )


def claim_sentences(result: ClaimResult) -> list[str]:
    """Return what each test of a claim found, or why it could not be carried out."""
    # one that was not carried out has its reason as its statement
    found = []
    for test in result.tests:
        more = (test.reason, test.needed) if test.replicates else ()
        found.append("; ".join((test.statement, *(text for text in more if text))))
    return list(dict.fromkeys(found))


def count_verdicts(results: Iterable[ClaimResult]) -> str:
    """Return how many claims have each verdict; those that there are none of are left out."""
    found = [verdict_of(result) for result in results]
    counts = ((found.count(verdict), verdict.replace("_", " ")) for verdict in SIGNS)
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def questions_table(gathered: Iterable[Evidence], pages: Collection[str] = ()) -> Table:
    """Return the questions, a line each."""
    rows = []
    for evidence in gathered:
        question, name = evidence.question, evidence.question.question
        confirmed = sum(summary.best is not None for summary in evidence.summaries.values())
        rows.append(
            (
                Cell(name, name, page=name if name in pages else None),
                text_cell(question.title),
                text_cell(question.text),
                Cell(f"{confirmed} of {len(question.arms)} arms", confirmed),
                text_cell(_counted(evidence)),
            )
        )
    columns = ("question", "about", "asks", "confirmed", "claims")
    return Table("questions", "What was asked", columns, tuple(rows))


def _counted(evidence: Evidence) -> str:
    quick = any(is_quick(evidence, result) for result in evidence.claims)
    return (count_verdicts(evidence.claims) or "no claims") + " (a quick look)" * quick


def claim_tests_table(evidence: Evidence, result: ClaimResult) -> Table:
    """Return the tests of one claim."""
    rows = tuple(
        (
            text_cell(_asked(evidence, test.test)),
            verdict_cell(test.verdict.value if test.replicates else "not_tested"),
            *_effect_cells(evidence, test),
            text_cell(test.unit or MISSING),
            p_value_cell(test.p),
            p_value_cell(test.adjusted_p),
            number_cell(test.replicates, "d"),
        )
        for test in result.tests
    )
    columns = (
        "what must hold",
        "verdict",
        "effect",
        "95 % interval",
        "unit",
        "p",
        "p, Holm",
        "replicates",
    )
    return Table(
        f"tests-{result.claim.id}",
        f"Tests of {result.claim.id}",
        columns,
        rows,
        frozenset({"effect", "95 % interval", "p", "p, Holm", "replicates"}),
        source="ibsweep.analysis.claims.evaluate on confirmations: ClaimResult.tests",
    )


def _effect_cells(evidence: Evidence, test: ClaimTestResult) -> tuple[Cell, Cell]:
    """Return the effect of a test and its interval."""
    if isinstance(test.test, TrainSizesNeededTest):  # doublings
        ends = MISSING if test.low is None else f"[{test.low:.2f}, {test.high:.2f}]"
        return number_cell(test.effect), Cell(ends, test.low)
    metric = evidence.question.objective
    if isinstance(test.test, LevelTest) and test.test.metric:
        metric = evidence.question.metric_of(test.test.metric)
    ends = interval_text(metric, test.low, test.high, beside=test.effect)
    return figure_cell(metric, test.effect), Cell(ends or MISSING, test.low)


def _asked(evidence: Evidence, test: ClaimTest) -> str:
    metric = evidence.question.objective
    match test:
        case DifferenceTest():
            sides = f"{_side(test.arm, test.where)} over {_side(test.than, test.than_where)}"
            least = f"{0 - test.margin:g} {difference_unit(metric)}".rstrip()
            return f"{sides}: more than {least}{_at(evidence, test.train_size)}"
        case LevelTest():
            if test.metric:
                metric = evidence.question.metric_of(test.metric)
            subject = f"{_side(test.arm, test.where)}, {test.config}"
            bound = f"{test.side.replace('_', ' ')} {test.bound:g} {metric.unit}".rstrip()
            return f"{subject}: {bound}{_at(evidence, test.train_size)}"
        case TrainSizesNeededTest():
            target = f"{test.value:g} {metric.unit}".rstrip()
            return f"{test.than} needs more {evidence.data.noun} than {test.arm} for {target}"


def _side(arm: str, where: Mapping[str, Any]) -> str:
    return f"{arm} ({config_text(where)})" if where else arm


def _at(evidence: Evidence, size: int | None) -> str:
    return "" if size is None else f" with {size_text(evidence.data, size)}"
