"""Figures: what they show is checked in their infos; that they draw, by saving them."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import optuna
import pandas as pd
import pytest
import tiny
from matplotlib.figure import Figure

from ibsweep.analysis import plots
from ibsweep.analysis.efficiency import Efficiency
from ibsweep.analysis.plots.style import spread
from ibsweep.analysis.statistics import mean_interval
from ibsweep.errors import InputError
from ibsweep.questions.published import published_settings
from ibsweep.questions.schema import Figure as Published
from ibsweep.questions.schema import Question, Variant
from ibsweep.results.records import Replication

NAN = math.nan


def draw(plot, info, shape=None):
    """Draw on new axes and return the saved picture's size in bytes."""
    figure = Figure((4.8, 3.0), layout="constrained")
    axes = figure.subplots(*shape, squeeze=False) if shape else figure.subplots()
    assert plot(axes, info) is axes
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True)
    return buffer.getvalue().decode()


def texts(svg):
    """The texts of a figure, which matplotlib repeats in comments beside their outlines."""
    return [line.strip()[5:-4] for line in svg.splitlines() if line.strip().startswith("<!-- ")]


def question():
    """A question of two arms: one has a published figure and a variant, the other neither."""
    cnn = tiny.arm(
        name="tiny_cnn",
        notebook=(
            Published(images=10, valid_accuracy=77.0),
            Published(images=30, valid_accuracy=90.0),
        ),
        variants={
            "slow": Variant(
                title="slow",
                changes={"lr": 0.001},
                notebook=(Published(images=10, train_accuracy=100.0),),
            )
        },
    )
    arms = {"tiny_cnn": cnn, "tiny_mlp": tiny.arm(name="tiny_mlp")}
    task = {**tiny.question().task, "train_images": [10, 30]}
    return tiny.question().model_copy(update={"arms": arms, "task": task})


# The look


def test_the_first_mlp_is_orange_and_the_first_other_blue():
    one = plots.arm_colours({"q2_cnn": "cnn", "q2_mlp": "mlp", "q2_edge_init": "cnn"})
    other = plots.arm_colours({"q9_mlp": "mlp", "q9_cnn": "cnn", "q9_wide": "mlp"})
    assert one["q2_mlp"] == other["q9_mlp"]
    assert one["q2_cnn"] == other["q9_cnn"]
    assert len(set(one.values())) == 3
    assert len(set(other.values())) == 3
    assert len(plots.arm_colours({f"arm{i}": "cnn" for i in range(20)})) == 20


def luminance(colour):
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_inks_read_on_white_and_on_black():
    """WCAG asks 3:1 of lines and of large texts."""
    colours = plots.arm_colours({"a_mlp": "mlp"} | {f"arm{i}": "cnn" for i in range(6)})
    for colour in [plots.INK, *colours.values()]:
        own = luminance(colour)
        assert 1.05 / (own + 0.05) >= 3, colour
        assert (own + 0.05) / 0.05 >= 3, colour


@pytest.mark.parametrize(
    ("places", "high", "expected"),
    [
        ([], 10, []),
        ([1, 5], 10, [1, 5]),
        ([1, 1.5, 6], 10, [1, 3, 6]),
        ([9, 9.5, 10], 10, [6, 8, 10]),
    ],
)
def test_labels_move_apart(places, high, expected):
    moved = spread(places, 2, high)
    assert moved == expected
    assert all(b - a >= 2 for a, b in pairwise(moved))


def test_drawing_leaves_matplotlibs_settings_alone():
    mpl.use("Agg")
    before = mpl.rcParams.copy()
    draw(plots.plot_history, plots.history_info(trials(), "sweep"))
    draw(plots.plot_efficiency, plots.efficiency_info(question(), [curve("tiny_cnn")]))
    assert mpl.rcParams == before


# Curves


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
    assert info.metric == "accuracy"
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


# Confusion


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


# History


def trials(*rows):
    rows = rows or (
        (0, "baseline", "COMPLETE", 70.0),
        (1, "tpe", "PRUNED", 95.0),
        (2, "tpe", "FAIL", NAN),
        (3, "tpe", "COMPLETE", 60.0),
        (4, "tpe", "COMPLETE", 80.0),
    )
    frame = pd.DataFrame(rows, columns=["trial", "origin", "state", "valid_accuracy"])
    return frame.assign(
        sweep="sweep",
        arm="tiny_cnn",
        config_lr=np.geomspace(1e-3, 0.1, len(rows)),
        config_epochs=np.linspace(5, 40, len(rows)).round(),  # floats, as beside another arm
        config_batch_size=[(5, 10)[i % 2] for i in range(len(rows))],
    )


def test_history_counts_completed_trials_as_best_alone():
    info = plots.history_info(trials().sample(frac=1, random_state=1), "sweep")
    assert info.trials.tolist() == [0, 1, 3, 4]
    assert info.accuracy.tolist() == [70, 95, 60, 80]
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


# Kernels and images


def test_kernels_share_one_scale():
    trained = np.array([[[1.0, -3.0], [0, 0]], [[2.0, 0], [0, 0]]])
    info = plots.kernels_info(trained[:, None], -trained / 2)
    assert info.trained.shape == (2, 2, 2)
    assert info.scale == 3
    assert info.shape == (2, 2)
    figure = Figure()
    axes = plots.plot_kernels(figure.subplots(*info.shape, squeeze=False), info)
    assert {image.get_clim() for ax in axes.flat for image in ax.images} == {(-3, 3)}
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), trained[0])
    np.testing.assert_array_equal(axes[0, 0].images[0].get_array(), -trained[0] / 2)
    assert [axes[0, 0].get_ylabel(), axes[1, 0].get_ylabel()] == ["untrained", "trained"]


def test_one_kernel_and_kernels_without_a_scale_draw():
    for kernels in (np.zeros((1, 3, 3)), np.full((1, 3, 3), NAN)):
        info = plots.kernels_info(kernels, kernels)
        assert info.scale == 0
        assert "trained" in texts(draw(plots.plot_kernels, info, info.shape))


@pytest.mark.parametrize(
    ("trained", "untrained"),
    [
        ((3, 3), (3, 3)),
        ((2, 2, 3, 3), (2, 2, 3, 3)),
        ((0, 3, 3), (0, 3, 3)),
        ((2, 3, 3), (1, 3, 3)),
    ],
)
def test_kernels_of_another_shape_are_refused(trained, untrained):
    with pytest.raises(ValueError, match="but got"):
        plots.kernels_info(np.zeros(trained), np.zeros(untrained))


def pictures(seed=0):
    images = np.random.RandomState(seed).randint(0, 256, (6, 4, 4)).astype(np.uint8)
    return images, np.array([0, 1, 0, 1, 1, 0])


def test_the_dataset_shows_the_first_images_of_each_class():
    images, labels = pictures()
    info = plots.dataset_info(images, labels, ["a", "b"], each=2)
    np.testing.assert_array_equal(info.images, [images[[0, 2]], images[[1, 3]]])
    assert info.restored is None
    assert info.shape == (2, 2)
    assert {"a", "b"} <= set(texts(draw(plots.plot_dataset, info, info.shape)))


def test_permuted_images_are_restored_beside():
    images, labels = pictures()
    order = np.random.RandomState(1).permutation(16)
    permuted = images.reshape(6, 16)[:, order].reshape(images.shape)
    info = plots.dataset_info(permuted, labels, ["a", "b"], unpermutater=np.argsort(order), each=3)
    np.testing.assert_array_equal(info.restored, [images[labels == 0], images[labels == 1]])
    assert not np.array_equal(info.images, info.restored)
    assert info.shape == (2, 6)
    drawn = texts(draw(plots.plot_dataset, info, info.shape))
    assert {"permuted", "restored"} <= set(drawn)


def test_restored_images_are_those_the_task_drew_without_a_permutation():
    from ibsweep.data.edges.images import draw_permutation

    images, labels = pictures()
    permutater, unpermutater = draw_permutation(4, np.random.RandomState(3))
    permuted = images.reshape(6, 16)[:, permutater].reshape(images.shape)
    info = plots.dataset_info(permuted, labels, ["a", "b"], unpermutater=unpermutater, each=1)
    np.testing.assert_array_equal(info.restored[0, 0], images[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((6, 4, 4))}, "must be uint8"),
        ({"images": np.zeros((6, 16), np.uint8)}, "shape"),
        ({"labels": [0, 1]}, "a class for each image"),
        ({"each": 4}, "each=4 images, but got 3 of 'a'"),
        ({"unpermutater": [0, 0, 1]}, "each pixel's position once"),
    ],
)
def test_images_that_do_not_fit_are_refused(changes, message):
    images, labels = pictures()
    given = {"images": images, "labels": labels, "each": 2, **changes}
    with pytest.raises(ValueError, match=message):
        plots.dataset_info(given.pop("images"), given.pop("labels"), ["a", "b"], **given)


# Arms compared


def confirmed(*groups, sweep="first"):
    """Rows of confirmation: arm, images, role, baseline, test accuracies."""
    columns = ["sweep", "arm", "images", "role", "baseline", "test_accuracy"]
    rows = [
        (sweep, arm, n, role, base, value)
        for arm, n, role, base, values in groups
        for value in values
    ]
    return pd.DataFrame(rows, columns=columns).astype({"baseline": bool})


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
    assert info.images == (10, 10)
    assert info.best == (mean_interval([90.0, 94.0]), mean_interval([60.0, 64.0]))
    assert info.baseline == (mean_interval([70.0, 80.0]), mean_interval([60.0, 64.0]))
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
    assert info.best == (None, mean_interval([60.0]))
    assert info.baseline == (None, None)
    assert "tiny_cnn" in texts(draw(plots.plot_arms, info))
    nothing = plots.arms_info(question(), confirmed())
    assert nothing.best == (None, None)
    assert texts(draw(plots.plot_arms, nothing)) == ["no data"]


# Data efficiency


def curve(arm, *, holes=()):
    images = np.array([10, 30, 100, 500])
    mean = np.array([50.0, 80.0, 95.0, 99.0])
    mean[list(holes)] = NAN
    return Efficiency(arm, images, mean, mean - 5, np.minimum(mean + 5, 100))


def test_efficiency_leaves_out_what_is_not_finite():
    curves = [curve("tiny_mlp", holes=[1]), curve("tiny_cnn", holes=range(4))]
    info = plots.efficiency_info(question(), curves, 95.0)
    assert [c.arm for c in info.curves] == ["tiny_mlp"]
    assert info.curves[0].images.tolist() == [10, 100, 500]
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


# Replications


def replications(*rows):
    """Rows of setting, images, seed, validation and training accuracy, as a frame."""
    of = {(cell.setting, cell.images): cell for cell, _ in published_settings([question()])}
    return pd.DataFrame(
        [
            tiny.replication(
                of[setting, images], seed, accuracy, train=train, exact=seed == 10
            ).model_dump()
            for setting, images, seed, accuracy, train in rows
        ],
        columns=list(Replication.model_fields),
    )


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


# The search


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
    assert math.isnan(y.places[0])
    assert y.places[1] == 0
    assert "sgd" in texts(draw(plots.plot_parallel, plots.parallel_info(study)))
    empty = plots.parallel_info(plots.study_of(question(), trials(), "another"))
    assert empty.axes == ()
    assert texts(draw(plots.plot_parallel, empty)) == ["no data"]


def test_the_question_of_these_tests_is_valid():
    assert Question.model_validate(question().model_dump()) == question()
