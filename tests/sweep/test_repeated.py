"""Repeated sweeps on a real Ray: of one command, of a command once more, interrupted ones."""

from __future__ import annotations

import json

import pytest
import tiny

import ibsweep
from ibsweep.cli import run
from ibsweep.errors import InputError
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifests
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.runner import run_sweep

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

BUDGET = {"trials": 2, "replicates": 2, "confirm": 1, "confirm_replicates": 2, "pruner": "none"}
FLAGS = [word for name, value in BUDGET.items() for word in (f"--{name}", str(value))]
FLAGS = [word.replace("_", "-") for word in FLAGS]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.write_question(tmp_path)
    return tmp_path


def names(results) -> list[str]:
    return [sweep.summary.name for sweep in ibsweep.load(results).repeats("tiny")["tiny_cnn"]]


def test_repeats_of_one_command_and_of_the_same_command_once_more(here, capsys):
    words = ["tune", "tiny.yaml", *FLAGS, "--quiet", "--json"]
    assert run([*words, "--name", "two", "--sweeps", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(s["sweep"], s["seed"]) for s in document["sweeps"]] == [
        ("two-seed10", 10),
        ("two-seed11", 11),
    ]
    (repeats,) = document["repeats"]
    assert repeats["seeds"] == [10, 11]
    first, second = (SweepStore(here / "results" / f"two-seed{seed}") for seed in (10, 11))
    rows = [{row.seed for row in store.confirmations()} for store in (first, second)]
    assert rows[0].isdisjoint(rows[1])
    assert [r.config for r in first.trials()] != [r.config for r in second.trials()]

    assert run([*words, "--name", "again"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [sweep["seed"] for sweep in document["sweeps"]] == [12]
    assert document["repeats"][0]["sweeps"] == ["two-seed10", "two-seed11", "again"]
    assert names("results") == ["two-seed10", "two-seed11", "again"]

    assert run([*words, "--name", "quick", "--quick", "--trials", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [sweep["seed"] for sweep in document["sweeps"]] == [13]
    assert document["repeats"] == []
    assert names("results") == ["quick"], "a quick look is another design, and the newest"


def cut(store) -> None:
    """Leave of a sweep what a stop after its first trial does."""
    for path in (store.paths.best_config, store.paths.best_model, store.paths.confirmations):
        path.unlink()
    first, _, _ = store.paths.trials.read_text().partition("\n")
    store.paths.trials.write_text(f"{first}\n")


@pytest.mark.parametrize("words", [["all"], ["x-seed10", "x-seed11", "x-seed12"]])
def test_an_interrupted_group_goes_on_where_it_was(here, capsys, words):
    options = SweepOptions(sweeps=3, **BUDGET)
    manifests = make_manifests(["tiny.yaml"], options, "x", ["tune"], here / "results")
    stores = [SweepStore.create(here / "results", manifest) for manifest in manifests]
    for store in stores[:2]:
        run_sweep(store, Progress())
    cut(stores[1])
    done = [store.trials() for store in stores]
    assert [len(rows) for rows in done] == [2, 1, 0]
    assert run(["resume", *words, "--quiet", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    ended = [sweep["sweep"] for sweep in document["sweeps"]]
    assert ended == [f"x-seed{seed}" for seed in ((11, 12) if words == ["all"] else (10, 11, 12))]
    assert document["repeats"][0]["seeds"] == [10, 11, 12]
    for store, rows in zip(stores, done, strict=True):
        assert store.trials()[: len(rows)] == rows
        assert len(store.trials()) == 2


def test_repeats_from_python(here):
    found = ibsweep.tune("tiny.yaml", results="results", sweeps=2, progress=False, **BUDGET)
    assert found.sweeps["seed"].tolist() == [10, 11]
    assert found.sweeps["repeats"].tolist() == [2, 2]
    assert len(found.repeats("tiny")["tiny_cnn"]) == 2
    with pytest.raises(InputError, match="`--sweeps` must be at least 1"):
        ibsweep.tune("tiny.yaml", results="results", sweeps=0)
