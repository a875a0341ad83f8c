"""The training loop: the order of lanes, divergence, evaluation.

``tests/contracts`` holds every model to torch.optim, alone and in company, and restores its runs.
"""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from oracles import CASES

from ibsweep.models import build
from ibsweep.training import OPTIMIZERS, LaneData, Trainer, TrainingSettings

LANES = 3
SEEDS = [10, 11, 12]


def data(lanes=LANES, count=14, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return LaneData(
        torch.rand(lanes, count, 1, 28, 28, generator=generator).to(dtype),
        torch.randint(5, (lanes, count), generator=generator),
    )


def make(case="wider", settings=None, train=None, lanes=range(LANES), dtype=torch.float64):
    name, options, _ = CASES[case]
    settings = settings or TrainingSettings(lr=0.05, batch_size=4)
    train = train or data(dtype=dtype)
    model = build(name, [SEEDS[i] for i in lanes], num_classes=5, **options).to(dtype)
    train = train.of(lanes)
    return Trainer(model, settings, train, [100 + i for i in lanes])


def test_the_order_of_lanes_does_not_matter():
    forward, backward = make(), make(lanes=[2, 1, 0])
    forward.run_to(2)
    backward.run_to(2)
    for lane in range(LANES):
        a, b = forward.model.lane_state_dict(lane), backward.model.lane_state_dict(2 - lane)
        for key in a:
            torch.testing.assert_close(a[key], b[key])


def test_same_seed_same_curve_bit_for_bit():
    curves = []
    for _ in range(2):
        trainer, curve = make(dtype=torch.float32), []
        for _ in range(4):
            trainer.run_epoch()
            curve.append([values.tolist() for values in trainer.train_figures.values()])
        curves.append((curve, trainer.evaluate(data(seed=5, dtype=torch.float32)).loss.tolist()))
    assert curves[0] == curves[1]


@pytest.mark.parametrize("case", ["wider", "simple-average", "three-layer-mlp"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_diverging_lane_is_retired_and_the_others_go_on(case, optimizer):
    settings = TrainingSettings([0.01, 3e38, 0.01], 4, optimizer)
    trainer = make(case, settings, dtype=torch.float32)
    trainer.run_to(3)
    scores = trainer.evaluate(data(count=50, seed=3, dtype=torch.float32))
    assert trainer.diverged[0] is trainer.diverged[2] is None
    assert trainer.diverged[1] in (1, 2)
    assert scores.loss[1].item() == pytest.approx(math.log(5))
    for lane in (0, 2):
        alone = make(case, TrainingSettings(0.01, 4, optimizer), lanes=[lane], dtype=torch.float32)
        alone.run_to(3)
        mine, expected = trainer.model.lane_state_dict(lane), alone.model.lane_state_dict(0)
        for key in expected:
            torch.testing.assert_close(mine[key], expected[key], rtol=1e-3, atol=1e-5)


def test_a_retired_lane_scores_at_chance_on_balanced_labels():
    trainer = make(settings=TrainingSettings(3e38, 4), dtype=torch.float32)
    trainer.run_to(9)
    assert trainer.all_diverged
    assert trainer.epoch < 9, "nothing is left to train"
    balanced = LaneData(data(count=10).inputs.float(), torch.arange(5).repeat(LANES, 2))
    assert trainer.evaluate(balanced).figures["accuracy"].tolist() == [20.0] * LANES


def test_weights_that_break_in_the_last_step_are_seen_by_the_evaluation():
    trainer = make(dtype=torch.float32)
    trainer.run_to(1)
    with torch.no_grad():
        trainer.parameters[0][2, 0] = float("inf")
    scores = trainer.evaluate(data(dtype=torch.float32))
    assert trainer.diverged == [None, None, 1]
    assert scores.loss.isfinite().all()


def test_evaluation_against_the_ordinary_module(monkeypatch):
    trainer = make()
    trainer.run_to(1)
    held = data(count=37, seed=9)
    whole = trainer.evaluate(held)
    monkeypatch.setattr("ibsweep.training.loop._PASS_EXAMPLES", 20)  # several passes
    for scores in (whole, trainer.evaluate(held)):
        for lane in range(LANES):
            plain = CASES["wider"][2]().double()
            plain.load_state_dict(trainer.model.lane_state_dict(lane))
            logits = plain(held.inputs[lane])
            predicted, labels = logits.argmax(1), held.targets[lane]
            confusion = torch.zeros(5, 5, dtype=torch.int64)
            for t, p in zip(labels, predicted, strict=True):
                confusion[t, p] += 1
            assert torch.equal(scores.confusion[lane], confusion)
            assert scores.figures["accuracy"][lane].item() == pytest.approx(
                100 * (predicted == labels).double().mean().item()
            )
            expected = F.cross_entropy(logits, labels).item()
            assert scores.loss[lane].item() == pytest.approx(expected)


def test_evaluation_does_not_change_the_run():
    plain, watched = make(dtype=torch.float32), make(dtype=torch.float32)
    for _ in range(3):
        plain.run_epoch()
        watched.run_epoch()
        watched.evaluate(data(dtype=torch.float32))
    for a, b in zip(plain.parameters, watched.parameters, strict=True):
        assert torch.equal(a, b)
