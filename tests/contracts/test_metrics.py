"""What every metric keeps to: lanes by themselves, its direction, its bounds."""

from __future__ import annotations

import pytest
import torch

from ibsweep.metrics import METRICS
from ibsweep.questions.schema import Objective

MEASURES = [name for name, metric in METRICS.items() if not metric.cost]


def lanes(metric, noise):
    """Outputs and targets of three lanes; the predictions are as good as the noise is small."""
    generator = torch.Generator().manual_seed(3)
    if metric.target == "number":
        targets = 5 * torch.randn(3, 60, generator=generator)
        return targets + noise * torch.randn(3, 60, generator=generator), targets
    targets = torch.randint(4, (3, 60), generator=generator)
    logits = 4.0 * torch.nn.functional.one_hot(targets, 4)
    return logits + noise * torch.randn(3, 60, 4, generator=generator), targets


@pytest.mark.parametrize("name", MEASURES)
def test_a_lane_alone_is_as_in_company(name):
    outputs, targets = lanes(METRICS[name], 3.0)
    together = METRICS[name].compute(outputs, targets)
    alone = [METRICS[name].compute(outputs[i : i + 1], targets[i : i + 1]) for i in range(3)]
    assert together.shape == (3,)
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("name", MEASURES)
def test_better_predictions_rank_better(name):
    metric = METRICS[name]
    found = [metric.compute(*lanes(metric, noise)) for noise in (0.1, 2.0, 20.0)]
    sign = Objective.model_validate(name).sign
    assert (sign * found[0] > sign * found[1]).all()
    assert (sign * found[1] > sign * found[2]).all()


@pytest.mark.parametrize("name", MEASURES)
def test_bounds_hold(name):
    metric = METRICS[name]
    for noise in (0.0, 1.0, 1000.0):
        found = metric.compute(*lanes(metric, noise))
        assert metric.low is None or (found >= metric.low).all()
        assert metric.high is None or (found <= metric.high + 1e-9).all()
    assert metric.name == name


@pytest.mark.parametrize("name", MEASURES)
def test_a_model_of_zeros_has_a_figure(name):
    """It is what a diverged lane is scored as."""
    outputs, targets = lanes(METRICS[name], 1.0)
    assert torch.isfinite(METRICS[name].compute(torch.zeros_like(outputs), targets)).all()


@pytest.mark.parametrize("name", [name for name in METRICS if name not in MEASURES])
def test_a_cost_is_the_better_the_less(name):
    metric = METRICS[name]
    assert (metric.name, metric.direction, metric.low, metric.target) == (
        name,
        "minimize",
        0.0,
        "any",
    )
    assert metric.compute is None
