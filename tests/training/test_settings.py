"""Schedules, clipping, smoothing, Nesterov and betas, each against torch's own."""

from __future__ import annotations

import io

import pytest
import torch
from oracles import CASES
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

from ibsweep.models import build
from ibsweep.training import LaneData, Trainer, TrainingSettings

LANES, COUNT, EPOCHS, BATCH = 3, 14, 5, 4
STEPS = 4
LR = [0.05, 0.02, 0.01]


def data(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(LANES, COUNT, 1, 28, 28, generator=generator).to(dtype)
    return LaneData(images, torch.randint(5, (LANES, COUNT), generator=generator))


def make(dtype=torch.float64, case="three-layer-mlp", **settings):
    name, options, _ = CASES[case]
    model = build(name, [10, 11, 12], num_classes=5, **options).to(dtype)
    how = TrainingSettings(**({"lr": LR, "batch_size": BATCH, "epochs": EPOCHS} | settings))
    return Trainer(model, how, data(dtype), [100, 101, 102])


def by_torch(
    start, lane, epochs, optimizer, scheduler=None, *, by_step=False, smoothing=0, clip=0
):
    """Train an ordinary module as a user of torch does."""
    train = data()
    plain = CASES["three-layer-mlp"][2]().double()
    plain.load_state_dict(start)
    optimizer = optimizer(plain.parameters())
    scheduler = scheduler and scheduler(optimizer)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)
    generator = torch.Generator().manual_seed(100 + lane)
    for _ in range(epochs):
        for batch in torch.randperm(COUNT, generator=generator).split(BATCH):
            optimizer.zero_grad()
            criterion(plain(train.inputs[lane, batch]), train.targets[lane, batch]).backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(plain.parameters(), clip)
            optimizer.step()
            if scheduler and by_step:
                scheduler.step()
        if scheduler and not by_step:
            scheduler.step()
    return plain.state_dict()


def assert_torchs(trainer, epochs, optimizer, scheduler=None, **how):
    """Compare every lane; what is given of torch takes the number of the lane first."""
    start = [trainer.model.lane_state_dict(lane) for lane in range(LANES)]
    trainer.run_to(epochs)
    for lane in range(LANES):
        own = {
            key: value[lane] if isinstance(value, list) else value for key, value in how.items()
        }
        expected = by_torch(
            start[lane],
            lane,
            epochs,
            lambda parameters, lane=lane: optimizer(parameters, lane),
            scheduler and (lambda o, lane=lane: scheduler(o, lane)),
            **own,
        )
        found = trainer.model.lane_state_dict(lane)
        assert any(not torch.equal(found[key], start[lane][key]) for key in found)
        for key in expected:
            torch.testing.assert_close(found[key], expected[key], rtol=1e-9, atol=1e-11)


def sgd(parameters, lane):
    return torch.optim.SGD(parameters, lr=LR[lane], momentum=0.9)


def warm(optimizer, epochs, main):
    start = LinearLR(optimizer, start_factor=1 / (epochs + 1), total_iters=epochs)
    return SequentialLR(optimizer, [start, main], [epochs])


GAMMA = [0.5, 0.1, 0.9]
SCHEDULES = {
    "cosine": ({"schedule": "cosine"}, lambda o, _: CosineAnnealingLR(o, EPOCHS), False),
    "step": (
        {"schedule": "step", "step_size": 2, "gamma": GAMMA},
        lambda o, lane: StepLR(o, 2, GAMMA[lane]),
        False,
    ),
    "one_cycle": (
        {"schedule": "one_cycle"},
        lambda o, lane: OneCycleLR(o, LR[lane], total_steps=EPOCHS * STEPS, cycle_momentum=False),
        True,
    ),
    "one_cycle, warm-up": (
        {"schedule": "one_cycle", "warmup_epochs": 2},
        lambda o, lane: OneCycleLR(
            o, LR[lane], total_steps=EPOCHS * STEPS, cycle_momentum=False, pct_start=2 / EPOCHS
        ),
        True,
    ),
    "constant, warm-up": (
        {"warmup_epochs": 2},
        lambda o, _: LinearLR(o, start_factor=1 / 3, total_iters=2),
        False,
    ),
    "cosine, warm-up": (
        {"schedule": "cosine", "warmup_epochs": 2},
        lambda o, _: warm(o, 2, CosineAnnealingLR(o, EPOCHS - 2)),
        False,
    ),
    "step, warm-up": (
        {"schedule": "step", "step_size": 2, "gamma": GAMMA, "warmup_epochs": 1},
        lambda o, lane: warm(o, 1, StepLR(o, 2, GAMMA[lane])),
        False,
    ),
}
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


@every_schedule
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
@pytest.mark.parametrize("epochs", [3, EPOCHS])
def test_a_schedule_is_torchs(name, epochs):
    """Also where a trial is pruned after epoch 3: it followed the whole configuration's."""
    settings, scheduler, by_step = SCHEDULES[name]
    assert_torchs(make(**settings), epochs, sgd, scheduler, by_step=by_step)


@every_schedule
@pytest.mark.parametrize("use_kernels", [True, False])
def test_a_run_that_stops_and_is_restored_follows_the_same_schedule(name, use_kernels):
    settings = SCHEDULES[name][0] | {"optimizer": "adam"}
    whole, first, second = (make(torch.float32, **settings) for _ in range(3))
    for trainer in (whole, first, second):
        trainer.model.use_kernels = use_kernels
    whole.run_to(EPOCHS)
    first.run_to(2)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.run_to(EPOCHS)
    for a, b in zip(whole.parameters, second.parameters, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", ["cosine", "step", "step, warm-up"])
def test_the_kernels_follow_a_schedule_of_epochs(name):
    fast, plain = (make(torch.float32, **SCHEDULES[name][0]) for _ in range(2))
    plain.model.use_kernels = False
    assert fast._kernels_fit(fast.inputs)
    for trainer in (fast, plain):
        trainer.run_to(EPOCHS)
    for a, b in zip(fast.parameters, plain.parameters, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("lanes", [[0.5, 0.0, 1e-3], [5.0, 0.2, 0.2]])
def test_clipping_is_torchs_on_each_lane_alone(lanes):
    assert_torchs(make(clip_norm=lanes), EPOCHS, sgd, clip=lanes)


@pytest.mark.parametrize("smoothing", [0.2, [0.0, 0.1, 0.5]])
def test_label_smoothing_is_torchs_and_no_recorded_loss_has_it(smoothing):
    trainer = make(label_smoothing=smoothing)
    assert_torchs(trainer, EPOCHS, sgd, smoothing=smoothing)
    scores = trainer.evaluate(data())
    for lane in range(LANES):
        expected = torch.nn.functional.cross_entropy(scores.outputs[lane], data().targets[lane])
        torch.testing.assert_close(scores.loss[lane], expected)


def test_nesterov_is_torchs():
    def optimizer(parameters, lane):
        return torch.optim.SGD(
            parameters, lr=LR[lane], momentum=0.9, nesterov=True, weight_decay=0.01
        )

    assert_torchs(make(nesterov=True, weight_decay=0.01), EPOCHS, optimizer)


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("beta2", [0.9, [0.9, 0.99, 0.999]])
def test_betas_are_torchs(name, beta2):
    def optimizer(parameters, lane):
        own = beta2[lane] if isinstance(beta2, list) else beta2
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
        return kind(parameters, lr=LR[lane], betas=([0.8, 0.5, 0.7][lane], own), weight_decay=0.01)

    trainer = make(optimizer=name, beta1=[0.8, 0.5, 0.7], beta2=beta2, weight_decay=0.01)
    assert_torchs(trainer, EPOCHS, optimizer)


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "one_cycle"},
        {"clip_norm": 1.0},
        {"label_smoothing": 0.1},
        {"nesterov": True},
        {"optimizer": "adam", "beta2": 0.99},
        {"optimizer": "adamw", "beta2": [0.999, 0.999, 0.99]},
    ],
)
def test_what_the_kernels_do_not_have_trains_in_torchs_operations(settings, monkeypatch):
    trainer = make(torch.float32, **settings)
    assert trainer.model.runs_in_kernels(trainer.inputs)

    def refuse(*_):
        raise AssertionError("the kernels trained")

    monkeypatch.setattr(type(trainer.model), "train_in_kernels", refuse)
    trainer.run_to(2)
    assert trainer.epoch == 2
    with pytest.raises(AssertionError, match="the kernels trained"):
        make(torch.float32).run_to(2)


def test_a_parameter_without_a_gradient_is_left_alone_as_by_torch():
    class Spare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used = torch.nn.Parameter(torch.ones(1, 4))
            self.spare = torch.nn.Parameter(torch.ones(1, 4))

    from ibsweep.training import OPTIMIZERS

    for name, optimizer in OPTIMIZERS.items():
        module, one = Spare(), torch.ones(1)
        own = optimizer(module.parameters(), 0.1 * one, 0.9 * one, 0.1 * one)
        own.step([torch.ones(1, 4), None])
        assert torch.equal(module.spare, torch.ones(1, 4)), name
        assert not torch.equal(module.used, torch.ones(1, 4)), name


def test_a_schedule_that_needs_the_number_of_epochs_says_so():
    with pytest.raises(ValueError, match="'cosine' needs `epochs`"):
        make(schedule="cosine", epochs=None)
