"""The look that all figures share."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import pytest
from figures import curve, draw, luminance, question, trials

from ibsweep.analysis import plots
from ibsweep.analysis.plots.style import spread_apart


def test_the_first_mlp_is_orange_and_the_first_other_blue():
    one = plots.arm_colours({"q2_cnn": "cnn", "q2_mlp": "mlp", "q2_edge_init": "cnn"})
    other = plots.arm_colours({"q9_mlp": "mlp", "q9_cnn": "cnn", "q9_wide": "mlp"})
    assert one["q2_mlp"] == other["q9_mlp"]
    assert one["q2_cnn"] == other["q9_cnn"]
    assert len(set(one.values())) == 3
    assert len(set(other.values())) == 3
    assert len(plots.arm_colours({f"arm{i}": "cnn" for i in range(20)})) == 20


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
    moved = spread_apart(places, 2, high)
    assert moved == expected
    assert all(b - a >= 2 for a, b in pairwise(moved))


def test_drawing_leaves_matplotlibs_settings_alone():
    mpl.use("Agg")
    before = mpl.rcParams.copy()
    draw(plots.plot_history, plots.history_info(trials(), "sweep"))
    draw(plots.plot_efficiency, plots.efficiency_info(question(), [curve("tiny_cnn")]))
    assert mpl.rcParams == before
