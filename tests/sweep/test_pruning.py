"""Rungs and pruners, driven through the callbacks that Ray Tune calls; Ray is not started."""

from __future__ import annotations

import random

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from ibsweep.results.records import TrialState
from ibsweep.sweep.options import PRUNERS
from ibsweep.sweep.pruning import pruner_arguments, rungs
from ibsweep.sweep.scheduler import make_scheduler, replay

METRIC = "valid_accuracy"
JUDGES = [name for name in PRUNERS if name != "none"]


class StubTrial:
    """As much of a Tune trial as schedulers look at; its id is as random as Tune's own."""

    def __init__(self, number, never_prune=False):
        self.trial_id = f"{random.Random(number).getrandbits(32):08x}"
        self.config = {"plan": {"trial": number}, "never_prune": never_prune}
        self.number = number


class Live:
    """Plays Tune's part: trials report at the rungs; their end no scheduler judges."""

    def __init__(self, name, max_epochs=16):
        self.arguments = pruner_arguments(name, max_epochs)
        self.pruned = []
        self.scheduler = make_scheduler(
            self.arguments, METRIC, "max", lambda *stopped: self.pruned.append(stopped)
        )
        self.max_epochs = max_epochs
        self.rows, self.curves = [], []

    def decide(self, number, epoch, accuracy, never_prune=False):
        """Report one result of a trial that is added for it; return the decision."""
        trial = StubTrial(number, never_prune)
        self.scheduler.on_trial_add(None, trial)
        return self.report(trial, epoch, accuracy)

    def report(self, trial, epoch, accuracy):
        before = len(self.pruned)
        result = {"epoch": epoch, METRIC: accuracy}
        decision = self.scheduler.on_trial_result(None, trial, result)
        stopped = [(trial.trial_id, epoch)] if decision == TrialScheduler.STOP else []
        assert self.pruned[before:] == stopped, "whoever is stopped is told of, nobody else"
        return decision

    def run(self, number, accuracy, never_prune=False, epochs=None, every_epoch=False):
        """Run a trial that gains a point at every rung, and record it; return where it ended."""
        epochs = epochs or self.max_epochs
        trial = StubTrial(number, never_prune)
        self.scheduler.on_trial_add(None, trial)
        stops = [epoch for epoch in self.arguments["rungs"] if epoch < epochs] + [epochs]
        curves = []
        for i, epoch in enumerate(stops):
            if every_epoch:  # of these the scheduler hears nothing
                since = stops[i - 1] if i else 0
                curves += [tiny.curve(number, e, 1.0) for e in range(since + 1, epoch)]
            curves.append(tiny.curve(number, epoch, accuracy + i))
            result = {"epoch": epoch, METRIC: accuracy + i}
            done = epoch == epochs
            if done or self.report(trial, epoch, accuracy + i) == TrialScheduler.STOP:
                break
        self.scheduler.on_trial_complete(None, trial, result)
        self.curves += curves
        self.rows.append(
            tiny.trial(
                number,
                accuracy=accuracy + i,
                state=TrialState.COMPLETE if done else TrialState.PRUNED,
                origin="baseline" if never_prune else "tpe",
                rungs=tuple((curve.epoch, curve.mean("valid_accuracy")) for curve in curves),
            )
        )
        return epoch

    def resumed(self, rng):
        """Return a run whose scheduler was shown the records of this one, in some order."""
        again = Live(self.arguments["name"], self.max_epochs)
        past = list(self.rows)
        rng.shuffle(past)
        replay(again.scheduler, METRIC, past, iter(self.curves))
        assert again.pruned == [], "what is over is not pruned once more"
        return again


# Rungs


@pytest.mark.parametrize(
    ("max_epochs", "expected"),
    [
        (1, []),
        (2, [1]),
        (3, [1, 2]),
        (4, [1, 2]),
        (5, [1, 2, 4]),
        (8, [1, 2, 4]),
        (9, [2, 4, 8]),
        (16, [2, 4, 8]),
        (600, [75, 150, 300]),
    ],
)
def test_rungs(max_epochs, expected):
    assert rungs(max_epochs) == expected


@given(st.integers(1, 100_000))
def test_rungs_rise_and_stay_below_the_end(max_epochs):
    found = rungs(max_epochs)
    assert found == sorted(set(found))
    assert len(found) <= 3
    assert all(1 <= epoch < max_epochs for epoch in found)
    assert len(found) == 3 or max_epochs < 5


@pytest.mark.parametrize("max_epochs", [1, 2, 3, 5, 8, 9, 600])
@pytest.mark.parametrize("name", PRUNERS)
def test_each_pruner_has_its_scheduler(name, max_epochs):
    arguments = pruner_arguments(name, max_epochs)
    assert arguments["name"] == name
    assert arguments["rungs"] == ([] if name == "none" else rungs(max_epochs))
    before = dict(arguments)
    scheduler = make_scheduler(arguments, METRIC, "max", lambda *stopped: None)
    assert arguments == before
    trial = StubTrial(0)
    scheduler.on_trial_add(None, trial)
    for epoch in arguments["rungs"]:
        result = {"epoch": epoch, METRIC: 50.0}
        assert scheduler.on_trial_result(None, trial, result) == TrialScheduler.CONTINUE
    scheduler.on_trial_complete(None, trial, {"epoch": max_epochs, METRIC: 50.0})


def test_asha_judges_at_the_rungs_at_which_trials_report():
    """Ray works out rungs of its own, in floating point."""
    for max_epochs in range(2, 300):
        for epoch in rungs(max_epochs):
            live = Live("asha", max_epochs)
            for number in range(3):
                live.decide(number, epoch, 90.0)
            assert live.decide(3, epoch, 10.0) == TrialScheduler.STOP, (max_epochs, epoch)


# Decisions


def test_none_stops_nothing():
    live = Live("none")
    assert isinstance(live.scheduler, FIFOScheduler)
    assert [live.run(number, 90.0 - number) for number in range(20)] == [16] * 20


@pytest.mark.parametrize("name", JUDGES)
def test_the_weak_are_stopped_and_the_strong_go_on(name):
    live = Live(name)
    for number in range(30):
        live.run(number, 50.0 + number % 7)
    ends = [live.run(number, 5.0) for number in range(30, 50)]
    # a bracket of hyperband starts to compare later, the last one at the third rung
    assert max(ends) <= {"asha": 2, "median": 2, "hyperband": 8}[name]
    assert [live.run(number, 90.0) for number in range(50, 60)] == [16] * 10


def test_asha_keeps_half():
    live = Live("asha")
    for number, accuracy in enumerate(range(10, 100, 10)):  # 10, 20, ... 90
        live.decide(number, 2, accuracy)
    assert live.decide(10, 2, 49.0) == TrialScheduler.STOP
    assert live.decide(11, 2, 60.0) == TrialScheduler.CONTINUE


def test_the_median_rule_waits_for_four():
    live = Live("median")
    for number in range(3):
        assert live.decide(number, 2, 50.0) == TrialScheduler.CONTINUE
    assert live.decide(3, 2, 1.0) == TrialScheduler.CONTINUE
    assert live.decide(4, 2, 1.0) == TrialScheduler.STOP
    assert live.decide(5, 2, 60.0) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", PRUNERS)
@pytest.mark.parametrize("others", [0, 10])
def test_the_baseline_runs_to_its_end(name, others):
    live = Live(name)
    for number in range(1, others + 1):
        live.run(number, 50.0 + number)
    assert live.run(0, 1.0, never_prune=True) == 16


@pytest.mark.parametrize("name", ["asha", "median"])
def test_the_baselines_results_count(name):
    """Four trials at 50 and the verdict on a 40: with and without a strong baseline."""
    for accuracy, expected in ((90.0, TrialScheduler.STOP), (1.0, TrialScheduler.CONTINUE)):
        live = Live(name)
        for number in range(1, 4):
            live.decide(number, 2, [10.0, 30.0, 50.0][number - 1])
        live.decide(0, 2, accuracy, never_prune=True)
        assert live.decide(9, 2, 39.0) == expected


# Replay


@pytest.mark.parametrize("every_epoch", [False, True])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", PRUNERS)
def test_a_resumed_scheduler_decides_as_one_that_saw_everything(name, order, every_epoch):
    """Past trials finished in any order; what comes next ends where it would have ended."""
    rng = random.Random(order)

    def upcoming(numbers):
        ends = [3, 8, 10, 16]
        return [(n, rng.uniform(20, 90), n == 0, rng.choice(ends), every_epoch) for n in numbers]

    live = Live(name)
    for trial in upcoming(range(60)):
        live.run(*trial)
    np.random.seed(order)  # nor does it matter what else draws from numpy's global generator
    resumed = live.resumed(rng)
    rest = upcoming(range(60, 160))
    ends = [[run.run(*trial) for trial in rest] for run in (live, resumed)]
    assert ends[0] == ends[1]
    assert (2 not in ends[0]) == (name == "none")


def test_the_median_rule_weighs_a_last_result_as_it_did():
    """A trial's end reaches the rule once, or it would pull its running mean up."""
    live = Live("median")
    for number in range(4):
        live.run(number, 50.0, epochs=8)  # 50, 51 and 52: a mean of 51, not of 51.25
    for run in (live.resumed(random.Random(1)), live):
        assert run.decide(5, 8, 51.1) == TrialScheduler.CONTINUE
        assert run.decide(6, 8, 50.9) == TrialScheduler.STOP


@pytest.mark.parametrize("name", PRUNERS)
def test_replay_takes_trials_without_curves_and_pruned_ones(name):
    live = Live(name)
    rows = [
        tiny.trial(0, state=TrialState.FAIL, reason="its worker was lost"),
        tiny.trial(1, state=TrialState.PRUNED, accuracy=10.0, rungs=((2, 10.0),)),
        tiny.trial(2, state=TrialState.FAIL, reason="every replicate diverged"),
    ]
    curves = [tiny.curve(1, 2, 10.0), tiny.curve(2, 5, 33.0)]
    replay(live.scheduler, METRIC, rows, curves)
    assert live.run(3, 50.0) == 16


def test_the_brackets_of_hyperband_are_all_used():
    """Among the strong, the weak are stopped at the rung where their bracket begins."""
    live = Live("hyperband")
    for number in range(60):
        live.run(number, 90.0)
    ends = [live.run(number, 1.0) for number in range(60, 120)]
    assert set(ends) == {2, 4, 8}
    assert ends.count(2) > ends.count(4) > ends.count(8)


def test_pruning_leaves_numpys_global_generator_alone():
    live = Live("hyperband")
    np.random.seed(5)
    expected = np.random.RandomState(5).random_sample(3)
    live.run(0, 50.0)
    assert (np.random.random_sample(3) == expected).all()
