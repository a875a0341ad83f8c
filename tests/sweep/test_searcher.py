"""The searcher, driven through the callbacks that Ray Tune calls; Ray is not started."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tiny

from ibsweep.errors import SweepError
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.clock import SearchClock
from ibsweep.sweep.ending import SearchEnd
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.searcher import SweepSearcher
from ibsweep.trial.plan import TrialPlan

NODES = SimpleNamespace(
    resources={"CPU": 1.0},
    nodes_to_avoid=lambda trial: [],
    record_success=lambda node, gpu_names: None,
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr("ibsweep.sweep.searcher.node_name", lambda node: "host")
    return SweepStore.create(tmp_path, tiny.manifest(trials=2))


@pytest.fixture
def searcher(store):
    """A searcher that has suggested its two trials, as ``a`` and ``b``."""
    made = make(store)
    made.configs = [made.suggest("a"), made.suggest("b")]
    return made


def make(store):
    """The searcher of a sweep, new or resumed."""
    objective, arm = tiny.question().objective, tiny.arm()
    trials = store.trials()
    progress = Progress()
    progress.sweep_started(store.manifest, objective, trials)
    return SweepSearcher(
        Proposer(arm, objective, store.manifest, store.proposals(), trials),
        store,
        plan=lambda proposal: TrialPlan(
            proposal.trial, arm.model, {}, arm.train_size, {"epochs": 40}, (10, 11)
        ),
        data=None,
        software=None,
        nodes=NODES,
        objective=objective,
        progress=progress,
        end=SearchEnd(store.manifest, (objective,), SearchClock(store), trials),
    )


def result(number, epoch, failure=None):
    """What a worker reports of an epoch."""
    return {
        "epoch": epoch,
        "valid_accuracy": 50.0,
        "valid_loss": 1.0,
        "curves": [tiny.curve(number, epoch).model_dump_json()],
        "failure": failure,
        "seconds": 0.5,
        "device": "cpu",
        "node_id": "0",
        "gpu_names": [],
        "kernels_fault": None,
        "done": True,
    }


def test_the_baseline_alone_is_never_pruned(searcher):
    assert [config["never_prune"] for config in searcher.configs] == [True, False]
    assert [config["plan"]["trial"] for config in searcher.configs] == [0, 1]
    assert searcher.suggest("c") is None, "one of the two might have to be tried again"


def test_pruned_is_what_the_scheduler_said(searcher, store):
    """Not what its epochs look like: both trials end at the same one, far from the last."""
    searcher.on_trial_complete("a", result(0, 5))
    searcher.record_pruned("b", 5)
    searcher.on_trial_complete("b", result(1, 5))
    complete, pruned = store.trials()
    assert (complete.state, complete.reason) == (TrialState.COMPLETE, None)
    assert (pruned.state, pruned.reason) == (
        TrialState.PRUNED,
        "pruned at the rung of 5 epochs",
    )
    assert searcher.suggest("c") == "FINISHED"


def test_kernels_that_fail_in_workers_are_noted_once_a_sweep(searcher, store, monkeypatch):
    notes = []
    monkeypatch.setattr(searcher.progress, "note", notes.append)
    searcher.on_trial_result("a", result(0, 5))
    assert notes == []
    fault = "Numba cannot compile the kernels (it is gone)"
    searcher.on_trial_result("a", {**result(0, 10), "kernels_fault": fault})
    searcher.on_trial_complete("a", {**result(0, 20), "kernels_fault": fault})
    searcher.on_trial_complete("b", {**result(1, 5), "kernels_fault": f"{fault} elsewhere"})
    assert notes == [f"tiny: {fault}"]


def test_a_trial_that_diverged_fails_with_the_reason(searcher, store):
    searcher.on_trial_complete("a", result(0, 5, failure="every replicate diverged"))
    (row,) = store.trials()
    assert (row.state, row.reason) == (TrialState.FAIL, "every replicate diverged")
    assert row.figure("valid_accuracy") is None


def test_changed_code_ends_the_sweep_and_costs_no_trial(searcher, store):
    """Each further trial would fail by it, and a resumption repeats none that failed."""
    changed = "nets.py has changed: its sha256 was 1 and is 2"
    with pytest.raises(SweepError, match=r"nets\.py has changed"):
        searcher.on_trial_complete("a", {**result(0, 0, failure=changed), "ends_sweep": changed})
    assert str(searcher.failure) == changed
    assert store.trials() == []
    assert searcher.suggest("c") is None


def run_on(searcher, store, most=100):
    """Train trials one by one as Tune would, each for 20 epochs, until there are no more."""
    for number in range(len(store.trials()), most):
        if searcher.suggest(str(number)) == "FINISHED":
            break
        trial = len(store.trials())
        searcher.on_trial_complete(str(number), result(trial, 20))
    return [row.trial for row in store.trials()]


@pytest.mark.parametrize(
    ("limit", "trials"),
    [({"patience": 4}, 5), ({"budget": 201}, 6), ({}, 9)],
    ids=["patience", "budget", "trials"],
)
def test_a_search_ends_where_it_would_have_ended_had_nobody_killed_it(
    tmp_path, monkeypatch, limit, trials
):
    monkeypatch.setattr("ibsweep.sweep.searcher.node_name", lambda node: "host")
    manifest = tiny.manifest(trials=9, **limit)
    whole = SweepStore.create(tmp_path / "whole", manifest)
    assert run_on(make(whole), whole) == list(range(trials))
    for killed_at in range(1, trials):
        store = SweepStore.create(tmp_path / str(killed_at), manifest)
        run_on(make(store), store, killed_at)
        make(store).suggest("it is under way when the sweep is killed")
        store = SweepStore(store.paths.root)
        assert len(store.proposals()) == killed_at + 1
        assert run_on(make(store), store) == list(range(trials))
        assert len(store.proposals()) == trials


def test_what_was_under_way_when_the_limit_was_reached_ends(store):
    """It would have ended in an uninterrupted sweep, whose proposals all have their trials."""
    manifest = store.manifest.model_copy(update={"trials": 9, "budget": 60})
    store.update_manifest(manifest)
    searcher = make(store)
    for name in "abc":
        searcher.suggest(name)
    assert searcher.suggest("d") != "FINISHED"
    searcher.on_trial_complete("a", result(0, 20))
    resumed = make(SweepStore(store.paths.root))
    assert resumed.suggest("a")["plan"]["trial"] == 1
    resumed.on_trial_result("a", {**result(1, 10), "done": False})
    assert resumed.suggest("b")["plan"]["trial"] == 2, "40 and 20 model-epochs, and it was begun"
    assert resumed.suggest("c")["plan"]["trial"] == 3
    resumed.on_trial_complete("a", result(1, 20))
    assert resumed.suggest("d") is None
