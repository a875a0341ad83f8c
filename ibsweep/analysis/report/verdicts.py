"""The tables of claims: what was claimed, what came out, on what tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.claims import ClaimResult, Verdict
from ibsweep.analysis.report.cells import (
    MISSING,
    Cell,
    Table,
    interval_text,
    number_cell,
    p_value_cell,
    text_cell,
)
from ibsweep.analysis.summary import config_text
from ibsweep.questions.schema import DifferenceTest, ImagesNeededTest, LevelTest

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.questions.schema import ClaimTest

__all__ = [
    "claim_sentences",
    "claim_tests_table",
    "claims_table",
    "count_verdicts",
    "questions_table",
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
                    Cell(result.verdict.value, _ORDER[result.verdict], verdict=True),
                    text_cell("\n".join(claim_sentences(result))),
                )
            )
    return Table(
        "claims",
        "What the notebook claims, and what the evidence says",
        ("question", "claim", "verdict", "in figures"),
        tuple(rows),
        source="ibsweep.analysis.claims.evaluate on the frame confirmations",
    )


_ORDER = {Verdict.SUPPORTED: 0, Verdict.REFUTED: 1, Verdict.OPEN: 2}


def claim_sentences(result: ClaimResult) -> list[str]:
    """Return what each test of a claim found, or why it could not be carried out."""
    # one that was not carried out has its reason as its statement
    found = [
        test.statement + (f"; {test.reason}" if test.reason and test.replicates else "")
        for test in result.tests
    ]
    return list(dict.fromkeys(found))


def count_verdicts(results: Iterable[ClaimResult]) -> str:
    """Return how many claims have each verdict; one without any rows to test it is not open yet.

    Those that there are none of are left out.
    """
    found = [result.verdict.value if result.tested else _UNTESTED for result in results]
    order = [*(verdict.value for verdict in _ORDER), _UNTESTED]
    return ", ".join(f"{found.count(verdict)} {verdict}" for verdict in order if verdict in found)


_UNTESTED = "not tested yet"


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
                text_cell(count_verdicts(evidence.claims) or "no claims"),
            )
        )
    columns = ("question", "about", "asks", "confirmed", "claims")
    return Table("questions", "What was asked", columns, tuple(rows))


def claim_tests_table(result: ClaimResult) -> Table:
    """Return the tests of one claim."""
    rows = tuple(
        (
            text_cell(_asked(test.test)),
            Cell(test.verdict.value, _ORDER[test.verdict], verdict=True),
            number_cell(test.effect),
            Cell(interval_text(test.low, test.high) or MISSING, test.low),
            text_cell(test.unit),
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


def _asked(test: ClaimTest) -> str:
    match test:
        case DifferenceTest():
            sides = f"{_side(test.arm, test.where)} over {_side(test.than, test.than_where)}"
            return f"{sides}: more than {0 - test.margin:g} points{_at(test.images)}"
        case LevelTest():
            side = "below" if test.at_least is None else "at least"
            subject = f"{_side(test.arm, test.where)}, {test.config}"
            return f"{subject}: {side} {test.bound:g} %{_at(test.images)}"
        case ImagesNeededTest():
            return f"{test.than} needs more images than {test.arm} for {test.percent:g} %"


def _side(arm: str, where: Mapping[str, Any]) -> str:
    return f"{arm} ({config_text(where)})" if where else arm


def _at(images: int | None) -> str:
    return "" if images is None else f" with {images} images per class"
