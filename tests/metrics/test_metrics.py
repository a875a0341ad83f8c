"""Every metric against scikit-learn's, over random lanes and those where it is degenerate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as reference
import torch

from ibsweep.metrics import METRICS, format_figure


def lanes_of_classes(kind, classes):
    """Logits ``[L, N, K]`` and labels ``[L, N]``; the lanes differ in how good they are."""
    generator = torch.Generator().manual_seed(classes)
    labels = torch.randint(classes, (6, 40), generator=generator)
    if kind == "absent classes":
        labels %= classes - 1
        labels[5] = 0
    logits = torch.randn(6, 40, classes, generator=generator)
    logits += torch.arange(6).view(6, 1, 1) * torch.nn.functional.one_hot(labels, classes) / 2
    if kind == "ties":
        logits = logits.round()
    if kind == "all zero":
        logits[:] = 0
    return logits, labels


def by_scikit_learn(name, logits, labels):
    classes = range(logits.shape[1])
    shares = logits.double().softmax(1).numpy()
    labels, predicted = labels.numpy(), logits.argmax(1).numpy()
    if name == "accuracy":
        return 100 * reference.accuracy_score(labels, predicted)
    if name == "balanced_accuracy":
        return 100 * reference.balanced_accuracy_score(labels, predicted)
    if name == "macro_f1":
        return reference.f1_score(labels, predicted, average="macro", zero_division=0)
    if name == "cross_entropy":
        return reference.log_loss(labels, shares, labels=list(classes))
    assert name == "roc_auc"
    some = [k for k in classes if 0 < (labels == k).sum() < len(labels)]
    areas = [reference.roc_auc_score(labels == k, shares[:, k]) for k in some]
    return np.mean(areas) if areas else math.nan


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("kind", ["usual", "absent classes", "ties", "all zero"])
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("name", [n for n, m in METRICS.items() if m.target == "classes"])
def test_of_classes(name, classes, kind):
    if kind == "absent classes" and classes == 2:
        kind = "usual"
    logits, labels = lanes_of_classes(kind, classes)
    found = METRICS[name].compute(logits, labels)
    expected = [by_scikit_learn(name, *lane) for lane in zip(logits, labels, strict=True)]
    assert found.numpy() == pytest.approx(np.array(expected), rel=1e-6, nan_ok=True)


def test_the_area_of_two_and_more_classes_is_scikit_learns():
    logits, labels = lanes_of_classes("usual", 2)
    shares = logits.double().softmax(2).numpy()
    expected = [reference.roc_auc_score(a, b[:, 1]) for a, b in zip(labels, shares, strict=True)]
    assert METRICS["roc_auc"].compute(logits, labels).numpy() == pytest.approx(expected)
    logits, labels = lanes_of_classes("usual", 4)
    shares = logits.double().softmax(2).numpy()
    expected = [
        reference.roc_auc_score(a, b, multi_class="ovr")
        for a, b in zip(labels, shares, strict=True)
    ]
    assert METRICS["roc_auc"].compute(logits, labels).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["usual", "constant", "constant and met", "far from zero"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", reference.root_mean_squared_error),
        ("mae", reference.mean_absolute_error),
        ("r2", reference.r2_score),
    ],
)
def test_of_numbers(name, expected, kind):
    generator = torch.Generator().manual_seed(1)
    targets = 30 * torch.randn(4, 25, generator=generator)
    if kind.startswith("constant"):
        targets = torch.tensor([3.1, -0.7, 0.0, 1e6]).view(4, 1).repeat(1, 25)
    if kind == "far from zero":
        targets += 1e6
    numbers = targets + torch.randn(4, 25, generator=generator)
    if kind == "constant and met":
        numbers = targets.clone()
    found = METRICS[name].compute(numbers, targets)
    wanted = [
        expected(a.double().numpy(), b.double().numpy())
        for a, b in zip(targets, numbers, strict=True)
    ]
    assert found.numpy() == pytest.approx(np.array(wanted), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "bounds", "signed", "text"),
    [
        (97.2, "%", (0, 100), False, "97.20 %"),
        (1.25, "%", (0, 100), True, "+1.25 points"),
        (None, "%", (0, 100), False, "-"),
        (math.nan, "", (None, 1), False, "-"),
        (0.98765, "", (0, 1), False, "0.9877"),
        (54.321, "", (0, None), False, "54.32"),
        (123456.7, "", (0, None), False, "123457"),
        (-0.012346, "nats", (0, None), True, "-0.01235 nats"),
        (3.2e-9, "", (0, None), False, "3.200e-09"),
        (0.0, "", (0, None), False, "0.000"),
        (math.inf, "", (0, None), False, "inf"),
    ],
)
def test_a_figure_as_people_read_it(value, unit, bounds, signed, text):
    assert format_figure(value, unit, *bounds, signed=signed) == text
