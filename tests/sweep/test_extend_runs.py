"""Sweeps that are extended, and time budgets over a kill, on a real Ray."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter

import pytest
import tiny
import yaml
from sweeps_run import start

import ibsweep
from ibsweep.analysis.summary import leading, summarise
from ibsweep.cli import run
from ibsweep.results.store import SweepStore
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.runner import run_sweep

pytestmark = [pytest.mark.ray, pytest.mark.slow]

BUDGET = {"replicates": 2, "confirm": 2, "choice_replicates": 3, "confirm_replicates": 2}
OBJECTIVE = tiny.question().objective


def lines(path):
    """Return the whole lines of a file."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


def check_decided(store):
    """Every leader of all trials was compared, the best of all that were compared is scored."""
    rows = store.confirmations()
    manifest = store.manifest
    found = Counter((row.purpose, row.trial, row.seed) for row in rows)
    assert set(found.values()) == {1}
    compared = {row.trial for row in rows if row.purpose == "choice"}
    leaders = {trial.trial for trial in leading(store.trials(), manifest.confirm, OBJECTIVE)}
    assert compared >= leaders
    for trial in compared:
        seeds = {row.seed for row in rows if (row.purpose, row.trial) == ("choice", trial)}
        assert seeds == set(manifest.choice_seeds)
    summary = summarise(store)
    best = min(summary.confirmed, key=OBJECTIVE.rank)
    assert summary.best == best
    assert {row.seed for row in best.rows} == set(manifest.confirmation_seeds)
    document = yaml.safe_load(store.paths.best_config.read_text())
    assert document["trial"] == best.trial.trial
    assert store.paths.best_model.exists()
    assert run(["check", manifest.name, "--results", str(store.paths.root.parent)]) == 0


@pytest.mark.usefixtures("ray_local")
def test_a_finished_sweep_goes_on_and_keeps_what_it_has(tmp_path):
    """The pruner knows all trials that were, and no row is trained or written again."""
    store = SweepStore.create(tmp_path, tiny.manifest(trials=5, **BUDGET))
    run_sweep(store, Progress())
    rows, scored = store.trials(), store.confirmations()
    found = ibsweep.resume("tiny", trials=10, results=tmp_path, progress=False)
    assert len(found.trials) == 10
    store = SweepStore(store.paths.root)
    assert store.trials()[: len(rows)] == rows
    assert store.confirmations()[: len(scored)] == scored
    assert sorted(row.trial for row in store.trials()) == list(range(10))
    check_decided(store)
    configs = [json.dumps(row.config, sort_keys=True) for row in store.trials()]
    assert len(set(configs)) == 10
    assert [one["trials"] for one in store.manifest.extended] == [[5, 10]]
    for row in store.trials():
        if row.state == "PRUNED":
            assert row.epochs in store.manifest.pruner["rungs"]


def test_a_time_budget_is_for_all_runs_and_can_be_given_more(tmp_path):
    """Killed half-way, the sweep has the other half left, not all of it anew."""
    few = ["--replicates", "2", "--confirm", "1", "--choice-replicates", "2", "--pruner", "none"]
    question = tiny.write_question(tmp_path)
    words = ["tune", str(question), "--name", "sweep", "--trials", "100000", *few]
    root = tmp_path / "results" / "sweep"
    process = start(tmp_path, *words, "--confirm-replicates", "2", "--time-budget", "15s")
    deadline = time.monotonic() + 100
    while not (root / "spent.json").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    spent = json.loads((root / "spent.json").read_text())["seconds"]
    assert 5 <= spent < 15
    kept = lines(root / "trials.jsonl")
    process = start(tmp_path, "resume", "sweep")
    _, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    assert "sweep: its time budget is spent with " in err
    assert "--time-budget TIME` gives it further time" in err
    after = json.loads((root / "spent.json").read_text())["seconds"]
    assert 15 <= after < 15 + 8, "what was left, and the trials that ran when it was over"
    done = lines(root / "trials.jsonl")
    assert done[: len(kept)] == kept
    process = start(tmp_path, "resume", "sweep", "--time-budget", "2s", "--json")
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    assert json.loads(out)["sweeps"][0]["trials"]["complete"] > len(done)
    store = SweepStore(root)
    assert store.manifest.time_budget == pytest.approx(after + 2)
    check_decided(store)


@pytest.mark.usefixtures("ray_local")
def test_a_sweep_begins_with_what_is_known_and_ends_when_it_finds_nothing_better(tmp_path):
    """Knowledge of an earlier sweep, configurations of the user's own, patience, model-epochs."""
    store = SweepStore.create(tmp_path, tiny.manifest(name="first", **BUDGET))
    best = {"lr": 0.02, "epochs": 30, "batch_size": 10}
    tiny.add_trial(store, tiny.trial(0, best, accuracy=99))
    own = {"lr": 0.05, "epochs": 10, "batch_size": 5}
    found = ibsweep.tune(
        tiny.write_question(tmp_path),
        name="second",
        results=tmp_path,
        progress=False,
        trials=40,
        earlier="first",
        enqueue=[own],
        patience=3,
        **BUDGET,
    )
    rows = found.trials.sort_values("trial")
    assert rows["origin"].tolist()[:4] == ["baseline", "enqueued", "earlier", "tpe"]
    assert rows["config_lr"].tolist()[1:3] == [0.05, 0.02]
    store = SweepStore(tmp_path / "second")
    ended = store.manifest.ended
    assert ended["why"] == "patience"
    assert 4 <= len(rows) == ended["trials"] < 40
    assert ended["model_epochs"] == sum(row.model_epochs for row in store.trials())
    check_decided(store)
    wanted = ended["model_epochs"] + 1
    ibsweep.resume("second", budget=wanted, results=tmp_path, progress=False)
    ended = SweepStore(tmp_path / "second").manifest.ended
    assert ended["why"] == "budget"
    assert ended["trials"] > len(rows)
    check_decided(SweepStore(tmp_path / "second"))
    assert run(["report", "tiny", "--results", str(tmp_path)]) == 0
    page = next(tmp_path.rglob("*tiny*.html")).read_text()
    assert "from first 1 trial as observations, its best configuration tried first" in page
    assert "model-epochs is spent" in page
