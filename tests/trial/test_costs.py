"""Costs of a trial: what is measured of its model and its training."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import tiny
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ibsweep.models import build
from ibsweep.models.settings import resolve
from ibsweep.training import LaneData
from ibsweep.trial.costs import step_flops
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

COSTS = ("parameters", "seconds", "epochs", "flops")


def plan(model="two_layer_mlp", **changes):
    config = {"lr": 0.05, "epochs": 4, "batch_size": 8} | changes
    settings = resolve(model, {}, config)
    metrics = ("accuracy", *COSTS)
    data = tiny.question().data
    return TrialPlan(0, model, data, 10, settings, (10, 11), (2,), metrics=metrics)


def test_they_are_recorded_beside_the_metrics():
    run = TrialRun(plan())
    first, last = run.advance(), run.complete()
    for curve, epochs in ((first, 2), (last, 4)):
        for replicate in curve.replicates:
            assert set(replicate.valid) == {"accuracy", "loss", *COSTS}
            assert replicate.valid["parameters"] == 784 * 10 + 10 + 10 * 3 + 3
            assert replicate.valid["epochs"] == epochs
            # forward and weights of both layers, and the gradient between them
            assert replicate.valid["flops"] == 2 * 8 * (2 * 784 * 10 + 3 * 10 * 3)
    seconds = [curve.replicates[0].valid["seconds"] for curve in (first, last)]
    assert 0 < seconds[0] < seconds[1] <= run.seconds / 2
    test = run.score("test").figures
    assert test["parameters"].tolist() == [last.replicates[0].valid["parameters"]] * 2


def test_they_change_nothing_and_a_restored_run_goes_on_counting():
    plain = TrialRun(replace(plan(), metrics=("accuracy",))).complete()
    first, second = TrialRun(plan()), TrialRun(plan())
    first.advance()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    last = second.complete()
    for one, other in zip(plain.replicates, last.replicates, strict=True):
        assert one.valid == {name: other.valid[name] for name in one.valid}
        assert one.train == {name: other.train[name] for name in one.train}
        assert other.valid["epochs"] == 4
        assert other.valid["seconds"] * 2 > first.seconds


def test_a_lane_that_diverges_stops_counting_epochs():
    run = TrialRun(plan(lr=1e30))
    run.complete()
    assert run.score("valid").figures["epochs"].tolist() == run.trainer.diverged


@pytest.mark.parametrize("batch_size", [8, 500])
def test_a_step_costs_what_the_ordinary_module_costs(batch_size):
    model = build("two_layer_mlp", [0], num_classes=3, shape=(6,))
    data = LaneData(torch.rand(1, 30, 6), torch.zeros(1, 30, dtype=torch.int64))
    module = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 3))
    with FlopCounterMode(display=False) as counter:
        module(data.inputs[0, :batch_size]).sum().backward()
    assert step_flops(model, data, batch_size) == counter.get_total_flops() > 0
