"""What a sweep found: who leads, who is best, and the document that `tune --json` prints."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import tiny

from ibsweep.analysis.statistics import mean_interval
from ibsweep.analysis.summary import Confirmed, chosen, leading, summarise
from ibsweep.questions.schema import PublishedFigure
from ibsweep.results.records import Confirmation, TrialState
from ibsweep.results.store import SweepStore

OBJECTIVE = tiny.question().objective
SEEDS = tiny.manifest(confirm_replicates=3).confirmation_seeds


def numbers(trials):
    return [trial.trial for trial in trials]


def rows(trial, valid, test, loss=0.5, images=10):
    """Confirmation rows of one trial, an accuracy of each kind for every replicate."""
    return [
        Confirmation(
            trial=trial,
            images=images,
            train_accuracy=100.0,
            seed=seed,
            epochs=20,
            valid_accuracy=valid_accuracy,
            valid_loss=loss,
            test_accuracy=test_accuracy,
            test_loss=loss,
            test_confusion=((50, 0, 0), (0, 50, 0), (0, 0, 50)),
            diverged_epoch=None,
            seconds=2.0,
        )
        for seed, valid_accuracy, test_accuracy in zip(SEEDS, valid, test, strict=True)
    ]


@pytest.fixture
def store(tmp_path):
    """Four trials; each criterion that could choose the best would choose another one.

    The sweep's own figure: 1. Fresh validation images: 2. Test images: 0, the baseline.
    """
    store = SweepStore.create(tmp_path, tiny.manifest("sweep", trials=5, confirm_replicates=3))
    for trial in (
        tiny.trial(0, accuracy=70.0, origin="baseline"),
        tiny.trial(1, {"lr": 0.05, "epochs": 30, "batch_size": 5}, accuracy=99.0),
        tiny.trial(2, {"lr": 0.03, "epochs": 25, "batch_size": 5}, accuracy=95.0),
        tiny.trial(3, accuracy=99.9, state=TrialState.PRUNED, rungs=((2, 99.9),), reason="weak"),
        tiny.trial(4, state=TrialState.FAIL, reason="every replicate diverged"),
    ):
        store.add_trial(trial, [])
    store.add_confirmations(rows(1, (80.0, 85.0, 90.0), (91.0, 92.0, 93.0)))
    store.add_confirmations(rows(2, (96.0, 88.0, 92.0), (90.0, 86.0, 88.0)))
    store.add_confirmations(rows(0, (71.0, 72.0, 73.0), (97.0, 98.0, 99.0)))
    return store


# Leaders


def test_a_claim_brings_the_leading_trial_of_its_condition():
    small, large = {"lr": 0.01, "batch_size": 5}, {"lr": 0.01, "batch_size": 10}
    trials = [
        tiny.trial(0, large, accuracy=80.0, origin="baseline"),
        tiny.trial(1, large, accuracy=90.0),
        tiny.trial(2, small, accuracy=70.0),
        tiny.trial(3, small, accuracy=75.0),
        tiny.trial(4, small, accuracy=99.0, state=TrialState.PRUNED, rungs=((2, 99.0),)),
    ]
    conditions = [{"batch_size": 10}, {"batch_size": 5}]
    assert numbers(leading(trials, 1, OBJECTIVE, conditions)) == [1, 0, 3]
    # where all of them were pruned: the one that got furthest, then the better one
    pruned = [
        tiny.trial(5, small, state=TrialState.PRUNED, rungs=((2, 99.0),), accuracy=99.0),
        tiny.trial(6, small, state=TrialState.PRUNED, rungs=((2, 40.0), (6, 60.0)), accuracy=60.0),
        tiny.trial(7, small, state=TrialState.PRUNED, rungs=((2, 40.0), (6, 65.0)), accuracy=65.0),
        tiny.trial(8, small, state=TrialState.FAIL, reason="every replicate diverged"),
    ]
    assert numbers(leading(trials[:2] + pruned, 1, OBJECTIVE, conditions)) == [1, 0, 7]
    assert numbers(leading(trials[:2], 1, OBJECTIVE, conditions)) == [1, 0]


def test_other_numbers_of_images_do_not_choose_the_best(store):
    best = summarise(store).best
    store.add_confirmations(rows(1, (100.0, 100.0, 100.0), (99.0, 99.0, 99.0), images=500))
    assert summarise(store).best == best
    assert len(summarise(store).confirmed) == 3


def test_the_best_lead_and_ties_go_to_the_lower_loss():
    trials = [
        tiny.trial(0, accuracy=80.0, loss=0.4),
        tiny.trial(1, accuracy=90.0, loss=0.9),
        tiny.trial(2, accuracy=90.0, loss=0.2),
        tiny.trial(3, accuracy=85.0, loss=0.1),
    ]
    assert numbers(leading(trials, 4, OBJECTIVE)) == [2, 1, 3, 0]
    assert numbers(leading(trials[::-1], 2, OBJECTIVE)) == [2, 1]
    assert numbers(leading(trials, 9, OBJECTIVE)) == [2, 1, 3, 0]
    assert leading([], 3, OBJECTIVE) == []


def test_the_baseline_joins_the_leaders_once():
    def trials(baseline):
        return [
            tiny.trial(0, accuracy=baseline, origin="baseline"),
            *(tiny.trial(number, accuracy=80.0 + number) for number in (1, 2, 3)),
        ]

    assert numbers(leading(trials(10.0), 2, OBJECTIVE)) == [3, 2, 0]
    assert numbers(leading(trials(90.0), 2, OBJECTIVE)) == [0, 3]
    assert numbers(leading(trials(82.5), 2, OBJECTIVE)) == [3, 0]


def test_pruned_and_failed_trials_never_lead():
    trials = [
        tiny.trial(0, state=TrialState.FAIL, origin="baseline"),
        tiny.trial(1, accuracy=99.0, state=TrialState.PRUNED),
        tiny.trial(2, accuracy=50.0),
    ]
    assert numbers(leading(trials, 3, OBJECTIVE)) == [2]
    assert leading(trials[:2], 3, OBJECTIVE) == []


# The summary


def test_the_best_is_best_on_fresh_validation_images(store):
    summary = summarise(store)
    assert summary.best is summary.confirmed[0]
    assert [c.trial.trial for c in summary.confirmed] == [2, 1, 0]
    assert summary.best.figure("valid_accuracy") == 92
    assert summary.best.valid == mean_interval([96.0, 88.0, 92.0], 0, 100)
    assert summary.best.test == mean_interval([90.0, 86.0, 88.0], 0, 100)
    assert summary.best.trial.figure("valid_accuracy") == 95  # the sweep's own, shown beside it
    assert summary.best_row().seed == SEEDS[0]


def choice(trial, valid):
    """Rows of one trial that compare it with others: they have no test figures."""
    figures = {"test": {}, "test_confusion": None, "purpose": "choice", "trained": True}
    return [row.model_copy(update=figures) for row in rows(trial, valid, (0.0,) * 3)]


def score(trial, valid, test, trained=True):
    update = {"purpose": "score", "trained": trained}
    return [row.model_copy(update=update) for row in rows(trial, valid, test)]


@pytest.fixture
def apart(tmp_path):
    """Trial 2 is best on what chooses, the baseline on what scores."""
    store = SweepStore.create(tmp_path, tiny.manifest("apart", confirm_replicates=3))
    for number in range(4):
        origin = "tpe" if number else "baseline"
        store.add_trial(tiny.trial(number, origin=origin), [])
    for number, valid in enumerate([80.0, 85.0, 90.0, 70.0]):
        store.add_confirmations(choice(number, (valid,) * 3))
    return store


def test_what_chooses_and_what_scores_are_apart(apart):
    assert summarise(apart).best is None, "chosen, but not scored yet"
    apart.add_confirmations(score(2, (60.0, 66.0, 63.0), (61.0, 62.0, 63.0)))
    apart.add_confirmations(score(0, (95.0,) * 3, (99.0,) * 3))
    summary = summarise(apart)
    best = summary.best
    assert [c.trial.trial for c in summary.confirmed] == [2, 1, 0, 3]
    assert best.trial.trial == 2
    assert best.valid.mean == best.figure("valid_accuracy") == 90
    assert best.test.mean == best.figure("test_accuracy") == 62
    assert summary.best_row().seed == SEEDS[1], "of those that score"
    assert (len(best.choice), len(best.rows)) == (3, 3)
    loser = summary.confirmed[1]
    assert (loser.rows, loser.figure("train_accuracy")) == ((), None)
    assert math.isnan(loser.test.mean)
    assert summary.confirmed_baseline.test.mean == 99


def test_best_pt_is_of_a_replicate_whose_weights_were_kept(apart):
    """`settle` scores the best on further replicates and keeps no weights of them."""
    apart.add_confirmations(score(2, (60.0, 66.0, 63.0), (61.0, 62.0, 63.0)))
    settled = apart.manifest.score_seeds(4)[3]
    (row, *_) = score(2, (99.0,) * 3, (99.0,) * 3)
    apart.add_confirmations([row.model_copy(update={"seed": settled})])
    summary = summarise(apart)
    assert len(summary.best.rows) == 4
    assert summary.best_row().seed == SEEDS[1]


def test_one_set_of_replicates_did_both_in_older_formats(store):
    best = summarise(store).best
    assert best.choice == best.rows
    assert {row.purpose for row in best.rows} == {None}


def test_the_best_the_baseline_and_the_best_of_each_condition_are_scored():
    small, large = {"lr": 0.01, "batch_size": 5}, {"lr": 0.01, "batch_size": 10}
    configs = [large, large, small, small]
    leaders = [
        Confirmed(
            tiny.trial(n, config, origin="tpe" if n else "baseline"),
            tuple(choice(n, (valid,) * 3)),
            (),
            OBJECTIVE,
        )
        for n, (config, valid) in enumerate(zip(configs, (70.0, 90.0, 60.0, 65.0), strict=True))
    ]
    assert numbers(chosen(leaders, OBJECTIVE)) == [1, 0]
    conditions = [{"batch_size": 10}, {"batch_size": 5}, {"batch_size": 99}]
    assert numbers(chosen(leaders, OBJECTIVE, conditions)) == [1, 0, 3]
    assert numbers(chosen(leaders[:1], OBJECTIVE)) == [0], "the baseline is best"
    assert numbers(chosen(leaders[2:], OBJECTIVE)) == [3], "it may have failed"


def test_runs_that_fail_are_told_from_those_that_train(apart):
    apart.add_confirmations(
        [
            *score(2, (90.0,) * 2 + (33.0,), (90.0, 92.0, 33.0))[:2],
            *score(2, (90.0,) * 2 + (33.0,), (90.0, 92.0, 33.0), trained=False)[2:],
        ]
    )
    best = summarise(apart).best
    assert (best.runs.rate.count, best.runs.rate.runs) == (2, 3)
    assert best.runs.trained.mean == 91
    assert best.test.mean == pytest.approx(215 / 3)
    assert not best.runs.trusted
    document = summarise(apart).to_json()["best"]
    assert document["rate"]["share"] == pytest.approx(2 / 3)
    assert document["trained"]["mean"] == 91


def test_a_failing_run_without_a_figure_has_the_worst(apart):
    lost = score(2, (90.0,) * 3, (90.0, 92.0, 33.0))
    lost[2] = lost[2].model_copy(update={"test": {"accuracy": None}, "trained": False})
    apart.add_confirmations(lost)
    assert summarise(apart).best.test.mean == pytest.approx(182 / 3)


def test_where_no_run_trains_there_is_no_mean_of_those(apart):
    apart.add_confirmations(score(2, (33.0,) * 3, (33.0, 34.0, 32.0), trained=False))
    document = summarise(apart).to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["best"]["trained"] == {"mean": None, "low": None, "high": None}
    assert document["best"]["rate"]["count"] == 0


def test_equal_confirmations_are_told_apart_by_their_loss(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest())
    for number, loss in ((0, 0.9), (1, 0.1), (2, 0.5)):
        store.add_trial(tiny.trial(number), [])
        store.add_confirmations(rows(number, (90.0,) * 3, (90.0,) * 3, loss))
    assert [c.trial.trial for c in summarise(store).confirmed] == [1, 2, 0]


def test_the_counts_the_baseline_and_the_question(store):
    summary = summarise(store)
    assert (summary.name, summary.arm, summary.question) == ("sweep", tiny.arm(), tiny.question())
    assert summary.counts == {
        TrialState.COMPLETE: 3,
        TrialState.PRUNED: 1,
        TrialState.FAIL: 1,
    }
    assert summary.trials == 5
    assert summary.baseline.trial == 0
    assert summary.confirmed_baseline.trial == summary.baseline
    assert summary.published is None


@pytest.mark.parametrize(("images", "expected"), [(10, 77.2), (30, 97.2), (50, None)])
def test_the_notebooks_figure_is_that_of_the_arms_images(store, images, expected):
    figures = (
        PublishedFigure(train_size=10, column="valid_accuracy", value=77.2),
        PublishedFigure(train_size=30, column="valid_accuracy", value=97.2),
    )
    arm = tiny.arm().model_copy(update={"train_size": images, "published": figures})
    assert replace(summarise(store), arm=arm).published == expected


def test_the_state(store):
    assert summarise(store).state == "interrupted"
    store.paths.best_config.write_text("config: {}\n")
    assert summarise(store).state == "done"
    with store.lock():
        assert summarise(store).state == "running"


def test_a_confirmation_of_a_trial_that_is_gone_is_passed_over(store):
    """A user removed a damaged line, as the message about it says; the trial runs again."""
    lines = store.paths.trials.read_text().splitlines(keepends=True)
    store.paths.trials.write_text("".join(lines[:2] + lines[3:]))
    assert [c.trial.trial for c in summarise(store).confirmed] == [1, 0]


def test_the_json_document(store):
    document = summarise(store).to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    low, high = mean_interval([90.0, 86.0, 88.0], 0, 100)[1:]
    assert document == {
        "sweep": "sweep",
        "arm": "tiny_cnn",
        "seed": 10,
        "ended": None,
        "directory": str(store.paths.root),
        "trials": {"complete": 3, "pruned": 1, "failed": 1},
        "baseline": {
            "config": {"lr": 0.01, "epochs": 20, "batch_size": 10},
            "valid_accuracy": 70.0,
        },
        "best": {
            "config": {"lr": 0.03, "epochs": 25, "batch_size": 5},
            "valid_accuracy": 95.0,
            "test_accuracy": {"mean": 88.0, "low": low, "high": high},
            "replicates": 3,
            "trained": {"mean": 88.0, "low": low, "high": high},
            "rate": {
                "count": 3,
                "runs": 3,
                "share": 1.0,
                "low": pytest.approx(0.2924, abs=1e-4),
                "high": 1.0,
            },
        },
    }


def test_the_json_document_of_a_sweep_without_results(tmp_path):
    document = summarise(SweepStore.create(tmp_path, tiny.manifest())).to_json()
    assert document["baseline"] is None
    assert document["best"] is None
    assert document["trials"] == {"complete": 0, "pruned": 0, "failed": 0}
