"""What repeated sweeps of an arm found."""

from __future__ import annotations

import json
import math
import statistics

import pytest
import tiny
from repeated import add_sweep
from scipy import stats

import ibsweep
from ibsweep.analysis.evidence import gather
from ibsweep.analysis.repeats import summarise_repeats
from ibsweep.analysis.report.repeats import repeats_table
from ibsweep.cli import run

FOUND = {10: (96.0, 98.0, 97.0), 20: (95.0, 96.0, 97.0), 30: (98.0, 99.0, 96.4)}


@pytest.fixture
def results(tmp_path):
    for seed, accuracies in FOUND.items():
        add_sweep(tmp_path, seed, accuracies)
    return tmp_path


def summary(results):
    return summarise_repeats(ibsweep.load(results).repeats("tiny")["tiny_cnn"])


def test_the_sweep_is_the_unit(results):
    found = summary(results)
    means = [statistics.mean(values) for values in FOUND.values()]
    assert found.seeds == (10, 20, 30)
    assert found.means == pytest.approx(means)
    half = stats.t.ppf(0.975, 2) * statistics.stdev(means) / math.sqrt(3)
    average = statistics.mean(means)
    assert found.average == pytest.approx((average, average - half, average + half))
    single = stats.t.ppf(0.975, 2) * statistics.stdev(means) * math.sqrt(1 + 1 / 3)
    assert found.predicted == pytest.approx((average, average - single, 100.0))
    assert average + single > 100
    assert found.between_sd == pytest.approx(statistics.stdev(means))
    within = [statistics.variance(values) for values in FOUND.values()]
    assert found.within_sd == pytest.approx(math.sqrt(statistics.mean(within)))


def test_the_sentence(results):
    assert summary(results).sentence() == (
        "three sweeps: 97.00, 96.00, 97.80 %; they give 96.93 % on average [94.69, 99.17], "
        "a single new one [92.45, 100.00]"
    )


def test_an_interval_ends_where_the_metric_does(tmp_path):
    for seed, accuracies in ((10, (99.0, 99.0)), (20, (90.0, 92.0))):
        add_sweep(tmp_path, seed, accuracies)
    low, high = summary(tmp_path).average[1:]
    assert low < 90
    assert high == 100


def test_one_sweep_has_no_spread(tmp_path):
    add_sweep(tmp_path, 10, (96.0, 98.0))
    assert summary(tmp_path) is None


def test_the_end_of_a_command_tells_what_all_repeats_found(results, capsys):
    assert run(["resume", "tiny-30", "--results", str(results), "--quiet"]) == 0
    assert capsys.readouterr().out.endswith(f"\ntiny_cnn, {summary(results).sentence()}\n")
    words = ["resume", "tiny-10", "tiny-20", "--results", str(results), "--quiet", "--json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert [sweep["seed"] for sweep in document["sweeps"]] == [10, 20]
    assert document["repeats"] == [json.loads(json.dumps(summary(results).to_json()))]


def test_one_sweep_alone_is_told_without_repeats(tmp_path, capsys):
    add_sweep(tmp_path, 10)
    add_sweep(tmp_path, 20, trials=9)
    words = ["resume", "tiny-10", "--results", str(tmp_path), "--quiet"]
    assert run(words) == 0
    assert "sweeps:" not in capsys.readouterr().out
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["repeats"] == []


def test_the_report_has_a_table_of_repeats_and_a_named_sweep_stands_alone(results):
    found = ibsweep.load(results)
    table = repeats_table(gather(found)["tiny"])
    assert [cell.text for cell in table.rows[0]] == [
        "tiny_cnn",
        "96.93 [94.69, 99.17]",
        "97.00, 96.00, 97.80",
        "10, 20, 30",
        "[92.45, 100.00]",
        "0.90",
        "1.11",
    ]
    assert repeats_table(gather(found, ["tiny-20"])["tiny"]).rows == ()


def test_claims_are_judged_on_repeats_with_the_sweep_as_the_unit(tmp_path):
    made = tiny.manifest(trials=1, confirm_replicates=3)
    test = {"type": "level", "arm": "tiny_cnn", "at_least": 90.0}
    claim = {"id": "good", "text": "It is good.", "tests": [test]}
    asked = made.model_copy(update={"question": {**made.question, "claims": [claim]}})
    for seed, accuracies in FOUND.items():
        add_sweep(tmp_path, seed, accuracies, manifest=asked)
    found = ibsweep.load(tmp_path)
    ((judged,),) = (result.tests for result in gather(found)["tiny"].claims)
    assert (judged.verdict, judged.unit_of, judged.look) == ("supported", "sweep", None)
    assert judged.effect == pytest.approx(summary(tmp_path).average.mean)
    assert " on 3 sweeps, p = " in judged.statement
    # a sweep that was asked for by name speaks for itself alone
    ((alone,),) = (result.tests for result in gather(found, ["tiny-20"])["tiny"].claims)
    assert (alone.verdict, alone.unit_of, alone.replicates) == ("open", "replicate", 3)
    assert alone.reason == "too few to tell: 3 replicates, and six are the least"


def test_an_interval_of_sweeps_ends_where_the_metric_does(tmp_path):
    made = tiny.manifest(trials=1, confirm_replicates=2)
    test = {"type": "level", "arm": "tiny_cnn", "at_least": 90.0}
    claim = {"id": "good", "text": "It is good.", "tests": [test]}
    asked = made.model_copy(update={"question": {**made.question, "claims": [claim]}})
    for seed, accuracies in ((10, (99.0, 99.0)), (20, (90.0, 92.0))):
        add_sweep(tmp_path, seed, accuracies, manifest=asked)
    ((judged,),) = (t.tests for t in gather(ibsweep.load(tmp_path))["tiny"].claims)
    assert judged.unit_of == "sweep"
    assert (judged.low, judged.high) == (pytest.approx(summary(tmp_path).average.low), 100.0)


def test_a_report_of_repeats_is_printed_and_has_a_page(results, capsys):
    assert run(["report", "--results", str(results)]) == 0
    assert "Repeated sweeps" in capsys.readouterr().out
    assert "Repeated sweeps" in (results / "report" / "tiny.html").read_text()


def test_best_has_the_figures_of_repeats(results):
    found, over = ibsweep.load(results), summary(results)
    expected = {
        "sweeps": 3,
        "sweeps_mean": over.average.mean,
        "sweeps_low": over.average.low,
        "sweeps_high": over.average.high,
        "between_sd": over.between_sd,
        "within_sd": over.within_sd,
    }
    row = found.best("tiny_cnn")
    assert {name: row[name] for name in expected} == expected
    assert found.best().iloc[0][list(expected)].to_dict() == pytest.approx(expected)


def test_best_of_one_sweep_has_none(tmp_path):
    add_sweep(tmp_path, 10)
    best = ibsweep.load(tmp_path).best()
    assert best["sweeps"].tolist() == [1]
    assert best[["sweeps_mean", "between_sd", "within_sd"]].isna().all(axis=None)
