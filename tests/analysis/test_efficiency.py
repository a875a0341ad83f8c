"""What images are worth: curves by hand, and images needed where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from confirmed import IMAGES, SEEDS, curve, frame, question, rows

from ibsweep.analysis import efficiency
from ibsweep.analysis.efficiency import (
    SizeEstimate,
    efficiency_curves,
    size_needed,
    size_to_match,
)
from ibsweep.analysis.statistics import mean_interval
from ibsweep.errors import InputError

QUESTION = question(("a", "b"))


def table_of(confirmations):
    return efficiency.test_figures(confirmations, "a", "test_accuracy")


def simulated(rng, arm="a", *, start=60.0, slope=6.0, noise=2.0, seeds=SEEDS):
    """Return rows of a curve that rises by ``slope`` points a doubling from 10 images on."""
    shared = rng.normal(0, noise, len(seeds))  # a replicate's data are good or bad at all numbers
    return curve(
        arm,
        IMAGES,
        [
            start + slope * np.log2(n / 10) + shared + rng.normal(0, 0.5, len(seeds))
            for n in IMAGES
        ],
        seeds=seeds,
    )


# Curves


def test_a_curve_is_the_best_configurations_by_images():
    confirmations = frame(
        rows("b", [80.0, 82.0, 87.0]),
        rows("a", [90.0, 91.0, 95.0], train_size=30),
        rows("a", [70.0, 72.0, 71.0]),
        rows("a", [99.0, 99.0, 99.0], trial=0, role="baseline"),
        rows("a", [98.0, 98.0, 98.0], trial=2, role="leader"),
    )
    first, second = efficiency_curves(QUESTION, confirmations)
    assert (first.arm, second.arm) == ("a", "b")
    assert first.sizes.tolist() == [10, 30]
    expected = [mean_interval([70.0, 72.0, 71.0]), mean_interval([90.0, 91.0, 95.0])]
    found = list(zip(first.mean, first.low, first.high, strict=True))
    assert found == [pytest.approx(tuple(interval)) for interval in expected]
    assert second.sizes.tolist() == [10]


def test_the_best_may_be_the_baseline():
    confirmations = rows("a", [90.0, 92.0], trial=0, role="best")
    assert efficiency_curves(QUESTION, confirmations)[0].mean.tolist() == [91]


def test_a_single_replicate_has_no_interval():
    (found,) = efficiency_curves(QUESTION, rows("a", [90.0]))
    assert found.mean.tolist() == [90]
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_no_rows_make_no_curve():
    empty = rows("a", [90.0]).iloc[:0]
    assert efficiency_curves(QUESTION, empty) == []
    assert table_of(empty).empty


def test_accuracies_are_a_table_of_seeds_and_images():
    table = table_of(frame(rows("a", [90.0, 92.0], train_size=30), rows("a", [70.0])))
    assert table.columns.tolist() == [10, 30]
    assert table.index.tolist() == [SEEDS[0], SEEDS[1]]
    assert table.loc[SEEDS[0]].tolist() == [70, 90]
    assert np.isnan(table.loc[SEEDS[1], 10])


# Images needed


def test_replicates_that_agree_leave_no_doubt():
    confirmations = curve("a", [10, 40, 160], [50.0, 80.0, 90.0])
    expected = SizeEstimate("a", 65.0, *[pytest.approx(20)] * 3)
    assert size_needed(QUESTION, confirmations, "a", 65.0) == expected
    assert size_needed(QUESTION, confirmations, "a", 30.0) == SizeEstimate("a", 30.0, 10, 10, 10)
    never = SizeEstimate("a", 95.0, np.inf, np.inf, np.inf)
    assert size_needed(QUESTION, confirmations, "a", 95.0) == never


def test_the_interval_ends_in_infinity_where_some_replicates_fall_short():
    found = size_needed(
        QUESTION,
        curve("a", [10, 40], [[50.0] * 8, [88.0, 95.0, 93.0, 89.0, 96.0, 92.0, 91.0, 94.0]]),
        "a",
        91.5,
    )
    assert found.size == pytest.approx(10 * 4 ** (41.5 / 42.25))
    assert found.low < found.size < found.high == np.inf


def test_the_interval_holds_the_true_number_about_as_often_as_it_says():
    rng, truth = np.random.default_rng(3), 10 * 2 ** (18 / 6)
    found = [size_needed(QUESTION, simulated(rng), "a", 78.0) for _ in range(100)]
    covered = np.mean([need.low <= truth <= need.high for need in found])
    assert 0.88 <= covered <= 0.99  # a standard error is 0.022
    assert np.median([need.size for need in found]) == pytest.approx(truth, rel=0.05)


def test_a_noisier_arm_has_a_wider_interval():
    calm, noisy = (
        size_needed(QUESTION, simulated(np.random.default_rng(5), noise=noise), "a", 78.0)
        for noise in (0.5, 4.0)
    )
    assert noisy.high / noisy.low > 1.5 * calm.high / calm.low


def test_a_replicate_that_lacks_a_number_is_left_out():
    confirmations = curve("a", [10, 40], [[50.0, 52.0, 54.0], [80.0, 82.0, 84.0]])
    torn = confirmations.iloc[:-1]
    whole = curve("a", [10, 40], [[50.0, 52.0], [80.0, 82.0]])
    assert size_needed(QUESTION, torn, "a", 65.0) == size_needed(QUESTION, whole, "a", 65.0)


def test_rows_of_two_sweeps_of_an_arm_are_not_pooled():
    confirmations = frame(
        curve("a", [10, 40], [50.0, 80.0]),
        curve("a", [10, 40], [60.0, 90.0]).assign(sweep="a-2"),
        curve("b", [10, 40], [50.0, 80.0]),
    )
    message = "a has rows of 2 sweeps, a-1, a-2; choose those of the current one: "
    for pool in (
        lambda: table_of(confirmations),
        lambda: efficiency_curves(QUESTION, confirmations),
        lambda: size_needed(QUESTION, confirmations, "a", 70.0),
        lambda: size_to_match(QUESTION, confirmations, "a", "b"),
        lambda: size_to_match(QUESTION, confirmations, "b", "a"),
    ):
        with pytest.raises(InputError, match=message):
            pool()
    assert size_needed(QUESTION, confirmations, "b", 65.0).size == pytest.approx(20)
    one = confirmations[confirmations["sweep"].isin(["a-2", "b-1"])]
    assert efficiency_curves(QUESTION, one)[0].mean.tolist() == [60, 90]


# Images to match another arm


def test_matching_takes_the_others_accuracy_at_its_own_number():
    confirmations = frame(
        curve("a", [10, 40, 160], [50.0, 80.0, 90.0]), curve("b", [10, 40], [65.0, 99.0])
    )
    expected = SizeEstimate("a", 65.0, *[pytest.approx(20)] * 3, matches="b")
    assert size_to_match(QUESTION, confirmations, "a", "b") == expected


def test_what_the_replicates_share_narrows_the_interval():
    rng = np.random.default_rng(1)
    a = simulated(rng, noise=4.0)
    own = a[a["train_size"] == 10]["test_accuracy"].to_numpy()
    confirmations = frame(a, rows("b", own + 12.0))
    paired = size_to_match(QUESTION, confirmations, "a", "b")
    fixed = size_needed(QUESTION, confirmations, "a", paired.target)
    assert paired.target == pytest.approx(own.mean() + 12)
    assert paired.size == pytest.approx(fixed.size)
    assert paired.high / paired.low < 1.2
    assert fixed.high / fixed.low > 1.6


def test_only_common_replicates_count():
    confirmations = frame(
        curve("a", [10, 40], [[50.0, 52.0, 10.0], [80.0, 82.0, 20.0]]),
        rows("b", [60.0, 62.0, 99.0], seeds=[*SEEDS[:2], 7]),
    )
    found = size_to_match(QUESTION, confirmations, "a", "b")
    assert found.target == 61
    assert found.size == pytest.approx(10 * 4 ** (10 / 30))


# What is missing


@pytest.mark.parametrize(
    ("confirmations", "arm", "message"),
    [
        (rows("a", [90.0] * 8), "c", "'c' is no arm; known are a, b"),
        (rows("a", [90.0] * 8), "b", "b has no confirmed sweep; run `ibsweep tune b`"),
        (
            rows("a", [90.0] * 8),
            "a",
            "a was trained at one training-set size alone, 10; run `ibsweep efficiency tiny`",
        ),
        (
            curve("a", [10, 40], [[50.0], [80.0]]),
            "a",
            "fewer than two replicates of a were trained at every training-set size; "
            "run `ibsweep efficiency tiny`",
        ),
    ],
)
def test_what_is_missing_is_said_with_what_to_run(confirmations, arm, message):
    with pytest.raises(InputError) as raised:
        size_needed(QUESTION, confirmations, arm, 80.0)
    assert str(raised.value) == message


def test_matching_needs_the_other_arm_and_common_replicates():
    a = curve("a", [10, 40], [50.0, 80.0])
    with pytest.raises(InputError, match="b has no confirmed sweep; run `ibsweep tune b`"):
        size_to_match(QUESTION, a, "a", "b")
    with pytest.raises(InputError, match="b has no confirmed sweep"):
        size_to_match(QUESTION, frame(a, rows("b", 70.0, train_size=30)), "a", "b")
    with pytest.raises(InputError, match="fewer than two replicates; `ibsweep tune a b` gives"):
        size_to_match(QUESTION, frame(a, rows("b", 70.0, seeds=range(8))), "a", "b")


def test_runs_that_fail_are_counted_and_not_averaged():
    accuracies = [[90.0, 92.0, 33.3], [96.0, 97.0, 98.0]]
    confirmations = curve("a", (10, 30), accuracies)
    confirmations["trained"] = confirmations["test_accuracy"] > 50
    (found,) = efficiency_curves(QUESTION, confirmations)
    assert found.mean.tolist() == [91, 97]
    assert found.trained.tolist() == [2, 3]
    assert found.runs.tolist() == [3, 3]
    needed = size_needed(QUESTION, confirmations, "a", 94.0)
    assert 10 < needed.size < 30
    confirmations["trained"] = confirmations["test_accuracy"] > 95
    (found,) = efficiency_curves(QUESTION, confirmations)
    assert np.isnan(found.mean[0])
    assert found.trained.tolist() == [0, 3]
    with pytest.raises(InputError, match="fewer than two runs of a train at some"):
        size_needed(QUESTION, confirmations, "a", 94.0)
