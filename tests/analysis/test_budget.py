"""What a budget is said to show, before anything is trained."""

from __future__ import annotations

import re

import confirmed
import numpy as np
import pytest

from ibsweep.analysis.budget import what_shows
from ibsweep.analysis.statistics import compare_with_bound

LEVEL = {"type": "level", "arm": "a", "at_least": 90.0}


def test_a_question_without_claims_needs_no_power():
    assert what_shows(confirmed.question(), 16) is None


def test_too_few_replicates_are_told_before_they_are_trained():
    question = confirmed.question(claims=[[LEVEL]])
    assert what_shows(question, 5) == ("5 fresh replicates can show nothing: a verdict needs 6")
    assert "can show nothing" not in str(what_shows(question, 6))


def test_more_tests_show_less():
    one, two = (what_shows(confirmed.question(claims=[[LEVEL]] * count), 16) for count in (1, 2))
    assert one == (
        "16 fresh replicates show effects of 0.9 standard deviations or more (80 % power, 1 test)"
    )
    assert two == (
        "16 fresh replicates show effects of 1.0 standard deviations or more (80 % power, 2 tests)"
    )


def test_the_effect_that_is_named_is_found_as_often_as_is_said():
    """By the test that claims are judged by, at the first look's level."""
    text = what_shows(confirmed.question(claims=[[LEVEL]]), 16)
    effect = float(re.search(r"effects of ([\d.]+)", text)[1])
    rng = np.random.default_rng(0)
    found = [compare_with_bound(rng.normal(effect, 1, 16), 0.0).p < 0.025 for _ in range(200)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.12)
