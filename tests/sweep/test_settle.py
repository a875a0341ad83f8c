"""Claims that a tune has left open, settled by replicates that are really trained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import open_claims
import psutil
import pytest
import yaml

from ibsweep.results.store import SweepStore

pytestmark = pytest.mark.ray


def start(folder: Path, *words: str, command: str = "settle") -> subprocess.Popen[str]:
    """Start the command line in a process group of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "ibsweep", command, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=kept,
    )


def wait_for_rows(process: subprocess.Popen[str], store: SweepStore, count: int) -> None:
    """Wait until a sweep has so many score replicates."""
    deadline = time.monotonic() + 120
    while len(open_claims.score_seeds(store)) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def check_rows(store: SweepStore, count: int) -> None:
    """Check that the first score seeds are there once each, and what was there before as well."""
    seeds = store.manifest.score_seeds(count)
    assert sorted(open_claims.score_seeds(store)) == sorted(seeds)
    assert len([row for row in store.confirmations() if row.purpose == "choice"]) == 2


def test_open_claims_are_trained_for_until_they_are_decided(tmp_path):
    stores = open_claims.add_sweeps(tmp_path / "results")
    process = start(tmp_path, "pair", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    claims = {one["claim"]: one for one in json.loads(out)["claims"]}
    perfect = claims["pair_idle_is_perfect"]
    assert (perfect["before"], perfect["after"]) == ("open", "refuted")
    assert perfect["tests"][0]["look"] == 2, "what is 66 points off is told at the next look"
    for store in stores.values():
        rows = [row for row in store.confirmations() if row.purpose == "score"]
        fresh = rows[open_claims.SCORED :]
        assert all(row.test_confusion is not None for row in fresh), "really trained"
        assert all(row.trained is not None for row in fresh)
        check_rows(store, len(rows))
    assert "settle: " in err
    again = start(tmp_path, "pair_idle_is_perfect")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert out.startswith("pair_idle_is_perfect: refuted (as before): ")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_settlement_that_is_stopped_goes_on_where_it_was(tmp_path, how):
    stores = open_claims.add_sweeps(tmp_path / "results", epochs=6000)
    words = ("pair_good_wins", "--max-replicates", "8")
    process = start(tmp_path, *words)
    good, idle = stores["pair_good"], stores["pair_idle"]
    wait_for_rows(process, good, open_claims.SCORED + 1)
    if how == signal.SIGKILL:
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    _, err = process.communicate(timeout=60)
    kept = good.confirmations()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "what is trained is safe, the same command goes on from there" in err
    assert len(open_claims.score_seeds(idle)) < 8, "it was stopped before its end"
    process = start(tmp_path, *words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out.startswith("pair_good_wins: ")
    assert [row for row in good.confirmations() if row in kept] == kept, "trained once"
    check_rows(good, 8)
    check_rows(idle, 8)


@pytest.mark.slow
def test_ray_dies_under_a_settlement_which_goes_on_by_itself(tmp_path):
    stores = open_claims.add_sweeps(tmp_path / "results", epochs=2500)
    words = ("pair_good_wins", "--max-replicates", "8", "--max-time", "10m", "--quiet")
    process = start(tmp_path, *words)
    wait_for_rows(process, stores["pair_good"], open_claims.SCORED + 1)
    (raylet,) = (
        one
        for one in psutil.Process(process.pid).children()
        if "raylet/raylet" in " ".join(one.cmdline())
    )
    raylet.kill()
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    line = "ibsweep: Ray's raylet died; starting Ray again, what is trained is safe\n"
    assert err.startswith(line)
    assert "starting" not in err.removeprefix(line)
    assert out.startswith("pair_good_wins: ")
    for store in stores.values():
        check_rows(store, 8)


@pytest.mark.slow
def test_tune_says_that_its_budget_can_show_nothing_and_settle_goes_on_from_there(tmp_path):
    question = str(open_claims.write_question(tmp_path))
    budget = "--trials 1 --replicates 1 --confirm 1 --choice-replicates 2 --confirm-replicates 4"
    tuned = start(tmp_path, question, *budget.split(), "--name", "s", command="tune")
    _, err = tuned.communicate(timeout=120)
    assert tuned.returncode == 0, err
    lines = [line for line in err.splitlines() if "can show nothing" in line]
    assert lines == ["pair: 4 fresh replicates can show nothing: a verdict needs 6"]
    settled = start(tmp_path, question, "--max-replicates", "8", "--json")
    out, err = settled.communicate(timeout=120)
    assert settled.returncode == 0, err
    claims = {one["claim"]: one for one in json.loads(out)["claims"]}
    assert claims["pair_idle_is_perfect"]["before"] == "open"
    assert claims["pair_idle_is_perfect"]["after"] == "refuted"
    assert claims["pair_good_wins"]["tests"][0]["replicates"] == 8
    for arm in ("pair_good", "pair_idle"):
        store = SweepStore(tmp_path / "results" / f"s-{arm}")
        check_rows(store, 8)
        best = yaml.safe_load(store.paths.best_config.read_text())
        assert best["confirmed"]["replicates"] == 8, "its figures are of all of them"
