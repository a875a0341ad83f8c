"""Results that an earlier version stored: listed, loaded, reported, and resumed where cut off.

``tests/results/format_2`` was written by ibsweep 0.1.0: one sweep that is done, and one that was
killed with three trials of six finished and a torn fourth line.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import ibsweep
from ibsweep.cli import run
from ibsweep.results.layout import FORMAT
from ibsweep.results.store import SweepStore

STORED = Path(__file__).parents[1] / "results" / "format_2"


@pytest.fixture
def results(tmp_path):
    return shutil.copytree(STORED, tmp_path / "results")


def test_they_are_listed(results, capsys):
    assert run(["sweeps", "--results", str(results)]) == 0
    listed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[0] for words in listed if words and words[0] in ("done", "cut")] == [
        "cut",
        "done",
    ]


def test_they_are_loaded_as_they_were_written(results):
    loaded = ibsweep.load(results)
    states = loaded.trials.groupby("sweep")["state"].agg(sorted)
    assert states["done"] == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED"]
    assert states["cut"] == ["COMPLETE", "COMPLETE", "PRUNED"]
    best = loaded.best("tiny_cnn")
    assert best["trial"] == 0
    assert best["config"] == {"lr": 0.01, "epochs": 20, "batch_size": 10}
    rows = [
        json.loads(line)
        for line in (STORED / "done" / "confirmations.jsonl").read_text().splitlines()
    ]
    stored = sorted((row["trial"], row["seed"], row["test_accuracy"]) for row in rows)
    read = loaded.confirmations[["trial", "seed", "test_accuracy"]].itertuples(index=False)
    assert sorted(tuple(row) for row in read) == stored
    (replication,) = loaded.replications.to_dict("records")
    assert (replication["question"], replication["arm"]) == ("q2", "q2_cnn")


def test_they_are_reported(results, capsys):
    assert run(["report", "tiny", "--results", str(results)]) == 0
    assert "33.33" in capsys.readouterr().out
    assert "tiny_cnn" in (results / "report" / "tiny.html").read_text()


@pytest.mark.usefixtures("ray_local")
def test_what_was_cut_off_is_resumed(results, capsys):
    before = SweepStore(STORED / "cut").trials()
    assert run(["resume", "cut", "--results", str(results), "--json"]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert sum(summary["trials"].values()) == 6
    after = (results / "cut" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    assert SweepStore(results / "cut").trials()[:3] == before, "in the format of today"
    assert len(before) == 3
    assert sorted(json.loads(line)["trial"] for line in after) == list(range(6))
    proposed = [
        json.loads(line) for line in (results / "cut" / "proposals.jsonl").read_text().splitlines()
    ]
    by_trial = {json.loads(line)["trial"]: json.loads(line)["config"] for line in after}
    assert by_trial == {proposal["trial"]: proposal["config"] for proposal in proposed}
    # it ends by its own rule: one set of replicates chooses and scores, with seeds that count up
    store = SweepStore(results / "cut")
    assert (store.manifest.format, store.manifest.choice_replicates) == (FORMAT, None)
    rows = store.confirmations()
    assert {row.purpose for row in rows} == {None}
    first, count = store.manifest.seed + 1_000_000, store.manifest.confirm_replicates
    assert {row.seed for row in rows} == set(range(first, first + count))
    assert all(row.test for row in rows)
    assert summary["best"]["replicates"] == summary["best"]["rate"]["runs"] == count


@pytest.mark.slow
@pytest.mark.usefixtures("ray_local")
def test_what_was_done_is_extended(results, capsys):
    before = SweepStore(STORED / "done")
    assert run(["resume", "done", "--trials", "6", "--results", str(results), "--quiet"]) == 0
    assert "4 then 6 trials were asked for" in capsys.readouterr().out
    store = SweepStore(results / "done")
    assert (store.manifest.format, store.manifest.choice_replicates) == (FORMAT, None)
    assert store.trials()[:4] == before.trials()
    assert len(store.trials()) == 6
    rows = before.confirmations()
    assert store.confirmations()[: len(rows)] == rows
    assert store.paths.best_config.exists()
