"""Costs of a trial: what is measured of its model and its training."""

from __future__ import annotations

import io
from dataclasses import replace

import tiny
import torch
from torch import nn

from ibsweep.models import build
from ibsweep.models.own import own_model
from ibsweep.models.settings import resolve
from ibsweep.trial.costs import step_flops
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

COSTS = ("parameters", "seconds", "epochs", "flops", "training_examples", "image_epochs")


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
            assert replicate.valid["training_examples"] == 3 * 10
            assert replicate.valid["image_epochs"] == 3 * 10 * epochs
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


def test_a_step_costs_what_the_ordinary_module_costs():
    model = build("two_layer_mlp", [0], num_classes=3, shape=(6,))
    module = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 3))
    inputs = torch.rand(1, 8, 6)
    assert step_flops(model, inputs) == step_flops(module, inputs[0]) > 0


NET = """
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

class Net(nn.Sequential):
    def __init__(self, inputs, outputs, hidden: int = 8):
        super().__init__(
            spectral_norm(nn.Linear(inputs[0], hidden)), nn.Dropout(0.5),
            nn.BatchNorm1d(hidden), nn.Linear(hidden, outputs),
        )
"""


def test_a_module_of_ones_own_costs_what_it_costs_alone(tmp_path):
    """A batch that no training set fills is what there is of it."""
    (tmp_path / "net.py").write_text(NET)
    data = {"from": "sklearn.datasets:load_diabetes", "split": {"train": 20}}
    own = {"folder": str(tmp_path), "model": own_model("net.py:Net", tmp_path).schema()}
    config = {"lr": 0.01, "epochs": 1, "batch_size": 500}
    settings = resolve("net.py:Net", {}, config, own["model"])
    metrics = ("rmse", "flops", "parameters")
    asked = TrialPlan(0, "net.py:Net", data, 20, settings, (10, 11), metrics=metrics, own=own)
    before = torch.get_rng_state()
    last = TrialRun(asked).complete()
    assert torch.equal(torch.get_rng_state(), before)
    valid = last.replicates[1].valid
    assert valid["parameters"] == 10 * 8 + 8 + 2 * 8 + 8 + 1
    module = own_model("net.py:Net", tmp_path).module((10,), 1, {"hidden": 8})
    assert valid["flops"] == step_flops(module, torch.rand(20, 10)) > 2 * 2 * 20 * 10 * 8
