"""The proposer: order, budget, exhaustion, resumption, and what the study is told."""

from __future__ import annotations

import itertools
import math
import sys
from types import SimpleNamespace
from typing import ClassVar

import chaos
import optuna
import pytest
import tiny

from ibsweep.errors import InputError
from ibsweep.models import MODELS
from ibsweep.questions.space import SPEC_ADAPTER, to_distributions
from ibsweep.questions.space_faults import config_faults
from ibsweep.results.records import Proposal, TrialState
from ibsweep.sweep.conditional import CONDITIONAL_SAMPLERS, check_sampler
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.sampler_choice import SAMPLERS
from ibsweep.sweep.study_export import export_study

OBJECTIVE = tiny.question().objective
CHOICES = {
    "lr": {"type": "categorical", "choices": [0.001, 0.01, 0.1]},
    "epochs": {"type": "int", "low": 5, "high": 15, "step": 5},
    "momentum": {"type": "float", "low": 0.0, "high": 0.9, "step": 0.9},
}
DISCRETE = tiny.arm(
    space=CHOICES,
    baseline={"lr": 0.01, "epochs": 10, "momentum": 0.9},
    fixed={"kernel_size": 3, "batch_size": 10},
)
"""3 * 3 * 2 configurations, of which a grid of 3 points misses none."""


def make(arm=None, trials=30, proposals=(), rows=(), **options):
    manifest = tiny.manifest(arm=arm, trials=trials, **options)
    return Proposer(arm or tiny.arm(), OBJECTIVE, manifest, proposals, rows)


def score(config):
    """A figure for a configuration, best near lr 0.03 and many epochs."""
    return 90 - 10 * abs(math.log10(config["lr"]) + 1.5) + config["epochs"] / 20


def row(proposal, state=TrialState.COMPLETE):
    """Finish a proposal as a trial that was validated at 2 epochs and, unless pruned, its end."""
    config = proposal.config
    last = (2, score(config) - 20)
    rungs = (last,) if state != TrialState.COMPLETE else (last, (config["epochs"], score(config)))
    return tiny.trial(
        proposal.trial,
        config,
        accuracy=rungs[-1][1],
        state=state,
        origin=proposal.origin,
        rungs=rungs,
        reason={"PRUNED": "pruned at 2", "FAIL": "it diverged"}.get(state.value),
    )


def finish(proposer, proposal, state=TrialState.COMPLETE):
    finished = row(proposal, state)
    proposer.tell(finished)
    return finished


def run(proposer, count):
    """Propose and finish; every third trial is pruned, every fifth fails, the first does not."""
    proposals, rows = [], []
    for _ in range(count):
        proposal, new = proposer.propose()
        assert new
        states = {True: TrialState.COMPLETE}
        states |= {proposal.trial % 3 == 2: TrialState.PRUNED}
        states |= {proposal.trial % 5 == 4: TrialState.FAIL}
        proposals.append(proposal)
        rows.append(finish(proposer, proposal, states[True]))
    return proposals, rows


def distinct(proposals):
    return {tuple(sorted(proposal.config.items())) for proposal in proposals}


def seen_by_sampler(study):
    """Return all of a study that a sampler goes by."""
    return [
        (trial.params, trial.state, trial.values, trial.intermediate_values, trial.distributions)
        for trial in study.get_trials()
    ]


# What is proposed


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_baseline_comes_first_and_the_budget_is_kept(sampler):
    proposer = make(sampler=sampler, trials=4)
    proposals, _ = run(proposer, 4)
    assert proposals[0] == Proposal(
        trial=0, origin="baseline", config={"lr": 0.01, "epochs": 20, "batch_size": 10}, told=0
    )
    assert [p.trial for p in proposals] == [0, 1, 2, 3]
    assert [p.origin for p in proposals[1:]] == [sampler] * 3
    assert proposer.propose() is None
    assert not proposer.exhausted


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_proposals_lie_within_the_space_and_differ(sampler):
    arm = tiny.arm()
    count = 16 if sampler in ("grid", "gp") else 30
    proposals, _ = run(make(sampler=sampler, trials=count), count)
    for proposal in proposals:
        assert config_faults(arm.space, proposal.config) == []
        assert list(proposal.config) == list(arm.space)
        assert type(proposal.config["epochs"]) is int
        assert type(proposal.config["lr"]) is float
    assert len(distinct(proposals)) == count


@pytest.mark.parametrize(
    ("sampler", "ahead"),
    [
        (sampler, ahead)
        for sampler in SAMPLERS
        for ahead in (1, 4)
        if (sampler, ahead) != ("gp", 4)
    ],
)
def test_a_small_space_is_proposed_whole_and_once(sampler, ahead):
    """Whether trials finish one by one or several run at once."""
    proposer = make(DISCRETE, sampler=sampler, trials=100)
    everything = {
        (("epochs", epochs), ("lr", lr), ("momentum", momentum))
        for lr, epochs, momentum in itertools.product([0.001, 0.01, 0.1], [5, 10, 15], [0, 0.9])
    }
    proposals, running = [], []
    while proposed := proposer.propose():
        proposals.append(proposed[0])
        running.append(proposed[0])
        if len(running) == ahead:
            finish(proposer, running.pop(0))
    assert len(proposals) == len(everything)
    assert distinct(proposals) == everything
    assert proposer.exhausted == (
        "the search space is used up: it holds 18 configurations, all are tried"
    )
    assert proposer.propose() is None


def test_a_sampler_that_insists_does_not_exhaust_a_large_space():
    """A thousand configurations, few of them far better: TPE asks for those again and again."""
    arm = tiny.arm(
        space={
            "lr": {"type": "categorical", "choices": [0.001, 0.01, 0.1]},
            "epochs": {"type": "int", "low": 5, "high": 40},
            "batch_size": {"type": "categorical", "choices": list(range(1, 11))},
        }
    )
    proposer = make(arm, trials=80)
    for _ in range(80):
        proposal, _ = proposer.propose()
        good = proposal.config["lr"] == 0.1 and proposal.config["batch_size"] == 10
        value = 99.0 if good and proposal.config["epochs"] > 35 else 1.0
        finished = tiny.trial(proposal.trial, proposal.config, accuracy=value)
        proposer.tell(finished)
    assert not proposer.exhausted


def test_grid_covers_both_ends():
    proposer = make(sampler="grid", trials=100)
    configs = []
    while proposed := proposer.propose():
        finish(proposer, proposed[0])
        configs.append(proposed[0].config)
    grid = configs[1:]  # the baseline, and then 3 * 3 * 2 points
    assert len(grid) == 18
    assert sorted({c["lr"] for c in grid}) == [0.001, pytest.approx(0.01), 0.1]
    epochs = sorted({c["epochs"] for c in grid})
    assert (len(epochs), epochs[0], epochs[-1]) == (3, 5, 40)
    assert {c["batch_size"] for c in grid} == {5, 10}
    assert proposer.exhausted.startswith(
        "the grid is used up: all its 18 points are tried, but the search space holds more: it "
        "takes 3 values of lr, epochs; "
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_proposals_are_reproducible_and_follow_the_seed(sampler):
    count = 14 if sampler == "gp" else 16
    first, again, other = (
        [p.config for p in run(make(sampler=sampler, seed=seed), count)[0]] for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_a_whole_number_for_a_float_is_the_same_configuration():
    arm = tiny.arm(
        space={"lr": {"type": "float", "low": 0.5, "high": 1.0, "step": 0.5}},
        baseline={"lr": 1},
        fixed={"epochs": 20, "batch_size": 10},
    )
    proposer = make(arm, sampler="grid")
    assert [proposer.propose()[0].config for _ in range(2)] == [{"lr": 1.0}, {"lr": 0.5}]
    assert proposer.propose() is None


STEPPED = {"lr": {"type": "float", "low": 0.1, "high": 0.7, "step": 0.1}}
SEVEN = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def stepped(**changes):
    return tiny.arm(
        **{"space": STEPPED, "baseline": None, "fixed": {"epochs": 20, "batch_size": 10}} | changes
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_points_of_a_step_are_proposed_as_the_file_has_them_each_once(sampler):
    proposer = make(stepped(), sampler=sampler)
    found = []
    while proposed := proposer.propose():
        found.append(proposed[0].config["lr"])
        proposer.tell(tiny.trial(proposed[0].trial, proposed[0].config, accuracy=50.0))
    assert sorted(found) == SEVEN
    assert "search space is used up: it holds 7 configurations" in proposer.exhausted


def test_what_a_file_an_earlier_sweep_and_old_records_have_is_the_same_point():
    """0.1 + 2 * 0.1, which once was what a sampler proposed, is 0.3."""
    odd = 0.1 + 2 * 0.1
    assert odd != 0.3
    old = Proposal(trial=0, origin="tpe", config={"lr": odd})
    rows = [tiny.trial(0, {"lr": odd})]
    resumed = make(stepped(baseline={"lr": 0.7}), proposals=[old], rows=rows, sampler="grid")
    found = []
    while proposed := resumed.propose():
        found.append(proposed[0].config["lr"])
    assert sorted([*found, 0.3]) == SEVEN, "what was trained is not trained again"
    assert make(stepped(baseline={"lr": odd})).propose()[0].config == {"lr": 0.3}


def test_a_grid_that_is_large_gives_different_points():
    space = {
        "lr": {"type": "float", "low": 0.0, "high": 1.0, "step": 1e-6},
        "momentum": {"type": "float", "low": 0.0, "high": 0.9, "step": 1e-5},
    }
    fixed = {"epochs": 20, "batch_size": 10}
    space["lr"]["low"] = 1e-6
    arm = tiny.arm(space=space, baseline=None, fixed=fixed)
    proposer = make(arm, sampler="grid", trials=40)
    proposals = [proposer.propose()[0] for _ in range(40)]
    assert len(distinct(proposals)) == 40
    assert proposer.propose() is None
    assert proposer.exhausted is None, "the budget is what ended it"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_cannot_be_trained_is_not_proposed(sampler):
    """Of 3 * 3 * 2 configurations seven of nine pairs cannot be trained."""

    def cannot(config):
        return config["lr"] * config["epochs"] > 0.011 or config["epochs"] == 15

    manifest = tiny.manifest(arm=DISCRETE, trials=30, sampler=sampler)
    arm = tiny.arm(**{**DISCRETE.model_dump(), "baseline": None})
    proposer = Proposer(arm, OBJECTIVE, manifest, cannot=cannot)
    found = []
    while proposed := proposer.propose():
        found.append(proposed[0])
        finish(proposer, proposed[0])
    everything = itertools.product([0.001, 0.01, 0.1], [5, 10, 15], [0.0, 0.9])
    able = {
        (("epochs", epochs), ("lr", lr), ("momentum", momentum))
        for lr, epochs, momentum in everything
        if not cannot({"lr": lr, "epochs": epochs})
    }
    assert len(found) == len(able) == 4
    assert distinct(found) == able
    assert [proposal.trial for proposal in found] == [0, 1, 2, 3]
    assert "it holds 4 configurations that can be trained, all are tried" in proposer.exhausted
    assert proposer.nothing_left() == proposer.exhausted or sampler != "grid"


def test_a_large_grid_of_which_most_cannot_be_trained_fills_the_budget():
    space = {"lr": {"type": "float", "low": 0.001, "high": 1.0, "step": 0.001}}
    arm = tiny.arm(space=space, baseline=None, fixed={"epochs": 20, "batch_size": 10})
    manifest = tiny.manifest(arm=arm, trials=9, sampler="grid")
    proposer = Proposer(arm, OBJECTIVE, manifest, cannot=lambda config: config["lr"] > 0.02)
    configs = [proposer.propose()[0].config["lr"] for _ in range(9)]
    assert max(configs) <= 0.02
    assert proposer.propose() is None
    assert proposer.exhausted is None


def proposed_quickly(arm, trials, cannot, sampler="random"):
    """Return what is proposed within a few seconds, while nothing finishes."""
    manifest = tiny.manifest(arm=arm, trials=trials, sampler=sampler)
    proposer = Proposer(arm, OBJECTIVE, manifest, cannot=cannot)
    with chaos.watched(20):
        found = list(iter(proposer.propose, None))
    return proposer, [one for one, _ in found]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_space_of_which_most_cannot_be_trained_fills_the_budget(sampler):
    """Once a sweep walked all that differs in the last values alone behind one that never works:
    thousands of configurations a proposal, of more axes millions.
    """
    space = {
        "kernel_size": {"type": "categorical", "choices": [2, 3, 4, 6, 8]},
        "depth": {"type": "int", "low": 1, "high": 60},
        "momentum": {"type": "float", "low": 0.0, "high": 0.9},
        "weight_decay": {"type": "float", "low": 0.0, "high": 0.1},
    }
    fixed = {"epochs": 20, "batch_size": 10, "lr": 0.1}
    arm = tiny.arm(model="cnn", space=space, baseline=None, fixed=fixed)
    entry, asked = MODELS["cnn"], []

    def cannot(config):
        asked.append(config)
        options = {name: config[name] for name in ("kernel_size", "depth")}
        try:
            entry.check(entry.with_defaults(options), (1, 12, 12))
        except InputError:
            return True
        return False

    proposer, found = proposed_quickly(arm, 60, cannot, sampler)
    assert len(found) == len(distinct(found)) == 60
    assert proposer.exhausted is None
    assert len(asked) < 50 * 60
    assert not any(cannot(one.config) for one in found)


def test_one_configuration_in_a_thousand_is_found_though_the_sampler_does_not():
    space = {
        "epochs": {"type": "int", "low": 1, "high": 1000},
        "batch_size": {"type": "int", "low": 1, "high": 1000},
        "lr": {"type": "float", "low": 0.01, "high": 0.1},
    }
    arm = tiny.arm(space=space, baseline=None, fixed={})
    proposer, found = proposed_quickly(arm, 12, lambda config: config["batch_size"] != 7)
    assert {one.config["batch_size"] for one in found} == {7}
    assert len(distinct(found)) == 12
    assert proposer.exhausted is None


def test_drawn_in_part_a_space_is_not_said_to_be_used_up():
    space = {name: {"type": "int", "low": 1, "high": 1000} for name in ("epochs", "batch_size")}
    arm = tiny.arm(space=space, baseline=None, fixed={"lr": 0.1})
    proposer, found = proposed_quickly(arm, 500, lambda config: config["epochs"] > 0)
    assert found == []
    assert (
        "configurations that were drawn at random, all that can be trained are tried (0 are)"
        in (proposer.exhausted)
    )


def test_a_grid_of_more_points_than_a_machine_counts_is_drawn_from():
    """Of ten ranges, and of one."""
    tenth = {"type": "float", "low": 0.0, "high": 1.0, "step": 0.01}
    names = ["momentum", "weight_decay", "dropout", "a", "b", "c", "d", "e", "f", "g"]
    many = dict.fromkeys(names, tenth)
    long = {"lr": {"type": "float", "low": 1e-12, "high": 1e10, "step": 1e-12}}
    for space in (many, long):
        arm = tiny.arm().model_copy(
            update={
                "space": {
                    name: SPEC_ADAPTER.validate_python(spec) for name, spec in space.items()
                },
                "baseline": None,
            }
        )
        proposer = Proposer(arm, OBJECTIVE, tiny.manifest(trials=30, sampler="grid"))
        assert proposer.nothing_left() is None
        proposals = [proposer.propose()[0] for _ in range(30)]
        assert len(distinct(proposals)) == 30
        assert all(config_faults(arm.space, one.config) == [] for one in proposals)
        assert proposer.propose() is None
        assert proposer.exhausted is None


def test_equal_configurations_are_not_trained_and_leave_no_trace():
    """The second time a sampler asks for the baseline, it is asked again."""
    arm = tiny.arm(
        space={"lr": {"type": "categorical", "choices": [0.01, 0.1]}},
        baseline={"lr": 0.01},
        fixed={"epochs": 20, "batch_size": 10},
    )
    for sampler in ("random", "tpe"):
        proposer = make(arm, sampler=sampler)
        found = []
        while proposed := proposer.propose():
            found.append(proposed[0].config["lr"])
            finish_as(proposer, proposed[0], 50.0)
        assert found == [0.01, 0.1]
        assert [trial.params["lr"] for trial in proposer.study.get_trials()] == found


def finish_as(proposer, proposal, figure):
    proposer.tell(tiny.trial(proposal.trial, proposal.config, accuracy=figure))


class Listening(optuna.samplers.RandomSampler):
    """Draws from few values, and notes what it is told."""

    told: ClassVar = []

    def after_trial(self, study, trial, state, values):
        self.told.append((trial.params, state.name, values))


def test_a_sampler_of_one_s_own_is_told_of_equal_configurations(monkeypatch):
    monkeypatch.setitem(sys.modules, "listening", SimpleNamespace(Listening=Listening))
    Listening.told = []
    arm = tiny.arm(
        space={"lr": {"type": "categorical", "choices": [0.01, 0.1]}},
        baseline={"lr": 0.01},
        fixed={"epochs": 20, "batch_size": 10},
    )
    manifest = tiny.manifest(arm=arm).model_copy(
        update={"sampler": {"name": "listening:Listening", "folder": None, "arguments": {}}}
    )
    proposer = Proposer(arm, OBJECTIVE, manifest)
    while proposed := proposer.propose():
        finish_as(proposer, proposed[0], 100 * proposed[0].config["lr"])
    told = [(params["lr"], state, values) for params, state, values in Listening.told]
    assert set(map(str, told)) == {
        "(0.01, 'COMPLETE', [1.0])",
        "(0.1, 'COMPLETE', [10.0])",
    }
    assert len(told) > 2


# What the study is told


def test_the_study_hears_how_trials_ended():
    proposer = make()
    proposals = [proposer.propose()[0] for _ in range(3)]
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    rows = [finish(proposer, *pair) for pair in zip(proposals, states, strict=True)]
    complete, pruned, failed = proposer.study.get_trials()
    assert complete.state == optuna.trial.TrialState.COMPLETE
    assert complete.value == rows[0].figure("valid_accuracy")
    assert complete.intermediate_values == dict(rows[0].rungs)
    assert len(complete.intermediate_values) == 2
    assert pruned.state == optuna.trial.TrialState.PRUNED
    assert pruned.intermediate_values == {2: score(proposals[1].config) - 20}
    assert pruned.user_attrs["reason"] == "pruned at 2"
    assert failed.state == optuna.trial.TrialState.FAIL
    assert failed.value is None
    assert failed.user_attrs["reason"] == "it diverged"
    assert proposer.study.best_trial.number == complete.number
    assert proposer.study.direction == optuna.study.StudyDirection.MAXIMIZE


def test_a_study_rebuilt_from_the_records_equals_the_live_one():
    live = make()
    proposals, rows = run(live, 15)
    rebuilt = make(proposals=proposals, rows=list(reversed(rows)))
    assert seen_by_sampler(rebuilt.study) == seen_by_sampler(live.study)
    assert len(seen_by_sampler(live.study)) == 15
    assert {trial.state.name for trial in live.study.get_trials()} == {
        "COMPLETE",
        "PRUNED",
        "FAIL",
    }


BY_HAND = {
    "tpe": lambda seed: optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=10,
        n_ei_candidates=24,
        multivariate=True,
        group=False,
        constant_liar=True,
    ),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(
        seed=seed, population_size=20, crossover_prob=0.9, swapping_prob=0.5
    ),
    "gp": lambda seed: optuna.samplers.GPSampler(
        seed=seed, n_startup_trials=10, deterministic_objective=False
    ),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=10),
}
EACH_ANEW = ("tpe", "random", "gp")


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", BY_HAND)
def test_the_sampler_gets_the_pinned_arguments(sampler):
    """A study with the sampler built here proposes the same, told the same, two trials late."""
    proposer = make(sampler=sampler)
    study = optuna.create_study(direction="maximize", sampler=BY_HAND[sampler](entropy(10, 0, 0)))
    study.enqueue_trial(dict(tiny.arm().baseline))
    distributions = to_distributions(tiny.arm().space)
    running = []
    for number in range(18 if sampler == "gp" else 25):
        proposal, _ = proposer.propose()
        if sampler in EACH_ANEW:
            study.sampler = BY_HAND[sampler](entropy(10, number, 0))
        trial = study.ask(fixed_distributions=distributions)
        assert trial.params == proposal.config, number
        running.append((proposal, trial))
        if len(running) > 2:
            proposal, trial = running.pop(0)
            pruned = proposal.trial % 4 == 3
            finished = finish(
                proposer, proposal, TrialState.PRUNED if pruned else TrialState.COMPLETE
            )
            for epoch, value in finished.rungs:
                trial.report(value, epoch)
            if pruned:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                study.tell(trial, finished.figure("valid_accuracy"))


def entropy(*numbers):
    """The sampler's seed, from the sweep's, the proposal's number and that of its draw."""
    import numpy as np

    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def test_a_sequence_is_that_of_scipy_scrambled_by_the_seed():
    """A proposal's number is that of its point, of which neighbours fill the space evenly."""
    from scipy.stats import qmc

    space = {name: {"type": "float", "low": 0.0, "high": 1.0} for name in ("a", "b")}
    space = {name: SPEC_ADAPTER.validate_python(spec) for name, spec in space.items()}
    arm = tiny.arm().model_copy(update={"space": space, "baseline": None})
    proposer = Proposer(arm, OBJECTIVE, tiny.manifest(sampler="qmc", trials=64, seed=3))
    found = [list(proposer.propose()[0].config.values()) for _ in range(64)]
    expected = qmc.Sobol(2, seed=3, scramble=True).random(64)
    assert found == [pytest.approx(list(point)) for point in expected]


def test_pinned_arguments_are_recorded_and_read_back_from_the_manifest():
    assert set(BY_HAND) | {"grid", "qmc"} == set(SAMPLERS)
    manifest = tiny.manifest(sampler="tpe")
    assert manifest.sampler == {"name": "tpe", "seed": 10, **SAMPLERS["tpe"]}
    changed = tiny.manifest(sampler="tpe:n_startup_trials=2")
    assert changed.sampler == manifest.sampler | {"n_startup_trials": 2}
    configs = [
        [p.config for p in run(Proposer(tiny.arm(), OBJECTIVE, m), 12)[0]]
        for m in (manifest, changed)
    ]
    assert configs[0][:2] == configs[1][:2]
    assert configs[0] != configs[1]


# After an interruption


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_unfinished_proposals_come_first_and_nothing_comes_twice(sampler):
    live = make(sampler=sampler, trials=16)
    proposals = [live.propose()[0] for _ in range(6)]
    rows = [finish(live, p) for p in proposals if p.trial not in (0, 3, 5)]

    resumed = make(sampler=sampler, trials=16, proposals=proposals, rows=rows)
    for number in (0, 3, 5):
        proposal, new = resumed.propose()
        assert (proposal, new) == (proposals[number], False)
        finish(resumed, proposal)
    fresh = []
    while proposed := resumed.propose():
        assert proposed[1]
        fresh.append(proposed[0])
        finish(resumed, proposed[0])
    assert [p.trial for p in fresh] == list(range(6, 16))
    assert {p.origin for p in fresh} == {sampler}
    assert len(distinct([*proposals, *fresh])) == 16


@pytest.mark.parametrize("finished", [0, 2, 5])
@pytest.mark.parametrize("sampler", ["tpe", "random", "grid", "cmaes"])
def test_a_small_space_is_proposed_whole_over_an_interruption(sampler, finished):
    live = make(DISCRETE, sampler=sampler)
    proposals = [live.propose()[0] for _ in range(5)]
    rows = [finish(live, proposal) for proposal in proposals[:finished]]
    resumed = make(DISCRETE, sampler=sampler, proposals=proposals, rows=rows)
    while proposed := resumed.propose():
        proposals += [proposed[0]] if proposed[1] else []
    assert len(proposals) == len(distinct(proposals)) == 18
    assert resumed.exhausted


@pytest.mark.parametrize("finished", [0, 8])
def test_a_resumed_sampler_does_not_draw_again_what_it_drew(finished):
    live = make(sampler="random")
    proposals = [live.propose()[0] for _ in range(8)]
    rows = [finish(live, proposal) for proposal in proposals[:finished]]
    resumed = make(sampler="random", proposals=proposals, rows=rows)
    for _ in range(16 - finished):
        resumed.propose()
    assert len(resumed.study.get_trials()) == 16  # a second draw would have been told at once


def test_interrupted_again_and_again_the_budget_is_completed():
    proposals, rows = [], []
    for _ in range(6):
        proposer = make(trials=12, proposals=proposals, rows=rows)
        for _ in range(4):  # four are proposed, two of them finish
            if (proposed := proposer.propose()) is None:
                break
            proposals += [proposed[0]] if proposed[1] else []
            if proposed[0].trial % 2 == len(rows) % 2:
                rows.append(finish(proposer, proposed[0]))
    while proposed := proposer.propose():
        proposals += [proposed[0]] if proposed[1] else []
        rows.append(finish(proposer, proposed[0]))
    missing = make(trials=12, proposals=proposals, rows=rows)
    while proposed := missing.propose():
        assert not proposed[1]
        rows.append(finish(missing, proposed[0]))
    assert sorted(r.trial for r in rows) == list(range(12))
    assert len(distinct(proposals)) == 12


def test_a_large_grid_goes_on_where_it_was():
    space = {
        "lr": {"type": "float", "low": 0.001, "high": 0.1},
        "epochs": {"type": "int", "low": 5, "high": 40},
        "batch_size": {"type": "categorical", "choices": list(range(1, 41))},
    }
    arm = tiny.arm(space=space)
    live = make(arm, sampler="grid", trials=400)
    proposals, rows = run(live, 250)
    resumed = make(arm, sampler="grid", trials=400, proposals=proposals, rows=rows)
    fresh, _ = run(resumed, 360 + 1 - 250)  # 3 * 3 * 40 points and the baseline, which is none
    assert resumed.propose() is None
    assert resumed.exhausted
    assert len(distinct([*proposals, *fresh])) == 361


def test_a_resumed_sampler_has_learnt_from_the_finished_trials():
    """TPE, told that only large learning rates are good, leaves the small ones."""
    proposals, rows = run(make(), 20)
    resumed = make(proposals=proposals, rows=rows)
    assert len(resumed.study.get_trials()) == 20
    fresh, _ = run(resumed, 10)
    near = [p for p in fresh if abs(math.log10(p.config["lr"]) + 1.5) < 0.5]
    assert len(near) >= 6  # half of the space's range; as many as all would be chance


# The export


@pytest.mark.parametrize("times", [1, 2])
def test_optuna_reads_the_exported_study(tmp_path, times):
    proposals, rows = run(make(), 12)
    path = tmp_path / "study.log"
    for _ in range(times):
        export_study(path, "tiny", tiny.arm(), [OBJECTIVE], list(reversed(rows)))
    assert list(tmp_path.iterdir()) == [path]
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    storage = optuna.storages.JournalStorage(backend)
    study = optuna.load_study(study_name="tiny", storage=storage)
    trials = study.get_trials()
    assert [t.user_attrs["trial"] for t in trials] == list(range(12))
    assert [t.params for t in trials] == [p.config for p in proposals]
    assert [t.state.name for t in trials] == [r.state.value for r in rows]
    assert [t.intermediate_values for t in trials] == [dict(r.rungs) for r in rows]
    assert [t.user_attrs["origin"] for t in trials] == ["baseline"] + ["tpe"] * 11
    assert study.best_value == max(
        r.figure("valid_accuracy") for r in rows if r.state == "COMPLETE"
    )


def test_an_export_that_was_killed_does_not_hold_up_the_next(tmp_path):
    _, rows = run(make(), 3)
    path = tmp_path / "study.log"
    path.write_text('{"op_code": 0, "worker')
    (tmp_path / "study.log.lock").symlink_to(path)  # Optuna waits half a minute for it
    export_study(path, "tiny", tiny.arm(), [OBJECTIVE], rows)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text().count("\n") > 3


def test_the_study_is_not_written_through_a_planted_link(tmp_path):
    _, rows = run(make(), 3)
    (tmp_path / "sweep").mkdir()
    path, victim = tmp_path / "sweep" / "study.log", tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    export_study(path, "tiny", tiny.arm(), [OBJECTIVE], rows)
    assert victim.read_text() == "precious"
    assert not path.is_symlink()
    assert path.read_text().count("\n") > 3
    assert list(path.parent.iterdir()) == [path]


def test_what_an_earlier_sweep_found_comes_after_the_baseline():
    earlier = [{"lr": 0.02, "epochs": 30, "batch_size": 5}, {"lr": 0.05}]
    manifest = tiny.manifest(trials=6).model_copy(
        update={"earlier": ({"sweep": "first", "configs": earlier},)}
    )
    proposer = Proposer(tiny.arm(), OBJECTIVE, manifest)
    proposals = [proposer.propose()[0] for _ in range(4)]
    assert [one.origin for one in proposals] == ["baseline", "earlier", "earlier", "tpe"]
    assert proposals[1].config == earlier[0]
    assert proposals[2].config["lr"] == 0.05  # the sampler added the others
    assert proposals[2].config.keys() == {"lr", "epochs", "batch_size"}
    resumed = Proposer(tiny.arm(), OBJECTIVE, manifest, proposals[:2])
    again = [resumed.propose() for _ in range(4)]
    assert [(one.origin, new) for one, new in again] == [
        ("baseline", False),
        ("earlier", False),
        ("earlier", True),
        ("tpe", True),
    ]
    assert again[2][0].config["lr"] == 0.05


def test_without_a_baseline_the_sampler_comes_first():
    proposer = make(tiny.arm(baseline=None), trials=2)
    assert [proposer.propose()[0].origin for _ in range(2)] == ["tpe", "tpe"]
    assert proposer.propose() is None


def test_the_number_of_a_trial_whose_lines_are_gone_goes_to_another():
    """The sweep has as many trials as were asked for, and the baseline is one of them."""
    first = make(trials=5, sampler="random")
    proposals = [first.propose()[0] for _ in range(5)]
    left = [proposals[1], proposals[4]]
    again = make(trials=5, sampler="random", proposals=left, rows=[row(one) for one in left])
    found = [again.propose()[0] for _ in range(3)]
    assert [one.trial for one in found] == [0, 2, 3]
    assert [one.origin for one in found] == ["baseline", "random", "random"]
    assert again.propose() is None


# Conditional hyperparameters

CONDITIONAL = {
    "lr": {"type": "float", "low": 1e-3, "high": 0.1, "log": True},
    "epochs": {"type": "int", "low": 5, "high": 40},
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "momentum": {"type": "float", "low": 0.0, "high": 0.9, "when": {"optimizer": "sgd"}},
    "nesterov": {
        "type": "categorical",
        "choices": [True, False],
        "when": {"optimizer": "sgd"},
    },
    "beta1": {"type": "float", "low": 0.0, "high": 0.9, "when": {"optimizer": ["adam"]}},
}
BRANCHED = tiny.arm(
    space=CONDITIONAL,
    baseline={"lr": 0.01, "epochs": 10, "optimizer": "sgd", "momentum": 0.9, "nesterov": False},
    fixed={"kernel_size": 3, "batch_size": 10},
)
FEW = {
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "momentum": {"type": "float", "low": 0.0, "high": 0.9, "when": {"optimizer": "sgd"}},
    "lr": {"type": "categorical", "choices": [0.01, 0.1]},
    "beta1": {
        "type": "float",
        "low": 0.0,
        "high": 0.9,
        "step": 0.9,
        "when": {"optimizer": "adam"},
    },
}


@pytest.mark.parametrize("sampler", CONDITIONAL_SAMPLERS)
def test_what_is_not_set_is_absent_and_a_resumed_sweep_goes_on(sampler):
    proposer = make(BRANCHED, sampler=sampler, trials=40)
    proposals, rows = run(proposer, 25)
    assert proposals[0].config == BRANCHED.baseline
    for proposal in proposals:
        assert config_faults(BRANCHED.space, proposal.config) == []
        assert list(proposal.config) == [n for n in CONDITIONAL if n in proposal.config]
    assert {"momentum" in p.config for p in proposals} == {True, False}
    assert len(distinct(proposals)) == 25
    again = make(BRANCHED, 40, proposals, rows, sampler=sampler)
    assert seen_by_sampler(again.study) == [
        one for one in seen_by_sampler(proposer.study) if one[1].name != "RUNNING"
    ]
    assert again.propose()[0].trial == 25


def test_tpe_searches_what_is_set_together_as_groups(monkeypatch):
    manifest = tiny.manifest(arm=BRANCHED, sampler="tpe")
    assert manifest.sampler["group"] is True
    assert tiny.manifest(arm=tiny.arm(), sampler="tpe").sampler["group"] is False
    proposer = make(BRANCHED, sampler="tpe", trials=60)
    run(proposer, 20)
    sampler = proposer.study.sampler
    asked = []
    one = type(sampler)._sample

    def sample(self, study, trial, space):
        asked.append(set(space))
        return one(self, study, trial, space)

    monkeypatch.setattr(type(sampler), "_sample", sample)
    proposer.propose()
    groups = [{"lr", "epochs", "optimizer"}, {"momentum", "nesterov"}, {"beta1"}]
    assert sorted(asked, key=len) == sorted(groups, key=len)


def test_running_trials_keep_nobody_off_values_that_they_do_not_have():
    proposer = make(BRANCHED, sampler="tpe", trials=60)
    run(proposer, 20)
    running = [proposer.propose()[0] for _ in range(4)]
    study = proposer.study
    seen = [
        study.sampler._get_params(trial, study)
        for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING])
    ]
    assert seen == [proposal.config for proposal in running]


@pytest.mark.parametrize("sampler", CONDITIONAL_SAMPLERS)
def test_a_small_conditional_space_is_proposed_whole_and_once(sampler):
    space = FEW | {"momentum": FEW["momentum"] | {"step": 0.45}}
    arm = tiny.arm(space=space, baseline=None, published=(), variants={}, fixed=FIXED)
    proposer = make(arm, sampler=sampler, trials=100)
    proposals = []
    while (proposed := proposer.propose()) is not None:
        proposals.append(proposed[0])
        proposer.tell(tiny.trial(proposed[0].trial, proposed[0].config))
    assert len(proposals) == len(distinct(proposals)) == 3 * 2 + 2 * 2
    assert proposer.exhausted == (
        "the search space is used up: it holds 10 configurations, all are tried"
    )
    assert proposer.nothing_left() == proposer.exhausted


FIXED = {"kernel_size": 3, "batch_size": 10, "epochs": 5}


def test_a_grid_counts_what_is_set():
    arm = tiny.arm(space=FEW, baseline=None, published=(), variants={}, fixed=FIXED)
    proposer = make(arm, sampler="grid", trials=100)
    proposals = []
    while (proposed := proposer.propose()) is not None:
        proposals.append(proposed[0])
    assert len(proposals) == len(distinct(proposals)) == 3 * 2 + 2 * 2
    assert "all its 10 points are tried" in proposer.exhausted
    assert "it takes 3 values of momentum" in proposer.exhausted


def test_optunas_own_tools_read_a_conditional_study(tmp_path):
    proposals, rows = run(make(BRANCHED, sampler="tpe", trials=40), 35)
    path = tmp_path / "study.log"
    export_study(path, "s", BRANCHED, [OBJECTIVE], rows)
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    study = optuna.load_study(study_name="s", storage=optuna.storages.JournalStorage(backend))
    assert [trial.params for trial in study.get_trials()] == [p.config for p in proposals]
    every = to_distributions(BRANCHED.space)
    for trial in study.get_trials():
        assert trial.distributions == {name: every[name] for name in trial.params}
    assert set(optuna.importance.get_param_importances(study)) == set(CONDITIONAL)


@pytest.mark.parametrize(
    "sampler", [name for name in SAMPLERS if name not in CONDITIONAL_SAMPLERS]
)
def test_samplers_that_would_draw_at_random_are_refused(sampler):
    with pytest.raises(InputError) as caught:
        check_sampler(BRANCHED, sampler)
    assert str(caught.value) == (
        f"`--sampler {sampler}` cannot search tiny_cnn, whose momentum is set only where "
        "`optimizer` is 'sgd': it models what all configurations have in common and would draw "
        "momentum, nesterov, beta1 at random; use tpe, random or grid"
    )
    check_sampler(tiny.arm(), sampler)
    for other in ("tpe", "tpe:n_startup_trials=5", "tpe:multivariate=false,group=false", "grid"):
        check_sampler(BRANCHED, other)
    with pytest.raises(InputError, match="leave `group` out, or give multivariate=false as well"):
        check_sampler(BRANCHED, "tpe:group=false")
