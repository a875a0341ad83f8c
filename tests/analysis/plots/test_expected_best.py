"""What n trials of a sweep come to, from the frame of its trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figures import NAN, draw, texts, trials

from ibsweep.analysis import plots
from ibsweep.analysis.statistics import Interval, best_of


def test_the_trials_of_the_sampler_in_random_order_and_as_they_came():
    info = plots.expected_best_info(trials(), "sweep")
    expected = best_of([95.0, 60.0, 80.0], [False, True, True], failed=1)
    for found, wanted in zip(info.expected, expected, strict=True):
        assert found.tolist() == wanted.tolist()
    assert info.observed.tolist() == pytest.approx([NAN, NAN, 60, 80], nan_ok=True)
    assert info.baseline == 70
    drawn = texts(draw(plots.plot_expected_best, info))
    assert {"random order", "as they came", "baseline", "trials of the sampler"} <= set(drawn)
    assert "best validation accuracy, %" in drawn


def test_less_is_better_where_the_metric_says_so():
    rows = [(0, "tpe", "COMPLETE", 3.0), (1, "tpe", "COMPLETE", 1.0), (2, "tpe", "COMPLETE", 2.0)]
    frame = trials(*rows).rename(columns={"valid_accuracy": "valid_rmse"})
    info = plots.expected_best_info(frame, "sweep", "rmse")
    assert info.expected.mean.tolist() == pytest.approx([2, 4 / 3, 1])
    assert info.observed.tolist() == [3, 1, 1]
    assert info.baseline is None
    drawn = texts(draw(plots.plot_expected_best, info))
    assert "as they came" in drawn
    assert "baseline" not in drawn


def test_the_order_of_rows_and_other_sweeps_do_not_matter():
    frame = trials()
    other = frame.assign(sweep="other", valid_accuracy=1.0)
    mixed = plots.expected_best_info(pd.concat([other, frame.iloc[::-1]]), "sweep")
    plain = plots.expected_best_info(frame, "sweep")
    assert mixed.expected.mean.tolist() == plain.expected.mean.tolist()
    np.testing.assert_equal(mixed.observed, plain.observed)


def test_what_earlier_sweeps_found_took_no_trial_to_find():
    rows = [(i, "tpe", "COMPLETE", value) for i, value in enumerate([60.0, 80.0])]
    plain = plots.expected_best_info(trials(*rows), "sweep")
    warm = plots.expected_best_info(trials(*rows, (2, "earlier", "COMPLETE", 99.0)), "sweep")
    assert warm.expected.mean.tolist() == plain.expected.mean.tolist() == [70, 80]
    assert warm.observed.tolist() == [60, 80]


@pytest.mark.parametrize(
    "rows",
    [
        [(0, "baseline", "COMPLETE", 70.0)],
        [(0, "baseline", "COMPLETE", 70.0), (1, "tpe", "COMPLETE", 80.0)],
        [(0, "tpe", "PRUNED", 70.0), (1, "tpe", "PRUNED", 80.0)],
        [(0, "tpe", "COMPLETE", 70.0), (1, "tpe", "FAIL", NAN)],
    ],
)
def test_too_few_trials_say_so(rows):
    info = plots.expected_best_info(trials(*rows), "sweep")
    assert info.expected is None
    assert texts(draw(plots.plot_expected_best, info)) == ["too few trials to tell"]
    nothing = plots.expected_best_info(trials(*rows), "another")
    assert nothing.expected is None
    assert nothing.observed.size == 0


def test_whether_more_trials_would_have_paid_is_told_by_the_second_half():
    """Of draws from a wide range more would still find better ones; of equal ones, none would."""
    wide = [(i, "tpe", "COMPLETE", float(40 + 3 * i)) for i in range(16)]
    score = Interval(80.0, 79.0, 81.0)
    text = plots.expected_best_info(trials(*wide), "sweep").would_more_pay(score)
    assert text == (
        "8 of the sampler's 16 trials would have come to 82.33 % on average, 2.67 points short of "
        "all; 16 more random ones would add 5.33 points at most, and the best's score is known to "
        "1.00 points: more may well have paid"
    )
    flat = [(i, "tpe", "COMPLETE", 90.0 + 0.01 * (i % 3)) for i in range(16)]
    text = plots.expected_best_info(trials(*flat), "sweep").would_more_pay(score)
    assert text.endswith(
        "less than the 1.00 points to which the best's score is known: hardly worth it"
    )
    assert plots.expected_best_info(trials(*wide[:7]), "sweep").would_more_pay(score) == ""


def test_as_many_draws_again_add_no_more_than_is_said():
    """By the expected best of independent draws, which is known for a uniform and a skewed law."""
    rng = np.random.default_rng(0)
    for draw_figures in (lambda n: rng.uniform(0, 100, n), lambda n: 100 * rng.beta(5, 0.5, n)):
        said, gained = [], []
        for _ in range(300):
            figures = draw_figures(40)
            expected = best_of(figures[:20])
            said.append(2 * (expected.mean[-1] - expected.mean[9]))
            gained.append(figures.max() - figures[:20].max())
        assert np.mean(gained) <= np.mean(said) + 0.1
