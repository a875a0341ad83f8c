"""Metrics by name or reference: what fits a target, and functions of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ibsweep.errors import InputError
from ibsweep.metrics.own import figure_functions

CODE = """
def profit(outputs, targets):
    assert abs(outputs.sum(1) - 1).max() < 1e-9
    return 10 * (outputs.argmax(1) == targets).mean()

def words(outputs, targets):
    return "good"

def by_example(outputs, targets):
    return outputs

def broken(outputs, targets):
    return 1 / 0

limit = 3
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


def test_one_of_ones_own_gets_probabilities_of_one_lane(folder):
    found = figure_functions(["mine.py:profit", "accuracy"], classes=True, folder=folder)
    logits = torch.tensor([[[2.0, 0], [0, 1]], [[0, 5.0], [1, 0]]])
    labels = torch.tensor([[0, 1], [0, 1]])
    assert list(found) == ["profit", "accuracy"]
    assert found["profit"](logits, labels).tolist() == [10, 0]


def test_scikit_learns_functions_can_be_named():
    key = "sklearn.metrics:median_absolute_error"
    (compute,) = figure_functions([key], classes=False).values()
    numbers = torch.tensor([[1.0, 2, 9]])
    assert compute(numbers, torch.zeros(1, 3)).tolist() == [np.median([1, 2, 9])]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("words", r"mine\.py:words must return a number, but returned 'good'"),
        ("by_example", r"mine\.py:by_example must return a number, but returned array"),
        ("broken", r"mine\.py:broken failed: ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_number_is_one_error(folder, name, said):
    (compute,) = figure_functions([f"mine.py:{name}"], classes=True, folder=folder).values()
    with pytest.raises(InputError, match=said):
        compute(torch.zeros(1, 4, 2), torch.zeros(1, 4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("key", "classes", "said"),
    [
        ("rmse", True, "rmse is a metric of number, but the target is classes"),
        ("accuracy", False, "accuracy is a metric of classes, but the target is a number"),
        ("acuracy", True, "'acuracy' is no metric; there are accuracy, "),
    ],
)
def test_what_does_not_fit_is_refused(key, classes, said):
    with pytest.raises(InputError, match=said):
        figure_functions([key], classes=classes)


def test_what_is_no_function_is_refused(folder):
    with pytest.raises(InputError, match=r"mine\.py:limit must be a function"):
        figure_functions(["mine.py:limit"], classes=True, folder=folder)
