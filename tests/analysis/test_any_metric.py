"""Nothing that is shown takes a figure for an accuracy, for percent, or for better where more."""

from __future__ import annotations

import io
import json
import re

import any_metric as rows
import pytest
from rich.console import Console

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.analysis.plots import history_info, parallel_info, study_of
from ibsweep.analysis.report import gather_all, write_pages
from ibsweep.analysis.statistics import mean_interval
from ibsweep.cli.output import print_json, print_summary
from ibsweep.cli.progress import LineProgress, LiveProgress
from ibsweep.cli.report import print_tables
from ibsweep.cli.sweeps import sweeps
from ibsweep.results.records import TrialState
from ibsweep.sweep.progress import Tally

METRICS = ("rmse", "r2")
PLAIN = re.compile(
    r"95 %|PED-ANOVA|[0-9.]+%;|100%|width: [0-9]+%|percent of runs|of runs, %"
    r"|[0-9]+\s+%\s+could\s+fail|in\s+[0-9]+\s+%|[0-9]+ % \[[0-9]+, [0-9]+\]|80\s+%\s+power"
)
"""Percents that are of no figure: of intervals, of runs and of the page's own layout."""


@pytest.fixture(scope="module", params=METRICS)
def metric(request):
    return request.param


@pytest.fixture(scope="module")
def results(metric, tmp_path_factory):
    return load(rows.full(tmp_path_factory.mktemp(metric), metric))


@pytest.fixture(scope="module")
def evidence(results):
    return gather(results)["cars"]


@pytest.fixture
def console():
    return Console(width=200, record=True, file=io.StringIO())


def assert_blind_to_accuracy(text):
    text = PLAIN.sub("", text.replace("&nbsp;", " "))
    for word in ("accurac", "%", "percent", "points", "per class", "images", "notebook", "nan"):
        found = text.lower().find(word)
        assert found < 0, text[max(0, found - 60) : found + 60]


def test_the_pages(results, tmp_path):
    evidence, asked = gather_all(results, None)
    for path in write_pages(results, evidence, asked, tmp_path):
        page = path.read_text("utf-8")
        body = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.DOTALL)
        assert_blind_to_accuracy(body)
    assert "given this test set" in page
    assert "the same 300 test rows" in page
    assert "confus" not in page


def test_the_terminal(results, console):
    print_tables(results, gather(results).values(), console)
    assert_blind_to_accuracy(console.export_text())


def test_the_list_of_sweeps(results, metric, capsys):
    sweeps(results.path)
    out = capsys.readouterr().out
    assert_blind_to_accuracy(out)
    assert {"rmse": "RMSE 2.5", "r2": "0.75"}[metric] in " ".join(out.split())


def test_the_end_of_a_sweep(results, evidence, metric, console, capsys):
    summary = evidence.summaries["good"]
    tally = Tally(summary.name, summary.trials, summary.question.objective)
    print_summary(summary, tally, console)
    text = console.export_text()
    assert_blind_to_accuracy(text)
    assert "baseline" not in text
    assert "held-out test rows" in text
    print_json([summary], [tally], [])
    (found,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert_blind_to_accuracy(json.dumps(found))
    assert set(found["best"]) >= {f"valid_{metric}", f"test_{metric}"}
    assert set(found["best"][f"test_{metric}"]) == {"mean", "low", "high"}
    assert found["baseline"] is None


@pytest.mark.parametrize("display", [LineProgress, LiveProgress])
def test_progress(results, evidence, metric, console, display):
    sweep = results.stored[0]
    progress = display(console)
    progress.sweep_started(sweep.manifest, evidence.question.objective, [])
    for trial in sweep.trials.values():
        progress.trial_finished(trial)
    if display is LiveProgress:
        console.print(progress._table())
    assert progress.tally.best.trial == 1
    text = console.export_text()
    assert_blind_to_accuracy(text)
    assert {"rmse": "2.500", "r2": "0.750"}[metric] in text


def test_the_best_is_best_by_direction(results, evidence, metric):
    good = results.best("good")
    assert good["trial"] == evidence.summaries["good"].best.trial.trial == 1
    assert good[f"test_{metric}"] == pytest.approx(rows.LEVELS[metric]["good"])
    assert list(results.best()["arm"]) == ["good", "poor"]
    (pair,) = evidence.pairs
    assert (pair.first, pair.second) == ("good", "poor")
    assert pair.versus.difference.effect > 0
    assert pair.standing == "better"


def test_a_question_is_named_by_its_file_too(results, evidence, tmp_path):
    """Of the file only the name counts: what was asked is what the sweeps hold."""
    path = tmp_path / "mine.yaml"
    path.write_text("question: cars\narms: {good: {model: gone.py:Net}}\n")
    found = gather(results, [str(path)])
    assert list(found) == ["cars"]
    assert found["cars"].claims == evidence.claims


def test_verdicts(evidence):
    assert [result.verdict.value for result in evidence.claims] == ["supported"] * 3
    difference, level, needed = (result.tests[0] for result in evidence.claims)
    assert (difference.unit, level.unit) == ("", "")
    assert difference.effect > 0
    assert "how much lower the RMSE is" in difference.statement or (
        evidence.question.objective.sign == 1
    )
    assert "good needs" not in needed.statement
    assert "times as many rows as good" in needed.statement


def test_the_figures_follow_the_direction(results, evidence, metric):
    objective = evidence.question.objective
    history = history_info(results.trials, "good-1", objective)
    values = history.values[history.complete]
    assert history.best[-1] == (values.min() if metric == "rmse" else values.max())
    assert history.baseline is None
    parallel = parallel_info(study_of(evidence.question, results.trials, "good-1"), objective)
    assert parallel.values[-1] == history.best[-1]
    assert parallel.values[0] == (values.max() if metric == "rmse" else values.min())
    assert results.trials["state"].eq(TrialState.FAIL.value).sum() == 2


def test_columns_are_the_metrics_and_no_accuracys(results, metric):
    for frame in (results.trials, results.curves, results.confirmations):
        assert not [name for name in frame if "accuracy" in name]
        assert f"valid_{metric}" in frame
    assert f"test_{metric}" in results.confirmations


def test_an_interval_ends_where_its_metric_does():
    values = [0.1, 0.1, 0.2, 5.0]
    of = {name: rows.question(name).objective for name in METRICS}
    assert mean_interval(values, of["rmse"].low, of["rmse"].high).low == 0
    assert mean_interval(values, of["rmse"].low, of["rmse"].high).high > 3
    assert mean_interval([0.9, 0.1, -0.4, -3.0], of["r2"].low, of["r2"].high).low < -1
    assert mean_interval([0.99, 1.0, 0.5], of["r2"].low, of["r2"].high).high == 1
