"""Single runs as a strip: every run has its mark, and those that fail are crossed."""

from __future__ import annotations

import pytest

from ibsweep.analysis.strip import Strip, span, span_text
from ibsweep.questions.schema import Objective

ACCURACY = Objective.model_validate("accuracy")
RUNS = Strip((33.3, 98.0, 97.0, 66.7, 99.0), (False, True, True, False, True), 33.3, 99.0)


def test_the_text_has_a_cross_where_a_run_fails_and_a_bar_where_runs_train():
    assert RUNS.text == "x·········x········▃"
    assert Strip((1.0, 1.0), (True, True), 1.0, 1.0).text.strip("·") == "▂"
    many = Strip((0.0,) * 30 + (1.0,), (True,) * 31, 0.0, 1.0).text
    assert many == "█··················▁"


def test_every_run_has_a_mark_within_the_strip():
    marks = RUNS.marks
    assert sorted(mark.x for mark in marks) == pytest.approx([0, 50.8, 97.0, 98.5, 100], abs=0.1)
    assert [mark.x for mark in marks if not mark.trains] == pytest.approx([0, 50.8], abs=0.1)
    crowded = Strip((5.0,) * 40, (True,) * 40, 0.0, 10.0).marks
    assert len({mark.y for mark in crowded}) == 40  # none hides another
    assert all(0 <= mark.y <= 18 for mark in crowded)


def test_the_words_name_every_run_that_fails():
    assert RUNS.description(ACCURACY) == ("5 runs, 3 train, 97.00 to 99.00; 2 fail: 33.30, 66.70")
    assert Strip((1.0,), (False,), 1, 1).description(ACCURACY) == "1 run; 1 fail: 1.00"


def test_strips_share_an_axis():
    ends = span([(3.0, 2.0), (), (7.0,)])
    assert ends == (2, 7)
    assert span_text(ACCURACY, ends) == "single runs, 2.00 to 7.00 %"
    assert span([]) == (0, 0)
