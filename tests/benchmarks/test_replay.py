"""The calibration's populations, and the searches and sweeps that are replayed on them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.calibration import populations
from benchmarks.calibration.outcomes import drawn, known, outcome
from benchmarks.calibration.replay import CHOSEN, FIGURES, Design, replayed
from benchmarks.calibration.search import search
from ibsweep.analysis.summary import Confirmed
from ibsweep.metrics.training_test import classes_told_apart
from ibsweep.questions.space_faults import config_faults
from ibsweep.results.records import TrialState
from ibsweep.sweep.plans import trial_plan
from ibsweep.trial.score import train_and_score

ARM, CONFIGURATIONS, REPLICATES = "q2_mlp", 8, 5


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a population of real training, within seconds, and the lines told of it."""
    told = []
    folder = tmp_path_factory.mktemp("populations")
    return populations.build(ARM, CONFIGURATIONS, REPLICATES, folder, told.append), told


def test_a_population_interrupted_is_the_same_one(built, tmp_path):
    whole, told = built
    assert len(told) == CONFIGURATIONS
    populations.build(ARM, 2, REPLICATES, tmp_path, print)
    more = []
    again = populations.build(ARM, CONFIGURATIONS, REPLICATES, tmp_path, more.append)
    assert len(more) == CONFIGURATIONS - 2, "what is there is not trained again"
    for one, other in zip(whole.members, again.members, strict=True):
        assert one.config == other.config
        np.testing.assert_allclose(one.valid, other.valid, atol=1e-4)
        np.testing.assert_array_equal(one.test_confusion, other.test_confusion)


def test_its_figures_are_those_of_training(built):
    population, _ = built
    member = population.members[1]
    plan = trial_plan(
        population.manifest,
        population.question,
        population.arm,
        trial=1,
        config=member.config,
        train_size=population.arm.train_size,
        seeds=range(3_000_000_000, 3_000_000_000 + REPLICATES),
    )
    rows, _, _ = train_and_score(plan, "score", False, None, {"CPU": 1})
    np.testing.assert_allclose(member.test, [row.test["accuracy"] for row in rows])
    np.testing.assert_allclose(
        member.valid[-1], [row.valid["accuracy"] for row in rows], atol=1e-4
    )
    np.testing.assert_allclose(member.valid_loss, [row.valid["loss"] for row in rows], rtol=1e-3)


def test_a_search_prunes_by_the_figures_of_its_replicates(built):
    population, _ = built
    manifest, objective = population.manifest, population.question.objective
    order, replicates = [0, 5, 4, 3, 2, 1], np.array([4, 0, 0, 2])
    trials = search(population.members, order, replicates, manifest, objective)
    for trial, index in zip(trials, order, strict=True):
        member = population.members[index]
        assert trial.config == member.config
        means = member.valid[:, replicates].mean(1)
        assert trial.rungs == tuple(zip(member.epochs, means, strict=True))[: len(trial.rungs)]
        assert trial.figure(objective.valid) == trial.rungs[-1][1]
        whole = len(trial.rungs) == len(member.epochs)
        assert (trial.state == TrialState.COMPLETE) == whole
    assert trials[0].state == TrialState.COMPLETE, "the baseline is never pruned"


def test_no_better_one_is_pruned_by_a_worse_one(built):
    population, _ = built
    members = population.members
    means = [member.valid[0, :4].mean() for member in members]
    manifest, objective = population.manifest, population.question.objective
    upward = [0, *(1 + np.argsort(means[1:]))]
    rising = search(members, upward, np.arange(4), manifest, objective)
    falling = search(members, [0, *upward[:0:-1]], np.arange(4), manifest, objective)
    pruned = [sum(t.state == TrialState.PRUNED for t in trials) for trials in (rising, falling)]
    assert pruned[0] < pruned[1]


@pytest.mark.parametrize("arm", populations.SIZES)
def test_the_populations_that_come_along_are_whole(arm):
    population = populations.read(arm)
    configurations, replicates = populations.SIZES[arm]
    assert len(population.members) == configurations
    assert population.members[0].config == {
        key: pytest.approx(value) for key, value in population.arm.baseline.items()
    }
    classes = len(population.question.data["class_type"])
    for member in population.members:
        assert config_faults(population.arm.space, member.config) == []
        assert member.valid.shape == (len(member.epochs), replicates)
        assert member.test_confusion.shape == (replicates, classes, classes)
        assert (member.test_confusion.sum(2) == 1000).all()
    assert 90 < max(member.test.mean() for member in population.members) < 100


def test_what_is_held_to_the_truth_is_the_truth(built):
    population, _ = built
    objective, (baseline, member) = population.question.objective, population.members[:2]
    both = [known(baseline, objective), known(member, objective)]
    trained = [
        classes_told_apart(counts) and not diverged
        for counts, diverged in zip(
            member.test_confusion.tolist(), member.diverged_epoch, strict=True
        )
    ]
    assert both[1].mean == pytest.approx(member.test.mean())
    assert both[1].rate == np.mean(trained)
    everything = list(range(REPLICATES)) * 40  # as many draws as leave no chance
    (trial, other) = search(
        population.members, [1, 0], np.arange(4), population.manifest, objective
    )
    reported = Confirmed.of(trial, drawn(both[1], everything, "score"), objective)
    rival = Confirmed.of(other, drawn(both[0], everything, "score"), objective)
    found = outcome(both, 1, reported, rival)
    assert found.mean_error == pytest.approx(0, abs=1e-9)
    assert found.covers_mean == found.covers_rate == 1
    assert found.regret == pytest.approx(max(0, baseline.test.mean() - member.test.mean()))
    assert (found.worse, found.called_better) in ((1, 0), (0, 1))


def test_a_choice_on_the_replicates_that_score_flatters():
    designs = (Design(None, 8), Design(8, 8))
    rows = replayed([populations.read("q2_cnn")], 150, designs)
    assert [row.table for row in rows] == [FIGURES, FIGURES, CHOSEN, CHOSEN]
    joint, apart = (row.figures for row in rows[:2])
    # a standard error is 0.5 and 0.9
    assert joint["bias of mean"] > 1.5
    assert abs(apart["bias of mean"]) < 3
    assert joint["bias of the search"] > joint["bias of mean"]
    assert joint["covers trained"] > 0.7
    assert [row.figures["models trained"] for row in rows[2:]] == [32, 48]


def test_a_replay_is_the_same_every_time(built):
    population, _ = built
    first, again = (replayed([population], 5, (Design(4, 8),)) for _ in range(2))
    assert first == again
    assert first[0].labels == {"sweeps of": ARM, "choice on": 4, "score on": 8}
    assert 0 <= first[0].figures["covers rate"] <= 1
