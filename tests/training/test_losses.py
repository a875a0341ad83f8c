"""Numbers as targets: standardised by lane in training, in their own unit in every figure."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes

from ibsweep.models import build
from ibsweep.training import LaneData, Trainer, TrainingSettings

LANES, TRAIN, VALID = 2, 200, 100


def rows(first, count, dtype=torch.float64):
    x, y = (torch.tensor(array) for array in load_diabetes(return_X_y=True))
    x = x / x.std(0)
    lanes = [slice(first + 20 * lane, first + 20 * lane + count) for lane in range(LANES)]
    return LaneData(
        torch.stack([x[lane] for lane in lanes]).to(dtype),
        torch.stack([y[lane] for lane in lanes]).to(dtype) + 1e6,
    )


def trained(epochs=20, dtype=torch.float64, **settings):
    model = build("two_layer_mlp", [1, 2], num_classes=1, shape=(10,)).to(dtype)
    how = TrainingSettings(**({"lr": 0.01, "batch_size": 16} | settings))
    trainer = Trainer(model, how, rows(0, TRAIN, dtype), [3, 4])
    trainer.run_to(epochs)
    return trainer


def test_a_lane_ends_where_torch_takes_it_and_predicts_in_the_targets_unit():
    trainer, train, valid = trained(3), rows(0, TRAIN), rows(240, VALID)
    start = build("two_layer_mlp", [1, 2], num_classes=1, shape=(10,)).double()
    scores = trainer.evaluate(valid)
    assert scores.confusion is None
    for lane in range(LANES):
        plain = torch.nn.Sequential(
            torch.nn.Linear(10, 10), torch.nn.ReLU(), torch.nn.Linear(10, 1)
        ).double()
        plain.load_state_dict(
            dict(zip(plain.state_dict(), start.lane_state_dict(lane).values(), strict=True))
        )
        mean, std = train.targets[lane].mean(), train.targets[lane].std(correction=0)
        optimizer = torch.optim.SGD(plain.parameters(), lr=0.01, momentum=0.9)
        generator = torch.Generator().manual_seed(3 + lane)
        for _ in range(3):
            squares = []
            for batch in torch.randperm(TRAIN, generator=generator).split(16):
                found = plain(train.inputs[lane, batch]).squeeze(1)
                errors = found - (train.targets[lane, batch] - mean) / std
                optimizer.zero_grad()
                errors.square().mean().backward()
                optimizer.step()
                squares += (errors.detach() * std).square().tolist()
        predictions = plain(valid.inputs[lane]).squeeze(1) * std + mean
        torch.testing.assert_close(scores.outputs[lane], predictions.detach())
        expected = F.mse_loss(predictions, valid.targets[lane]).item()
        assert scores.loss[lane].item() == pytest.approx(expected)
        average = sum(squares) / len(squares)
        assert trainer.train_figures["loss"][lane].item() == pytest.approx(average)
        kept = trainer.loss.preprocessing(lane)
        assert kept == pytest.approx({"target_mean": mean.item(), "target_std": std.item()})


def test_it_learns_more_than_the_mean_in_float32():
    valid = rows(240, VALID, torch.float32)
    spread = valid.targets.double().var(1)
    assert (trained(dtype=torch.float32).evaluate(valid).loss < 0.7 * spread).all()


def test_a_lane_that_diverges_predicts_its_mean():
    trainer = trained(3, torch.float32, lr=[0.01, 1e30])
    train = rows(0, TRAIN, torch.float32)
    scores = trainer.evaluate(train)
    assert trainer.diverged[0] is None
    assert trainer.diverged[1] is not None
    mean = train.targets[1].double().mean()
    assert torch.allclose(scores.outputs[1], mean)
    assert scores.loss[0] < scores.loss[1] < float("inf")


def test_a_target_that_never_changes_is_learned_too():
    data = rows(0, TRAIN)
    constant = LaneData(data.inputs, torch.full_like(data.targets, 7.0))
    model = build("two_layer_mlp", [1, 2], num_classes=1, shape=(10,)).double()
    trainer = Trainer(model, TrainingSettings(0.05, 16), constant, [3, 4])
    trainer.run_to(10)
    assert trainer.evaluate(constant).loss.max() < 0.01
