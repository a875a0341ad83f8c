"""Performance profiles of the arms, from the frame of confirmations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figures import draw, question, texts

from ibsweep.analysis import plots
from ibsweep.errors import InputError
from ibsweep.questions.schema import Objective

CNN = [100.0, 98.0, 33.3, 98.0]
MLP = [70.0, 74.0]


def confirmed(arm, values, *, role="best", size=10, sweep="first", column="test_accuracy"):
    return pd.DataFrame(
        {
            "sweep": sweep,
            "arm": arm,
            "train_size": size,
            "role": role,
            "baseline": role == "baseline",
            column: values,
        }
    )


def frame():
    """The best of two arms; rows that choose have no figure on test examples."""
    return pd.concat(
        [
            confirmed("tiny_cnn", [*CNN, np.nan]),
            confirmed("tiny_mlp", MLP),
            confirmed("tiny_cnn", [50.0], role="baseline"),
            confirmed("tiny_cnn", [99.0], role="leader"),
            confirmed("tiny_cnn", [99.0], size=30),
        ]
    )


def test_a_profile_is_of_the_runs_that_score_the_best():
    info = plots.profiles_info(question(), frame())
    assert info.runs == {"tiny_cnn": 4, "tiny_mlp": 2}
    assert info.at[1:].tolist() == [33.3, 70, 74, 98, 100]
    assert info.at[0] < 33.3
    assert info.profiles["tiny_cnn"].share.tolist() == [1, 1, 0.75, 0.75, 0.75, 0.25]
    assert info.profiles["tiny_mlp"].share.tolist() == [1, 1, 1, 0.5, 0, 0]
    drawn = texts(draw(plots.plot_profiles, info))
    assert {"tiny_cnn", "tiny_mlp", "share of runs, %", "test accuracy of at least, %"} <= set(
        drawn
    )


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("rmse", -1)])
def test_the_stairs_are_right_between_figures(metric, sign):
    """As drawn, halfway between two figures, the share is that of the runs beyond."""
    from matplotlib.figure import Figure

    values = [0.5, 0.7, 0.8, 0.8]
    of = question().model_copy(update={"objective": Objective.model_validate(metric)})
    column = of.objective.test
    info = plots.profiles_info(of, confirmed("tiny_cnn", values, column=column))
    ax = plots.plot_profiles(Figure().subplots(), info)
    (line,) = ax.lines
    x, y = line.get_path().vertices.T
    for at in (0.49, 0.6, 0.75, 0.81):
        after = int(np.searchsorted(x, at))
        assert y[after - 1] == y[after], "on a step"
        assert y[after] == 100 * np.mean(sign * np.array(values) >= sign * at)
    bound = "least" if sign > 0 else "most"
    assert ax.get_xlabel().startswith(f"test {of.objective.title} of at {bound}")


def test_arms_without_runs_are_left_out():
    info = plots.profiles_info(question(), confirmed("tiny_mlp", [60.0]))
    assert list(info.profiles) == ["tiny_mlp"]
    assert info.at.tolist() == pytest.approx([57.6, 60, 62.4])
    nothing = plots.profiles_info(question(), frame().iloc[:0])
    assert nothing.profiles == {}
    assert texts(draw(plots.plot_profiles, nothing)) == ["no data"]


def test_two_sweeps_of_an_arm_are_not_pooled():
    both = pd.concat([confirmed("tiny_cnn", CNN), confirmed("tiny_cnn", CNN, sweep="second")])
    with pytest.raises(InputError, match="2 sweeps"):
        plots.profiles_info(question(), both)
