"""Where curves first reach a figure."""

from __future__ import annotations

import numpy as np
import pytest

from ibsweep.analysis.statistics import sizes_to_reach


def test_a_size_to_reach_less_is_found_by_the_sign():
    falling = [[8.0, 4.0, 2.0], [8.0, 7.0, 6.0], [3.0, 2.0, 1.0]]
    found = sizes_to_reach([10, 20, 40], falling, 4.0, sign=-1)
    assert found.tolist() == [20, np.inf, 10]
    rising = sizes_to_reach([10, 20, 40], -np.array(falling), -4.0)
    assert rising.tolist() == found.tolist()


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (40, 10),  # there already
        (50, 10),
        (65, 20),  # half way from 10 to 40, in doublings
        (80, 40),
        (85, 80),
        (90, 160),
        (90.1, np.inf),
    ],
)
def test_the_images_to_reach_an_accuracy(percent, expected):
    images, accuracies = [10, 40, 160], [50.0, 80.0, 90.0]
    assert sizes_to_reach(images, [accuracies], percent) == pytest.approx(expected)
    assert sizes_to_reach(images[::-1], [accuracies[::-1]], percent) == pytest.approx(expected)


def test_a_curve_that_falls_again_has_reached_it_at_the_first_crossing():
    assert sizes_to_reach([10, 20, 40, 80], [[50, 90, 60, 95]], 90) == 20
    assert sizes_to_reach([10, 20, 40, 80], [[90, 60, 50, 95]], 80) == 10


def test_the_numbers_themselves_come_back_exactly():
    images = [10, 30, 50, 100, 200, 300, 500]
    rising = np.linspace(40, 100, 7)
    found = [sizes_to_reach(images, [rising], percent).item() for percent in rising]
    assert found == images
    assert sizes_to_reach([30], [[95.0]], 95.0) == 30


def test_many_curves_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    images, curves = [10, 30, 100], np.sort(rng.uniform(50, 100, (50, 3)))
    targets = rng.uniform(50, 100, 50)
    expected = [
        sizes_to_reach(images, [c], t).item() for c, t in zip(curves, targets, strict=True)
    ]
    assert sizes_to_reach(images, curves, targets).tolist() == expected
    assert 0 < np.isinf(expected).sum() < 50


@pytest.mark.parametrize(("images", "curves"), [([], [[]]), ([10, 30], [[1.0]]), ([10], [1.0])])
def test_curves_must_fit_their_images(images, curves):
    with pytest.raises(ValueError, match="must be"):
        sizes_to_reach(images, curves, 90)


def test_rounding_in_binary_is_no_distance():
    assert sizes_to_reach([10, 30], [[95 - 1e-13, 99.0]], 95.0) == 10
