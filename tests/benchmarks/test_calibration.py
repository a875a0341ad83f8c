"""The calibration: its situations are what they say, and its tables what came out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.calibration.rows import Row
from benchmarks.calibration.simulated import at_their_bound, looks, one_configuration
from benchmarks.calibration.situations import SITUATIONS
from benchmarks.calibration.tables import renew

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=lambda one: one.name)
def test_a_situation_has_the_truth_that_it_states(situation):
    runs = situation.draw(np.random.default_rng(1), (200_000,))
    trained = runs.values[runs.trained]
    assert trained.mean() == pytest.approx(situation.mean, abs=0.02)
    assert trained.std() == pytest.approx(situation.sd, rel=0.02)
    assert 1 - runs.trained.mean() == pytest.approx(situation.failing, abs=0.005)
    assert runs.values.mean() == pytest.approx(situation.mean_of_all, abs=0.25)


def test_a_promise_is_broken_beyond_two_standard_errors():
    figures = {"covers trained": 0.92, "errs, 1 test": 0.06, "mean of all": 0.2}
    assert Row("t", {}, figures, 100).broken() == []
    assert Row("t", {}, figures, 10_000).broken() == ["covers trained", "errs, 1 test"]
    assert Row("t", {}, {"covers rate": None}, 100).broken() == []


def test_choice_and_score_apart_leave_no_bias():
    figures = one_configuration("normal", 16, 5, 600).figures
    assert abs(figures["bias, sd"]) < 0.04  # a standard error is 0.01
    assert figures["bias on the choice's own, sd"] > 0.08
    assert figures["covers trained"] > 0.93


def test_a_cell_is_the_same_every_time():
    first, again = (at_their_bound("level, normal", 8, 60) for _ in range(2))
    assert first == again


def test_looks_cost_less_than_a_fixed_number():
    figures = looks("normal", 16, 0.5, 150).figures
    assert figures["replicates on average"] < figures["fixed number of equal power"]
    assert figures["shown"] > 0.9


def test_the_quick_form_prints_and_saves_all_tables(tmp_path, capsys):
    main(["calibration", "--quick", "--save", str(tmp_path)])
    rows = [Row(**row) for row in json.loads((tmp_path / "calibration.json").read_text())]
    assert len({row.table for row in rows}) == 7
    page = (tmp_path / "calibration.md").read_text()
    assert renew(page, rows) == page
    assert not (tmp_path / "benchmark.json").exists()
    printed = capsys.readouterr().out
    for row in rows:
        assert row.table[:20] in printed
        assert f"### {row.table}" in page


def test_the_page_says_what_was_measured():
    page = (DOCS / "calibration.md").read_text("utf-8")
    rows = [Row(**row) for row in json.loads((DOCS / "calibration.json").read_text("utf-8"))]
    chosen = [row for row in rows if {"situation", "leaders"} <= row.labels.keys()]
    assert {row.labels["replicates"] for row in chosen} == {8, 16, 32, 64}
    assert renew(page, rows) == page
