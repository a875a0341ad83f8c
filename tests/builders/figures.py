"""Figures in tests: drawn, saved and read again, and frames to draw them from."""

from __future__ import annotations

import io
import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import tiny
from matplotlib.figure import Figure

from ibsweep.analysis.efficiency import Efficiency
from ibsweep.questions.schema import PublishedFigure as Published
from ibsweep.questions.schema import Variant

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
        published=(
            Published(train_size=10, column="valid_accuracy", value=77.0),
            Published(train_size=30, column="valid_accuracy", value=90.0),
        ),
        variants={
            "slow": Variant(
                title="slow",
                changes={"lr": 0.001},
                published=(Published(train_size=10, column="train_accuracy", value=100.0),),
            )
        },
    )
    arms = {"tiny_cnn": cnn, "tiny_mlp": tiny.arm(name="tiny_mlp")}
    data = {**tiny.question().data, "split": {"train": [10, 30], "valid": 20, "test": 50}}
    return tiny.question().model_copy(update={"arms": arms, "data": data})


def luminance(colour):
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


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


def curve(arm, *, holes=()):
    images = np.array([10, 30, 100, 500])
    mean = np.array([50.0, 80.0, 95.0, 99.0])
    mean[list(holes)] = NAN
    eight = np.full(4, 8)
    return Efficiency(arm, images, mean, mean - 5, np.minimum(mean + 5, 100), eight, eight)
