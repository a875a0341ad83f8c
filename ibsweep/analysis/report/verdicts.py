"""The tables of claims: what was claimed, what came out, on what tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.claims import ClaimResult, Verdict
from ibsweep.analysis.report.cells import (
    NONE,
    Cell,
    Table,
    interval_text,
    number,
    probability,
    words,
)
from ibsweep.analysis.summary import config_text
from ibsweep.questions.schema import DifferenceTest, ImagesNeededTest, LevelTest

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.questions.schema import ClaimTest

__all__ = ["claims_table", "counts", "questions_table", "sentences", "tests_table"]


def claims_table(evidence: Iterable[Evidence], pages: Collection[str] = ()) -> Table:
    """Return the claims with their verdicts, over several questions.

    Args:
        evidence: One a question.
        pages: Questions that have a page to lead to.
    """
    rows = []
    for one in evidence:
        name = one.question.question
        for result in one.claims:
            rows.append(
                (
                    Cell(name, name, page=name if name in pages else None),
                    words(result.claim.text),
                    Cell(result.verdict.value, _ORDER[result.verdict], verdict=True),
                    words("\n".join(sentences(result))),
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


def sentences(result: ClaimResult) -> list[str]:
    """Return what each test of a claim found, or why it could not be carried out."""
    # one that was not carried out has its reason as its statement
    found = [
        test.statement + (f"; {test.reason}" if test.reason and test.replicates else "")
        for test in result.tests
    ]
    return list(dict.fromkeys(found))


def counts(results: Iterable[ClaimResult]) -> str:
    """Return how many claims have each verdict; one without any rows to test it is not open yet.

    Those that there are none of are left out.
    """
    words_ = [result.verdict.value if result.tested else _UNTESTED for result in results]
    order = [*(verdict.value for verdict in _ORDER), _UNTESTED]
    return ", ".join(f"{words_.count(word)} {word}" for word in order if word in words_)


_UNTESTED = "not tested yet"


def questions_table(evidence: Iterable[Evidence], pages: Collection[str] = ()) -> Table:
    """Return the questions, a line each."""
    rows = []
    for one in evidence:
        question, name = one.question, one.question.question
        confirmed = sum(summary.best is not None for summary in one.summaries.values())
        rows.append(
            (
                Cell(name, name, page=name if name in pages else None),
                words(question.title),
                words(question.text),
                Cell(f"{confirmed} of {len(question.arms)} arms", confirmed),
                words(counts(one.claims) or "no claims"),
            )
        )
    columns = ("question", "about", "asks", "confirmed", "claims")
    return Table("questions", "What was asked", columns, tuple(rows))


def tests_table(result: ClaimResult) -> Table:
    """Return the tests of one claim."""
    rows = tuple(
        (
            words(_asked(test.test)),
            Cell(test.verdict.value, _ORDER[test.verdict], verdict=True),
            number(test.effect),
            Cell(interval_text(test.low, test.high) or NONE, test.low),
            words(test.unit),
            probability(test.p),
            probability(test.adjusted_p),
            number(test.replicates, "d"),
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
