"""Figures of fronts: what is drawn of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from confirmed import frame, question, rows
from matplotlib.figure import Figure

from ibsweep.analysis import plots

QUESTION = question(objective=None, objectives=["accuracy", "parameters"])


@pytest.fixture
def ax():
    return Figure().add_subplot()


def points(arm, *found):
    return frame(
        *(
            rows(arm, np.array([-1.0, 1.0]) + accuracy, trial=i + 1).assign(test_parameters=cost)
            for i, (accuracy, cost) in enumerate(found)
        )
    )


def test_each_front_is_a_line_of_steps_up_to_the_dearest_configuration(ax):
    found = frame(
        points("a", (90.0, 100.0), (70.0, 10.0), (60.0, 50.0)), points("b", (95.0, 1000.0))
    )
    plots.plot_front(ax, plots.front_info(QUESTION, found, "parameters"))
    steps = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert [line.get_xdata().tolist() for line in steps] == [[10.0, 100.0], [1000.0]]
    assert [line.get_ydata().tolist() for line in steps] == [[70.0, 90.0], [95.0]]
    assert {text.get_text() for text in ax.texts} == {"a", "b"}
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "trained parameters"
    assert ax.get_ylabel() == "test accuracy, %"
    assert len(ax.containers) == 3, "a front each, and what lies behind one of them"


def test_without_confirmations_nothing_is_drawn(ax):
    plots.plot_front(ax, plots.front_info(QUESTION, points("c", (1.0, 1.0)), "parameters"))
    assert [text.get_text() for text in ax.texts] == ["no data"]


def test_the_hypervolume_grows_with_the_complete_trials(ax):
    trials = pd.DataFrame(
        {
            "sweep": "s",
            "trial": [2, 0, 1],
            "state": ["COMPLETE", "COMPLETE", "PRUNED"],
            "valid_accuracy": [100.0, 50.0, 99.0],
            "valid_parameters": [4.0, 2.0, 1.0],
        }
    )
    info = plots.hypervolume_info(QUESTION, trials, "s")
    assert info.history.trials.tolist() == [0, 1, 2]
    assert info.history.values.tolist() == [0.0, 0.0, 0.0], "each is worst in something"
    assert (info.history.best, info.history.worst) == ((100.0, 2.0), (50.0, 4.0))
    plots.plot_hypervolume(ax, info)
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
