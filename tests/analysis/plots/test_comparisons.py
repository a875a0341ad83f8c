"""Figures of what was found: arms, numbers of images, the spread of seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tiny
from figures import NAN, curve, draw, question, texts

from ibsweep.analysis import frames, plots
from ibsweep.analysis.statistics import mean_interval
from ibsweep.errors import InputError
from ibsweep.questions.published import published_settings
from ibsweep.questions.schema import Question


def confirmed(*groups, sweep="first"):
    """Rows of confirmation: arm, images, role, baseline, test accuracies, failing up to 50 %."""
    columns = ["sweep", "arm", "train_size", "role", "baseline", "test_accuracy", "trained"]
    rows = [
        (sweep, arm, n, role, base, value, value > 50)
        for arm, n, role, base, values in groups
        for value in values
    ]
    return pd.DataFrame(rows, columns=columns).astype({"baseline": bool, "trained": bool})


def test_arms_are_compared_at_their_own_number_of_images():
    frame = confirmed(
        ("tiny_mlp", 10, "best", True, [60.0, 64.0]),
        ("tiny_cnn", 10, "best", False, [90.0, 94.0]),
        ("tiny_cnn", 10, "baseline", True, [70.0, 80.0]),
        ("tiny_cnn", 10, "leader", False, [99.0, 99.0]),
        ("tiny_cnn", 500, "best", False, [100.0, 100.0]),
    )
    info = plots.arms_info(question(), frame)
    assert tuple(info.families) == ("tiny_cnn", "tiny_mlp")
    assert info.sizes == (10, 10)
    means = [mean_interval(values, 0, 100) for values in ([90.0, 94.0], [60.0, 64.0])]
    assert [runs.figures.trained for runs in info.best] == means
    assert info.baseline[0].figures.trained == mean_interval([70.0, 80.0], 0, 100)
    assert info.baseline[1] == info.best[1]
    assert info.published == (77.0, None)
    drawn = texts(draw(plots.plot_arms, info))
    assert {"92.0", "62.0", "tiny_cnn", "tiny_mlp", "published"} <= set(drawn)


def test_two_sweeps_of_an_arm_are_not_pooled():
    group = ("tiny_cnn", 10, "best", False, [90.0, 94.0])
    frame = pd.concat([confirmed(group), confirmed(group, sweep="second")])
    with pytest.raises(InputError, match="tiny_cnn has rows of 2 sweeps, first, second; choose"):
        plots.arms_info(question(), frame)


def test_an_arm_without_confirmations_has_a_row_of_its_own():
    info = plots.arms_info(question(), confirmed(("tiny_mlp", 10, "best", False, [60.0])))
    assert info.best[0] is None
    assert info.best[1].values == (60.0,)
    assert info.baseline == (None, None)
    assert "tiny_cnn" in texts(draw(plots.plot_arms, info))
    nothing = plots.arms_info(question(), confirmed())
    assert nothing.best == (None, None)
    assert texts(draw(plots.plot_arms, nothing)) == ["no data"]


def test_every_run_is_drawn_and_the_mean_is_of_those_that_train():
    frame = confirmed(
        ("tiny_cnn", 10, "best", False, [90.0, 94.0, 33.3, 92.0]),
        ("tiny_mlp", 10, "best", True, [33.3, 33.3]),
    )
    info = plots.arms_info(question(), frame)
    cnn, mlp = info.best
    assert cnn.values == (90.0, 94.0, 33.3, 92.0)
    assert cnn.trained == (True, True, False, True)
    assert cnn.figures.trained == mean_interval([90.0, 94.0, 92.0], 0, 100)
    assert mlp.figures.rate.count == 0
    drawn = texts(draw(plots.plot_arms, info))
    assert {"92.0, 3 of 4 train", "0 of 2 train", "fails"} <= set(drawn)
    assert "fails" not in texts(draw(plots.plot_arms, plots.arms_info(question(), frame[:2])))


def test_efficiency_leaves_out_what_is_not_finite():
    curves = [curve("tiny_mlp", holes=[1]), curve("tiny_cnn", holes=range(4))]
    info = plots.efficiency_info(question(), curves, 95.0)
    assert [c.arm for c in info.curves] == ["tiny_mlp"]
    assert info.curves[0].sizes.tolist() == [10, 100, 500]
    assert info.curves[0].low.tolist() == [45, 90, 94]
    assert tuple(info.families) == ("tiny_cnn", "tiny_mlp")
    assert info.target == 95
    drawn = texts(draw(plots.plot_efficiency, info))
    assert drawn[:4] == ["10", "100", "500", "training images per class"]
    assert "tiny_mlp" in drawn


def test_efficiency_without_intervals_and_of_nothing():
    lone = curve("tiny_cnn")
    lone = lone._replace(low=np.full(4, NAN), high=np.full(4, NAN))
    assert "tiny_cnn" in texts(
        draw(plots.plot_efficiency, plots.efficiency_info(question(), [lone]))
    )
    info = plots.efficiency_info(question(), [])
    assert texts(draw(plots.plot_efficiency, info)) == ["no data"]


def replications(*rows):
    """Rows of setting, images, seed, validation and training accuracy, as a frame."""
    of = {(cell.setting, cell.train_size): cell for cell, _ in published_settings([question()])}
    found = [
        tiny.replication(of[setting, images], seed, accuracy, train=train, exact=seed == 10)
        for setting, images, seed, accuracy, train in rows
    ]
    accuracy = dict.fromkeys(("valid", "train"), ("accuracy",))
    return frames.make_frame(frames.REPLICATIONS, found, accuracy)


def test_replications_stand_beside_what_was_published():
    frame = replications(
        ("baseline", 10, 12, 80.0, 99.0),
        ("baseline", 10, 10, 77.0, 98.0),
        ("baseline", 10, 11, 71.0, 97.0),
        ("slow", 10, 11, 60.0, 96.0),
    )
    first, second = plots.replication_info(question(), frame).cells
    assert (first.name, first.images) == ("tiny_cnn", 10)
    assert first.others == (71, 80)
    assert (first.seed10, first.published, first.mean) == (77, 77, 76)
    assert (second.name, second.metric) == ("slow", "train_accuracy")
    assert second.others == (96,)
    assert (second.seed10, second.published) == (None, 100)
    info = plots.replication_info(question(), frame)
    drawn = texts(draw(plots.plot_replication, info))
    assert {"tiny_cnn, 10", "slow, 10", "accuracy, %", "published", "seed 10"} <= set(drawn)


def test_the_notebooks_seed_alone_and_no_replication():
    only = replications(("baseline", 30, 10, 90.0, 99.0))
    info = plots.replication_info(question(), only)
    assert [(cell.others, cell.seed10) for cell in info.cells] == [((), 90)]
    assert "validation accuracy, %" in texts(draw(plots.plot_replication, info))
    empty = plots.replication_info(question(), replications())
    assert empty.cells == ()
    assert texts(draw(plots.plot_replication, empty)) == ["no data"]


def test_the_question_of_these_tests_is_valid():
    assert Question.model_validate(question().model_dump()) == question()
