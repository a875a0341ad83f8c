"""Figures of the search: what mattered, and all configurations."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from figures import NAN, draw, question, texts, trials

from ibsweep.analysis import plots
from ibsweep.questions.schema import Arm


def test_the_study_holds_the_trials_as_they_were():
    frame = trials()
    study = plots.study_of(question(), frame, "sweep")
    assert study.direction.name == "MAXIMIZE"
    assert [t.state.name for t in study.trials] == frame["state"].tolist()
    assert [t.value for t in study.trials] == [70, 95, None, 60, 80]
    assert study.best_trial.user_attrs == {"trial": 4, "origin": "tpe"}
    params = study.trials[1].params
    assert params == {"lr": pytest.approx(1e-3 * 10**0.5), "epochs": 14, "batch_size": 10}
    assert isinstance(params["epochs"], int)
    assert plots.study_of(question(), frame, "another").trials == []


def test_what_decides_is_found_important():
    rng = np.random.RandomState(0)
    rows = [(i, "tpe", "COMPLETE", 0.0) for i in range(60)]
    frame = trials(*rows).assign(
        config_lr=10 ** rng.uniform(-3, -1, 60),
        config_epochs=rng.randint(5, 41, 60).astype(float),
        config_batch_size=rng.choice([5, 10], 60),
    )
    frame["valid_accuracy"] = 90 - 20 * np.abs(np.log10(frame["config_lr"]) + 2)
    # the weak half was pruned: without it, lr would hardly matter among what is left
    frame["state"] = np.where(frame["valid_accuracy"] < 80, "PRUNED", "COMPLETE")
    info = plots.importance_info(plots.study_of(question(), frame, "sweep"))
    assert info.names[0] == "lr"
    assert set(info.names) == {"lr", "epochs", "batch_size"}
    assert info.importances.sum() == pytest.approx(1)
    assert info.importances[0] > 0.6
    assert sorted(info.importances, reverse=True) == info.importances.tolist()
    assert info.trials == 60
    assert info.top == 6
    assert info.lacking == ""
    assert "lr" in texts(draw(plots.plot_importance, info))
    few = plots.importance_info(plots.study_of(question(), frame.iloc[:29], "sweep"))
    assert (few.names, few.trials, few.lacking) == ((), 29, "too few trials to tell")
    enough = plots.importance_info(plots.study_of(question(), frame.iloc[:30], "sweep"))
    assert (set(enough.names), enough.trials, enough.top) == (set(info.names), 30, 3)


def test_the_best_tenth_holds_all_that_are_as_good_as_its_last():
    rows = [(i, "tpe", "COMPLETE", 50.0 + i if i < 20 else 90.0) for i in range(40)]
    info = plots.importance_info(plots.study_of(question(), trials(*rows), "sweep"))
    assert (info.trials, info.top) == (40, 20)
    assert info.names
    rows = [(i, "tpe", "COMPLETE", 95.0 if i == 7 else 90.0) for i in range(40)]
    info = plots.importance_info(plots.study_of(question(), trials(*rows), "sweep"))
    assert (info.names, info.top) == ((), 40)
    assert texts(draw(plots.plot_importance, info)) == ["too many trials are alike"]


@pytest.mark.parametrize(
    "rows",
    [
        [(0, "baseline", "FAIL", NAN)],
        [(0, "baseline", "COMPLETE", 50.0)],
        [(i, "tpe", "COMPLETE", 50.0) for i in range(5)],
    ],
)
def test_where_nothing_differs_nothing_is_important(rows):
    info = plots.importance_info(plots.study_of(question(), trials(*rows), "sweep"))
    assert info.names == ()
    assert texts(draw(plots.plot_importance, info)) == ["too few trials to tell"]


def test_importance_says_nothing_on_the_terminal(capfd):
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        plots.importance_info(plots.study_of(question(), trials(), "sweep"))
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)
    assert capfd.readouterr() == ("", "")


def test_parallel_coordinates_span_the_search_space():
    info = plots.parallel_info(plots.study_of(question(), trials(), "sweep"))
    assert info.values.tolist() == [60, 70, 80, 95]
    assert info.complete.tolist() == [True, True, True, False]
    lr, epochs, batch = info.axes
    assert [axis.name for axis in info.axes] == ["lr", "epochs", "batch_size"]
    np.testing.assert_allclose(lr.places, [0.75, 0, 1, 0.25])  # log, as it was tuned
    np.testing.assert_allclose(epochs.places, (np.array([31, 5, 40, 14]) - 5) / 35)
    assert batch.places.tolist() == [1, 0, 0, 1]
    assert (lr.texts, epochs.texts, batch.texts) == (("0.001", "0.1"), ("5", "40"), ("5", "10"))
    drawn = texts(draw(plots.plot_parallel, info))
    assert {"lr", "0.001", "accuracy, %", "60", "95"} <= set(drawn)


def test_parallel_coordinates_of_a_fixed_value_of_a_gap_and_of_nothing():
    study = optuna.create_study(direction="maximize")
    one = optuna.distributions.FloatDistribution(1.0, 1.0)
    lone = optuna.distributions.CategoricalDistribution(["sgd"])
    for value, params in ((1.0, {"x": 1.0}), (2.0, {"x": 1.0, "y": "sgd"})):
        spaces = {name: {"x": one, "y": lone}[name] for name in params}
        study.add_trial(
            optuna.trial.create_trial(value=value, params=params, distributions=spaces)
        )
    x, y = plots.parallel_info(study).axes
    assert x.places.tolist() == [0, 0]
    assert y.places[0] < 0 == y.places[1]
    assert y.texts == ("not set", "sgd")
    assert {"sgd", "not set"} <= set(texts(draw(plots.plot_parallel, plots.parallel_info(study))))
    empty = plots.parallel_info(plots.study_of(question(), trials(), "another"))
    assert empty.axes == ()
    assert texts(draw(plots.plot_parallel, empty)) == ["no data"]


def test_what_is_not_set_is_drawn_as_such_and_counts_where_it_is():
    asked = question()
    arm = asked.arms[trials()["arm"][0]]
    space = arm.model_dump()["space"] | {
        "optimizer": {"type": "categorical", "choices": ("sgd", "adam")},
        "momentum": {"type": "float", "low": 0.0, "high": 1.0, "when": {"optimizer": "sgd"}},
        "beta1": {"type": "float", "low": 0.0, "high": 1.0, "when": {"optimizer": "adam"}},
    }
    arm = Arm.model_validate({**arm.model_dump(), "space": space, "baseline": None})
    asked = asked.model_copy(update={"arms": {arm.name: arm}})
    rows = [(i, "tpe", "COMPLETE", 0.0) for i in range(60)]
    rng = np.random.RandomState(0)
    adam = np.arange(60) % 3 == 0
    momentum = np.where(adam, NAN, rng.uniform(0, 1, 60))
    frame = trials(*rows).assign(
        config_optimizer=np.where(adam, "adam", "sgd"),
        config_momentum=momentum,
        config_beta1=np.where(adam, rng.uniform(0, 1, 60), NAN),
    )
    frame["valid_accuracy"] = np.where(adam, 50, 90 - 20 * np.abs(momentum - 0.5))
    study = plots.study_of(asked, frame, "sweep")
    assert study.trials[0].params.keys() == space.keys() - {"momentum"}
    info = plots.importance_info(study)
    assert set(info.names) == set(space)
    assert info.conditional == ("momentum", "beta1")
    assert info.names[0] == "momentum"
    axes = {axis.name: axis for axis in plots.parallel_info(study).axes}
    assert list(axes) == list(space)
    assert axes["momentum"].texts == ("not set", "0", "1")
    assert (axes["momentum"].places < 0).sum() == 20
    assert (axes["beta1"].places < 0).sum() == 40
    drawn = texts(draw(plots.plot_parallel, plots.parallel_info(study)))
    assert drawn.count("not set") == 2
