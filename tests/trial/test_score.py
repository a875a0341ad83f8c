"""What a confirmation's worker records: figures by purpose, and whether a run trains."""

from __future__ import annotations

import pytest
import tiny
from sklearn.datasets import load_diabetes

from ibsweep.models.settings import resolve
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.score import train_and_score

SEEDS = (10, 2**51 + 1)


def scored(purpose, **changes):
    question = tiny.question()
    plan = TrialPlan(
        **{
            "trial": 0,
            "model": "simple_cnn",
            "data": question.data,
            "train_size": 40,
            "settings": settings("simple_cnn", optimizer="adam", lr=0.02, epochs=60),
            "seeds": SEEDS,
            **changes,
        }
    )
    rows, states, _ = train_and_score(plan, purpose, False, None, {"CPU": 1})
    assert states == {}
    return rows


def settings(model, **given):
    return resolve(model, {}, {"batch_size": 10, **given})


def test_what_only_chooses_has_no_figure_on_test_examples():
    choice, score, both = (scored(purpose) for purpose in ("choice", "score", None))
    assert [row.purpose for row in (*choice, *score, *both)] == [
        *["choice"] * 2,
        *["score"] * 2,
        *[None] * 2,
    ]
    for row, other in zip(choice, score, strict=True):
        assert (row.test, row.test_confusion) == ({}, None)
        assert other.test.keys() == {"accuracy", "loss"}
        assert row.valid == other.valid
        assert row.trained is other.trained is True
        assert row.seed in SEEDS


def test_a_model_that_learns_nothing_fails():
    rows = scored("score", settings=settings("simple_cnn", lr=1e-9, epochs=1))
    assert [row.trained for row in rows] == [False, False]


def test_a_run_that_diverges_fails():
    rows = scored("score", settings=settings("simple_cnn", lr=1e20, epochs=3))
    assert all(row.diverged_epoch for row in rows)
    assert [row.trained for row in rows] == [False, False]


@pytest.mark.parametrize(("lr", "trained"), [(0.02, True), (1e-9, False)])
def test_numbers_are_held_against_the_mean_of_the_targets(tmp_path, lr, trained):
    table = tmp_path / "diabetes.csv"
    load_diabetes(as_frame=True).frame.to_csv(table, index=False)
    document = {
        "from": str(table),
        "target": "target",
        "split": {"train": 200, "valid": 100, "test": 100},
    }
    rows = scored(
        "score",
        model="two_layer_mlp",
        data=document,
        train_size=200,
        metrics=("rmse",),
        settings=settings("two_layer_mlp", lr=lr, epochs=20),
    )
    assert [row.trained for row in rows] == [trained] * 2
    assert {row.test_confusion for row in rows} == {None}
