"""Figures of training: their infos say what they show; that they draw is seen by saving them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from figures import NAN, draw, luminance, texts, trials
from matplotlib.figure import Figure

from ibsweep.analysis import plots


def curve_rows(*rows):
    columns = ["epoch", "seed", "valid_accuracy", "valid_loss", "train_accuracy", "train_loss"]
    frame = pd.DataFrame([[float(v) for v in row] for row in rows], columns=columns)
    return frame.assign(sweep="sweep", trial=3)


def test_curves_are_the_mean_and_the_range_of_the_replicates():
    frame = curve_rows(
        (20, 10, 80, 0.5, 90, 0.2),
        (5, 10, 40, 1.0, 50, 0.9),
        (5, 11, 60, 2.0, 70, 0.7),
        (20, 11, 90, 0.3, 100, 0.0),
    )
    others = frame.assign(trial=4, valid_accuracy=0.0)
    elsewhere = frame.assign(sweep="other", valid_accuracy=0.0)
    info = plots.curves_info(pd.concat([others, frame, elsewhere]), "sweep", 3)
    assert info.metric.metric == "accuracy"
    assert info.epochs.tolist() == [5, 20]
    assert [band.tolist() for band in info.valid] == [[50, 85], [40, 80], [60, 90]]
    assert [band.tolist() for band in info.train] == [[60, 95], [50, 90], [70, 100]]
    assert plots.curves_info(frame, "sweep", 3, "loss").valid.mean.tolist() == [1.5, 0.4]


def test_what_is_not_finite_is_left_out_of_a_curve():
    frame = curve_rows(
        (5, 10, 40, 1.0, 50, NAN),
        (5, 11, 60, np.inf, 70, 0.5),
        (9, 10, 40, NAN, 50, NAN),
        (9, 11, 60, NAN, 70, 0.25),
    )
    info = plots.curves_info(frame, "sweep", 3, "loss")
    assert info.valid.mean[0] == 1.0
    assert math.isnan(info.valid.mean[1])
    assert info.train.high.tolist() == [0.5, 0.25]
    assert {"training", "validation", "epoch"} <= set(texts(draw(plots.plot_curves, info)))


def test_an_unknown_trial_has_no_curve():
    info = plots.curves_info(curve_rows((5, 10, 40, 1.0, 50, 1.0)), "sweep", 99)
    assert info.epochs.size == 0
    assert [band.shape for band in (*info.valid, *info.train)] == [(0,)] * 6
    assert texts(draw(plots.plot_curves, info)) == ["no data"]


def test_long_curves_draw_without_marks():
    frame = curve_rows(*((e, 10, e / 4, 1 / e, e / 4, 1 / e) for e in range(1, 401)))
    info = plots.curves_info(frame, "sweep", 3)
    assert len(info.epochs) == 400
    assert "validation" in texts(draw(plots.plot_curves, info))


def confusions(*matrices):
    return pd.DataFrame({"test_confusion": list(matrices)})


def test_confusion_in_percent_of_the_true_class():
    frame = confusions(((8, 2), (1, 9)), ((6, 4), (3, 7)))
    info = plots.confusion_info(frame, ["horizontal", "none"])
    np.testing.assert_allclose(info.values, [[70, 30], [20, 80]])
    counts = plots.confusion_info(frame, ["horizontal", "none"], percent=False)
    np.testing.assert_allclose(counts.values, [[7, 3], [2, 8]])
    drawn = texts(draw(plots.plot_confusion, info))
    assert {"70.0", "30.0", "20.0", "80.0", "horizontal", "none"} <= set(drawn)
    assert {"7", "3"} <= set(texts(draw(plots.plot_confusion, counts)))


def test_figures_of_a_confusion_stand_out_on_any_shade():
    """4.5:1, on shades that hide the paper, be it light or dark."""
    shares = np.linspace(0, 1000, 101).round().astype(int)
    for share in shares:
        matrix = ((share, 1000 - share), (0, 1000))
        ax = Figure().add_subplot()
        plots.plot_confusion(ax, plots.confusion_info(confusions(matrix), ["a", "b"]))
        assert len(ax.patches) == len(ax.texts) == 4
        for shade, text in zip(ax.patches, ax.texts, strict=True):
            assert shade.get_alpha() is None
            assert shade.get_bbox().contains(*text.get_position())
            low, high = sorted(map(luminance, (shade.get_facecolor(), text.get_color())))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (share, text.get_text())
        shown = [luminance(shade.get_facecolor()) for shade in ax.patches]
        assert shown[3] < shown[2]  # all of a class is darker than none of it
        assert ax.texts[0].get_text() == f"{share / 10:.1f}"
        assert ax.texts[0].get_position() == (0, 0)  # the true class goes down
        assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_confusion_of_a_class_without_images_and_of_nothing():
    info = plots.confusion_info(confusions(((0, 0), (1, 3))), ["a", "b"])
    assert np.isnan(info.values[0]).all()
    assert info.values[1].tolist() == [25, 75]
    assert "75.0" in texts(draw(plots.plot_confusion, info))
    empty = plots.confusion_info(confusions(), ["a", "b"])
    assert np.isnan(empty.values).all()
    assert texts(draw(plots.plot_confusion, empty)) == ["no data"]


def test_confusion_wants_a_name_for_each_class():
    with pytest.raises(ValueError, match="`names` must name all classes"):
        plots.confusion_info(confusions(((1, 0), (0, 1))), ["a", "b", "c"])


def test_history_counts_completed_trials_as_best_alone():
    info = plots.history_info(trials().sample(frac=1, random_state=1), "sweep")
    assert info.trials.tolist() == [0, 1, 3, 4]
    assert info.values.tolist() == [70, 95, 60, 80]
    assert info.complete.tolist() == [True, False, True, True]
    assert info.best.tolist() == [70, 70, 70, 80]
    assert info.baseline == 70
    assert info.failed.tolist() == [2]
    assert {"best so far", "baseline"} <= set(texts(draw(plots.plot_history, info)))


def test_history_before_the_first_completed_trial():
    info = plots.history_info(
        trials((1, "tpe", "PRUNED", 50.0), (2, "tpe", "COMPLETE", 40.0)), "sweep"
    )
    assert math.isnan(info.best[0])
    assert info.best[1] == 40
    assert info.baseline is None


def test_history_of_nothing_and_of_failures():
    empty = plots.history_info(trials(), "another")
    assert empty.trials.size == empty.best.size == 0
    assert texts(draw(plots.plot_history, empty)) == ["no data"]
    failed = plots.history_info(trials((0, "baseline", "FAIL", NAN)), "sweep")
    assert failed.failed.tolist() == [0]
    assert "trial" in texts(draw(plots.plot_history, failed))
