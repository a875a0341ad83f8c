"""Runs in words: how many train, what of the mean is to be believed, what is better."""

from __future__ import annotations

import math

import pytest
import report_results as rows

from ibsweep.analysis.runs_wording import of_all_text, runs_text, versus_text
from ibsweep.analysis.statistics import describe_runs
from ibsweep.analysis.summary import Confirmed
from ibsweep.analysis.versus import versus
from ibsweep.questions.schema import Objective

ACCURACY = Objective.model_validate("accuracy")


def runs(values, fails=0):
    trained = [i >= fails for i in range(len(values))]
    return describe_runs(values, trained, 0, 100)


def test_failures_are_told_before_the_figure_of_the_others():
    found = runs([33.3] * 2 + [97.0, 98.0, 99.0] * 5 + [98.0, 98.0], fails=2)
    assert runs_text(ACCURACY, found).startswith(
        "trains in 17 of 19 runs [67, 99 %]; then 98.00 %"
    )
    assert of_all_text(ACCURACY, found).endswith("], not to be trusted where runs fail")
    assert f"{found.mean.mean:.2f} %" in of_all_text(ACCURACY, found)


def test_without_failures_so_many_runs_do_not_rule_out_all():
    found = runs([97.0, 98.0, 99.0, 98.0] * 4)
    assert runs_text(ACCURACY, found).endswith("], no failure in 16 runs (up to 17 % could fail)")
    assert of_all_text(ACCURACY, found) == ""


def test_where_no_run_trains_there_is_no_figure_of_those_that_do():
    assert runs_text(ACCURACY, runs([33.0] * 8, fails=8)) == "trains in 0 of 8 runs [0, 37 %]"
    assert runs_text(ACCURACY, runs([98.0])) == "98.00 %, one run"


def confirmed(values, fails=()):
    found = tuple(
        rows.failure(1, 10, seed) if seed in fails else rows.confirmation(1, 10, seed, value)
        for seed, value in enumerate(values)
    )
    return Confirmed.of(None, found, ACCURACY)


HIGH = [90.0, 91.0, 92.0, 90.5, 91.5, 92.5, 90.0, 91.0]
LOW = [80.0, 82.0, 81.5, 80.0, 82.0, 81.0, 80.5, 82.0]


def test_of_two_configurations_without_failures_the_difference_decides():
    found = versus(confirmed(HIGH), confirmed(LOW))
    assert found.leader == 1
    assert found.p == found.difference.p
    assert found.difference.effect == pytest.approx(sum(HIGH) / 8 - sum(LOW) / 8)
    assert versus(confirmed(LOW), confirmed(HIGH)).leader == -1
    text = versus_text(ACCURACY, found, "the baseline")
    assert text.startswith("better than the baseline: +9.94 points [")
    assert text.endswith("in 100 % [63, 100]")


def test_what_fails_more_often_is_not_better_for_a_higher_figure():
    """The rates speak for one side, the figures of the runs that train for the other."""
    many = HIGH * 3, LOW * 3
    found = versus(confirmed(many[0], fails=range(10)), confirmed(many[1]))
    assert found.difference.effect > 0
    assert found.rate.effect < 0
    assert max(found.difference.p, found.rate.p) < 0.025
    assert found.leader == 0
    text = versus_text(ACCURACY, found, "the baseline")
    assert text.startswith("not shown to be better than the baseline: trains in 14, the other in")


def test_few_replicates_on_which_both_train_show_no_difference():
    found = versus(confirmed(HIGH, fails=range(3)), confirmed(LOW))
    assert found.difference is None
    assert found.leader == 0
    assert math.isclose(found.probability.effect, 5 / 8)


def test_five_replicates_show_nothing_and_one_is_no_comparison():
    assert versus(confirmed(HIGH[:5]), confirmed(LOW[:5])).leader == 0
    assert versus(confirmed(HIGH[:1]), confirmed(LOW[:1])) is None
