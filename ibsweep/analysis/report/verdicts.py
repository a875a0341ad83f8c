"""The tables of claims: what was claimed, what came out, on what tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.claims import ClaimResult, ClaimTestResult
from ibsweep.analysis.report.cells import (
    MISSING,
    NO_PAGES,
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
from ibsweep.questions.schema import (
    CostNeededTest,
    DifferenceTest,
    LevelTest,
    TrainSizesNeededTest,
)

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
    "what_it_takes",
]


def claims_table(gathered: Iterable[Evidence], pages: Mapping[str, str] = NO_PAGES) -> Table:
    """Return the claims with their verdicts, over several questions.

    Args:
        gathered: One a question.
        pages: The pages to lead to, by question.
    """
    rows = []
    for evidence in gathered:
        name = evidence.question.question
        for result in evidence.claims:
            rows.append(
                (
                    Cell(name, name, page=pages.get(name)),
                    text_cell(result.claim.text),
                    verdict_cell(result.verdict, quick=is_quick(evidence, result)),
                    text_cell("\n".join((*claim_sentences(result), *what_it_takes(result)))),
                )
            )
    return Table(
        "claims",
        "What is claimed, and what the evidence says",
        ("question", "claim", "verdict", "in figures"),
        tuple(rows),
        source="ibsweep.analysis.claims.evaluate on the frame confirmations",
    )


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
    found = [
        test.statement + (f"; {test.reason}" if test.reason and test.replicates else "")
        for test in result.tests
    ]
    return list(dict.fromkeys(found))


def what_it_takes(result: ClaimResult) -> list[str]:
    """Return what would settle the tests of a claim that are open, each in a sentence."""
    needed = (test.needed for test in result.tests)
    return list(dict.fromkeys(f"To settle it: {text}" for text in needed if text))


def count_verdicts(results: Iterable[ClaimResult]) -> str:
    """Return how many claims have each verdict; those that there are none of are left out."""
    found = [result.verdict.value for result in results]
    counts = ((found.count(verdict), verdict.replace("_", " ")) for verdict in SIGNS)
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def questions_table(gathered: Iterable[Evidence], pages: Mapping[str, str] = NO_PAGES) -> Table:
    """Return the questions, a line each."""
    rows = []
    for evidence in gathered:
        question, name = evidence.question, evidence.question.question
        confirmed = sum(summary.best is not None for summary in evidence.summaries.values())
        rows.append(
            (
                Cell(name, name, page=pages.get(name)),
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
    repeated = any(test.holds_again is not None for test in result.tests)
    rows = tuple(
        (
            text_cell(_asked(evidence, test.test)),
            verdict_cell(test.verdict),
            text_cell(_ESTIMANDS.get(test.on or "", MISSING)),
            *_effect_cells(evidence, test),
            text_cell(test.unit or MISSING),
            number_cell(test.margin, "g"),
            p_value_cell(test.p),
            p_value_cell(test.adjusted_p),
            _based_on_cell(test),
            *([_again_cell(test)] if repeated else []),
        )
        for test in result.tests
    )
    columns = (
        "what must hold",
        "verdict",
        "speaks of the",
        "effect",
        "95 % interval",
        "unit",
        "equivalent within",
        "p",
        "p, Holm",
        "based on",
        *(["holds in a new sweep"] if repeated else []),
    )
    return Table(
        f"tests-{result.claim.id}",
        f"Tests of {result.claim.id}",
        columns,
        rows,
        frozenset(columns[3:]) - {"unit", "based on"},
        source="ibsweep.analysis.claims.evaluate on confirmations: ClaimResult.tests",
    )


_ESTIMANDS = {
    "mean": "mean of all runs",
    "rate": "rate of runs that train",
    "trained": "mean of the runs that train",
    "rate and trained": "rate of runs that train, and mean of these",
    "probability": "probability that a fresh run beats one of the other",
}


def _based_on_cell(test: ClaimTestResult) -> Cell:
    """Return how many replicates or sweeps a test rests on, and which look it is."""
    if not test.replicates:
        return Cell(MISSING)
    text = f"{test.replicates} {test.unit_of}{'' if test.replicates == 1 else 's'}"
    return Cell(f"{text}, look {test.look}" if (test.look or 1) > 1 else text, test.replicates)


def _again_cell(test: ClaimTestResult) -> Cell:
    """Return the probability that a claim would hold in a new sweep."""
    if test.holds_again is None:
        return Cell(MISSING)
    return Cell(f"{100 * test.holds_again:.0f} %", test.holds_again)


def _effect_cells(evidence: Evidence, test: ClaimTestResult) -> tuple[Cell, Cell]:
    """Return the effect of a test and its interval."""
    # doublings, and shares in percent, which are no figures of the metric
    doublings = isinstance(test.test, TrainSizesNeededTest | CostNeededTest)
    if doublings or test.on in ("rate", "probability"):
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
            if test.on == "rate":
                least = f"{0 - test.margin:g} points of runs"
            if test.on == "probability":
                least = "50 %"
            return f"{sides}: more than {least}{_at(evidence, test.train_size)}"
        case LevelTest():
            if test.metric:
                metric = evidence.question.metric_of(test.metric)
            subject = f"{_side(test.arm, test.where)}, {test.config}"
            unit = "% of runs" if test.on == "rate" else metric.unit
            bound = f"{test.side.replace('_', ' ')} {test.bound:g} {unit}".rstrip()
            return f"{subject}: {bound}{_at(evidence, test.train_size)}"
        case TrainSizesNeededTest():
            target = f"{test.value:g} {metric.unit}".rstrip()
            return f"{test.than} needs more {evidence.data.noun} than {test.arm} for {target}"
        case CostNeededTest():
            cost = evidence.question.metric_of(f"test_{test.cost}").title
            return f"{test.than} needs more {cost} than {test.arm} at equal test {metric.title}"


def _side(arm: str, where: Mapping[str, Any]) -> str:
    return f"{arm} ({config_text(where)})" if where else arm


def _at(evidence: Evidence, size: int | None) -> str:
    return "" if size is None else f" with {size_text(evidence.data, size)}"
