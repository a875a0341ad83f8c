"""What an open test would take: so many replicates or sweeps, and the command that trains them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ibsweep.analysis.statistics import LEAST_REPLICATES, look_sizes, replicates_needed

if TYPE_CHECKING:
    from ibsweep.analysis.finding import Finding
    from ibsweep.questions.schema import Question

__all__ = ["least_needed", "reason_for_open", "what_it_takes"]

_MOST_SWEEPS = 1000
"""What ``--sweeps`` takes at most; ``ibsweep.sweep`` lies above, so it is written here too."""


def reason_for_open(finding: Finding, adjusted: float) -> str:
    """Return why a test is open.

    Args:
        finding: What it found.
        adjusted: Its p, adjusted for the question's other tests.
    """
    found, bound = finding.shown, f"{finding.bound:g} {finding.unit}".rstrip()
    if finding.sweeps is None and finding.looks[-1].replicates < LEAST_REPLICATES:
        return f"too few to tell: {finding.looks[-1].replicates} replicates, and six are the least"
    if not finding.looks[-1].parts:
        return f"too few to tell: {found.replicates} of the replicates train on either side"
    if found.low == found.high == finding.bound:
        return "every replicate gives both sides the same"
    if found.low <= finding.bound <= found.high:
        return f"the interval holds the bound, {bound}"
    if adjusted < 0.05:
        return "one part speaks for it and the other against it"
    return "the adjusted p is not below 0.05"


def least_needed(finding: Finding, tests: int) -> int | None:
    """Return how many replicates, or sweeps, would show an effect like that with 80 % power.

    Or that it lies within the margin, where that takes fewer. None where no number would.

    Args:
        finding: What a test found.
        tests: How many tests the question's claims have.
    """
    distance = abs(finding.shown.effect - finding.bound)
    aims = [distance]
    if finding.margin is not None and finding.margin > distance:
        aims.append(finding.margin - distance)
    counts = [
        replicates_needed(aim, finding.spread, tests)
        for aim in aims
        if math.isfinite(aim) and math.isfinite(finding.spread) and round(aim, 9) > 0
    ]
    return min(counts, default=None)


def what_it_takes(question: Question, finding: Finding, tests: int) -> str:
    """Return what would settle an open test, with the command for it.

    Args:
        question: The question.
        finding: What the test found.
        tests: How many tests the question's claims have.
    """
    word, count = question.word(), least_needed(finding, tests)
    if finding.sweeps is not None:
        return _sweeps_it_takes(word, finding.sweeps, count)
    settle = f"`ibsweep settle {word}`"
    if finding.old:
        # their replicates had a part in the choice: others cannot be added to them
        settle = f"`ibsweep tune {word}`, then {settle}"
    if finding.looks[-1].replicates < LEAST_REPLICATES:
        return f"at least {LEAST_REPLICATES} replicates: {settle}"
    if count is None:
        return "no number of replicates: no effect was seen"
    need, limit = max(count, finding.next_look or 0), look_sizes(finding.looks[0].replicates)[-1]
    if need > limit:
        return f"about {need:,} replicates for 80 % power, more than the {limit} of the last look"
    return f"about {need} replicates for 80 % power: {settle}"


def _sweeps_it_takes(word: str, sweeps: int, count: int | None) -> str:
    """Return what would settle a test whose unit is the sweep.

    Sweeps have no looks with levels of their own, as replicates have: who judges after each one
    and stops at a verdict errs more often than 5 %.

    Args:
        word: The question on a command line.
        sweeps: How many there are.
        count: How many would show the effect seen; None where no number would.
    """
    if count is None:
        return "no number of sweeps: no effect was seen"
    total = max(sweeps + 1, count)
    if total - sweeps > _MOST_SWEEPS:
        return (
            f"about {total:,} sweeps an arm for 80 % power, more than the {_MOST_SWEEPS:,} that "
            "`--sweeps` takes: too small an effect beside what sweeps differ by"
        )
    # which options these are is not told: arms of one question may have been swept with different
    return (
        f"about {total} sweeps an arm for 80 % power: `ibsweep tune {word} --sweeps "
        f"{total - sweeps}` with the options of before (sweeps made with others count apart); "
        "decide on the number, then judge once: judging after each sweep errs more often"
    )
