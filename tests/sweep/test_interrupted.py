"""Sweeps that are killed, interrupted or run out of disk in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import tiny
import torch
import yaml
from disks import small_disk
from oracles import PlainCNN

from ibsweep.analysis.summary import leading, summarise
from ibsweep.data import EdgeDataset, held_out_data, to_float
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TRIALS = 14
FEW = ["--replicates", "2", "--choice-replicates", "3", "--confirm-replicates", "2"]


def start(
    folder: Path, *words: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start the command line in a process group of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "ibsweep", *words, "--results", str(folder / "results")],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=kept | (environment or {}),
    )


def start_tune(folder: Path, name: str = "sweep", trials: int = TRIALS) -> subprocess.Popen[str]:
    question = tiny.write_question(folder)
    return start(folder, "tune", str(question), "--name", name, "--trials", str(trials), *FEW)


def lines(path: Path) -> list[str]:
    """Return the whole lines of a file."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait_for(process: subprocess.Popen[str], path: Path, count: int) -> None:
    """Wait until a file has that many lines, or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and len(lines(path)) < count:
        assert time.monotonic() < deadline, f"{path} still has {len(lines(path))} lines"
        time.sleep(0.02)


def check_complete(root: Path, trials: int = TRIALS) -> SweepStore:
    """Check that every trial is there once with its curves, leaders are compared once, and what
    was chosen and the baseline are scored once.
    """
    store = SweepStore(root)
    rows = store.trials()
    assert sorted(row.trial for row in rows) == list(range(trials))
    assert len({json.dumps(row.config) for row in rows}) == trials
    assert all(row.state != TrialState.FAIL for row in rows)
    proposals = {p.trial: p.config for p in store.proposals()}
    assert proposals == {row.trial: row.config for row in rows}
    curves = Counter((c.trial, c.epoch) for c in store.curves())
    assert set(curves) == {(row.trial, epoch) for row in rows for epoch, _ in row.rungs}
    assert set(curves.values()) == {1}
    found = Counter((c.purpose, c.trial, c.seed) for c in store.confirmations())
    manifest, objective = store.manifest, tiny.question().objective
    leaders = leading(rows, manifest.confirm, objective)
    best = min(summarise(store).confirmed, key=lambda c: objective.rank(c)).trial.trial
    scored = {best, *(t.trial for t in leaders if t.origin == "baseline")}
    wanted = [("choice", t.trial, seed) for t in leaders for seed in manifest.choice_seeds]
    wanted += [("score", n, seed) for n in scored for seed in manifest.confirmation_seeds]
    assert found == Counter(wanted)
    assert yaml.safe_load(store.paths.best_config.read_text())["trial"] == best
    assert not store.paths.tune.exists()
    return store


def test_a_trial_whose_workers_ray_ends_for_memory_is_tried_once_more_and_says_so(tmp_path):
    """Ray's memory monitor takes a hundredth of the machine for all that there is."""
    words = ["--trials", "1", "--confirm", "1", *FEW]
    process = start(
        *(
            tmp_path,
            "tune",
            str(tiny.write_question(tmp_path)),
            "--name",
            "sweep",
            "--quiet",
            *words,
        ),
        environment={"RAY_memory_usage_threshold": "0.01"},
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    (row,) = SweepStore(tmp_path / "results" / "sweep").trials()
    assert row.state == TrialState.FAIL
    assert row.reason.startswith("out of memory (OutOfMemoryError: ")
    assert row.reason.endswith("also alone on a larger share")
    assert len(row.lost) == 2
    (line,) = err.strip().splitlines()
    assert "no trial of sweep was completed" in line
    assert "resume" not in line, "it would not help"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_replication_goes_on_with_the_same_command(tmp_path, how):
    """Nothing that was trained is lost or trained again, whatever stopped it."""
    path = tmp_path / "results" / "replications.jsonl"
    words = ["replicate", "q2_edge_init", "--seeds", "21"]
    process = start(tmp_path, *words)
    wait_for(process, path, 1)
    os.killpg(process.pid, how)
    _, err = process.communicate(timeout=60)
    kept = lines(path)
    assert 1 <= len(kept) < 4 * 21
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on from there" in err
    path.write_text("".join(f"{line}\n" for line in kept) + kept[0][:100])  # a torn tail
    process = start(tmp_path, *words, "--json")
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    rows = [json.loads(line) for line in lines(path)]
    assert lines(path)[: len(kept)] == kept
    found = Counter((row["train_size"], row["seed"]) for row in rows)
    assert found == Counter({(n, s): 1 for n in (10, 30, 50, 100) for s in range(10, 31)})
    assert [one["seeds"] for one in json.loads(out)["replications"]] == [21] * 4


def test_a_killed_measurement_of_efficiency_goes_on(tmp_path):
    process = start_tune(tmp_path, trials=3)
    process.communicate(timeout=240)
    assert process.returncode == 0
    path = tmp_path / "results" / "sweep" / "confirmations.jsonl"
    before = lines(path)
    process = start(tmp_path, "efficiency", "tiny")
    wait_for(process, path, len(before) + 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    kept = lines(path)
    assert kept[: len(before)] == before
    path.write_text("".join(f"{line}\n" for line in kept[:-1]))  # a replicate of the last lost
    process = start(tmp_path, "efficiency", "tiny")
    process.communicate(timeout=120)
    assert process.returncode == 0
    store = SweepStore(path.parent)
    seeds = store.manifest.confirmation_seeds
    added = Counter(
        (row.train_size, row.seed) for row in store.confirmations() if row.train_size != 10
    )
    assert added == Counter({(n, s): 1 for n in (20, 40) for s in seeds})
    assert lines(path)[: len(before)] == before


def best_scores_as_reported(store: SweepStore) -> None:
    """Load best.pt into an ordinary module and score it on the held-out images of its seed."""
    best = yaml.safe_load(store.paths.best_config.read_text())
    model = PlainCNN(3, best["settings"]["kernel_size"], 3)
    model.load_state_dict(torch.load(store.paths.best_model, weights_only=True))
    held_out = held_out_data(EdgeDataset.from_dict(tiny.question().data), best["best_pt"]["seed"])
    predicted = model(to_float(held_out.images)).argmax(1)
    accuracy = 100 * (predicted == torch.from_numpy(held_out.labels)).double().mean().item()
    assert accuracy == pytest.approx(best["best_pt"]["test_accuracy"])


def test_kill_9_of_the_process_group_at_any_moment(tmp_path):
    """Killed before the first trial, between trials, in the middle of the choice, between choice
    and score, in the middle of the score; then resumed to its end.
    """
    root = tmp_path / "results" / "sweep"
    kept: list[str] = []
    stops = [  # each run is killed once it has added so many lines to a file
        ("proposals.jsonl", 1),
        ("trials.jsonl", 3),
        ("curves.jsonl", 2),
        ("confirmations.jsonl", 3),  # a leader
        ("confirmations.jsonl", 9),  # all four
        ("confirmations.jsonl", 2),  # the best, or the baseline
    ]
    confirmed: list[str] = []
    for i, (name, more) in enumerate(stops):
        count = len(lines(root / name)) + more
        process = start_tune(tmp_path) if i == 0 else start(tmp_path, "resume", "sweep")
        wait_for(process, root / name, count)
        assert process.poll() is None, process.communicate()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        finished = lines(root / "trials.jsonl")
        assert finished[: len(kept)] == kept, "a finished trial was lost or changed"
        kept = finished
        confirmations = lines(root / "confirmations.jsonl")
        assert confirmations[: len(confirmed)] == confirmed, "nor is a confirmed one"
        confirmed = confirmations
    assert len(confirmed) >= 14
    process = start(tmp_path, "resume", "sweep", "--json", "--quiet")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    assert lines(root / "trials.jsonl")[: len(kept)] == kept
    assert lines(root / "confirmations.jsonl")[: len(confirmed)] == confirmed
    store = check_complete(root)
    assert len(store.manifest.resumed) == len(stops)
    best_scores_as_reported(store)
    document = json.loads(out)
    assert document["sweeps"][0]["trials"]["failed"] == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_says_how_to_go_on(tmp_path, sent):
    root = tmp_path / "results" / "sweep"
    process = start_tune(tmp_path)
    wait_for(process, root / "trials.jsonl", 3)
    os.kill(process.pid, sent)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert f"go on with: ibsweep resume sweep --results {tmp_path / 'results'}" in err
    assert "Traceback" not in err
    assert (root / "study.log").exists()
    kept = lines(root / "trials.jsonl")
    assert len(kept) >= 3
    if sent == signal.SIGTERM:
        return  # resumed as the other one
    process = start(tmp_path, "resume", "sweep")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert lines(root / "trials.jsonl")[: len(kept)] == kept
    check_complete(root)
    assert "scored" in out


def test_a_disk_that_fills_up_ends_the_sweep_resumable(tmp_path):
    root = tmp_path / "results" / "sweep"
    ballast = tmp_path / "results" / "ballast"
    with small_disk(tmp_path / "results", 16 * 1024):
        process = start_tune(tmp_path)
        wait_for(process, root / "trials.jsonl", 3)
        free = psutil.disk_usage(str(ballast.parent)).free
        with suppress(OSError):  # the sweep may take the last bytes itself
            ballast.write_bytes(bytes(free))
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, (out, err)
        assert "the disk is full" in err
        assert "resume" in err
        assert "Traceback" not in err
        kept = lines(root / "trials.jsonl")
        assert all(json.loads(line)["state"] != "FAIL" for line in kept)
        ballast.unlink()
        process = start(tmp_path, "resume", "sweep")
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert lines(root / "trials.jsonl")[: len(kept)] == kept
        check_complete(root)


def test_two_processes_do_not_run_the_same_sweep(tmp_path):
    process = start_tune(tmp_path)
    wait_for(process, tmp_path / "results" / "sweep" / "proposals.jsonl", 1)
    second = start(tmp_path, "resume", "sweep")
    _, err = second.communicate(timeout=30)
    assert second.returncode == 2
    assert "is being run by another process" in err
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_sweeps_are_held_while_ray_starts_and_one_that_vanishes_is_an_error(tmp_path):
    """Of two sweeps of a command the second waits; then somebody removes it under the first."""
    question = tiny.write_question(tmp_path, tiny.YAML.replace("high: 40", "high: 2000"))
    words = ["tune", str(question), "--name", "s", "--sweeps", "2", "--trials", "4", *FEW]
    process = start(tmp_path, *words)
    results = tmp_path / "results"
    deadline = time.monotonic() + 60
    while len(list(results.glob("*/manifest.json"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first, second = sorted(path.parent for path in results.glob("*/manifest.json"))
    refused = start(tmp_path, "resume", second.name)
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert f"sweep {second.name!r} is being run by another process; wait for it" in err
    wait_for(process, first / "trials.jsonl", 1)
    for root in (second, first):
        shutil.rmtree(root.rename(tmp_path / root.name))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, (out, err)
    (line,) = [line for line in err.splitlines() if line.startswith("ibsweep: ")]
    assert f"{first} was removed or moved away while sweep {first.name!r} ran" in line
    assert "Traceback" not in err
    assert "resume" not in err
    assert list(results.iterdir()) == [], "nothing is made anew"


def test_json_puts_one_document_on_stdout_even_when_a_worker_dies(tmp_path):
    """Ray prints on stdout when a worker dies; that must not get into the document."""
    question = tiny.write_question(tmp_path, tiny.YAML.replace("high: 40", "high: 2000"))
    words = ["tune", str(question), "--name", "sweep", "--json", "--trials", "6", *FEW]
    process = start(tmp_path, *words)
    wait_for(process, tmp_path / "results" / "sweep" / "proposals.jsonl", 2)
    killed = kill_one_worker(process)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert killed
    assert out.count("\n") == 1
    document = json.loads(out)
    assert list(document) == ["sweeps", "repeats"]
    assert document["sweeps"][0]["trials"]["failed"] == 0
    check_complete(tmp_path / "results" / "sweep", 6)


def kill_one_worker(process: subprocess.Popen[str]) -> bool:
    """Kill a worker that trains a trial."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for candidate in psutil.Process(process.pid).children(recursive=True):
                if "Trainable.train" in " ".join(candidate.cmdline()):
                    candidate.kill()
                    return True
        time.sleep(0.05)
    return False
