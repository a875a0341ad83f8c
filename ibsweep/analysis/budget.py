"""What a budget can show, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.analysis.statistics import LEAST_REPLICATES, detectable_effect

if TYPE_CHECKING:
    from ibsweep.questions.schema import Question

__all__ = ["what_shows"]


def what_shows(question: Question, replicates: int) -> str | None:
    """Return which effects the claims of a question are likely to be decided on.

    Args:
        question: The question.
        replicates: Fresh replicates that score each configuration.

    Returns:
        A sentence without a full stop; None where the question has no claims.
    """
    tests = sum(len(claim.tests) for claim in question.claims)
    if not tests:
        return None
    effect = detectable_effect(replicates, tests)
    if effect is None:
        return (
            f"{replicates} fresh replicates can show nothing: a verdict needs {LEAST_REPLICATES}"
        )
    family = "1 test" if tests == 1 else f"{tests} tests"
    return (
        f"{replicates} fresh replicates show effects of {effect:.1f} standard deviations or more "
        f"(80 % power, {family})"
    )
