"""What every model promises; a new one needs an ordinary module among ``oracles.CASES``."""

from __future__ import annotations

import io
from dataclasses import FrozenInstanceError

import pytest
import torch
import torch.nn.functional as F
from oracles import CASES, plain_after_seed

from ibsweep.models import MODELS, build, count_parameters
from ibsweep.training import LaneData, Trainer, TrainingSettings

LANES, CLASSES = 3, 5
SEEDS = [10, 7, 12345]
TORCH_OPTIMIZERS = {
    "sgd": lambda p, lr, m, wd: torch.optim.SGD(p, lr=lr, momentum=m, weight_decay=wd),
    "adam": lambda p, lr, m, wd: torch.optim.Adam(p, lr=lr, betas=(m, 0.999), weight_decay=wd),
    "adamw": lambda p, lr, m, wd: torch.optim.AdamW(p, lr=lr, betas=(m, 0.999), weight_decay=wd),
}
FREEZING = [name for name, entry in MODELS.items() if "freeze_conv" in entry.options]

every_case = pytest.mark.parametrize("case", CASES)
every_optimizer = pytest.mark.parametrize("optimizer", TORCH_OPTIMIZERS)


def lanes_of(case, lanes=range(LANES)):
    name, options, _ = CASES[case]
    return build(name, [SEEDS[i] for i in lanes], num_classes=CLASSES, **options)


def images(batch):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(LANES, batch, 1, 28, 28, generator=generator)


def data(dtype=torch.float32, count=14):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(LANES, count, 1, 28, 28, generator=generator).to(dtype)
    return LaneData(pixels, torch.randint(CLASSES, (LANES, count), generator=generator))


def trainer_of(case, settings, lanes=range(LANES), dtype=torch.float32):
    own = data(dtype).of(lanes)
    return Trainer(lanes_of(case, lanes).to(dtype), settings, own, [100 + i for i in lanes])


def test_every_model_is_held_to_the_contract():
    assert len(MODELS) == 8
    assert {name for name, _, _ in CASES.values()} == set(MODELS)
    assert FREEZING == ["simple_cnn"]


@pytest.mark.parametrize("name", MODELS)
def test_an_entry_is_complete(name):
    entry = MODELS[name]
    defaults = entry.with_defaults({})
    assert defaults.keys() == entry.options.keys()
    assert all(option.accepts(defaults[key]) for key, option in entry.options.items())
    with pytest.raises(FrozenInstanceError):
        entry.cost = 2
    model = build(name, [1])  # at the notebook's sizes
    assert model(images(1)[:1]).shape == (1, 1, entry.num_classes)
    assert model.use_kernels == entry.suits_kernels(defaults)


@every_case
def test_initialisation_equals_the_ordinary_module(case):
    state = torch.random.get_rng_state()
    model = lanes_of(case)
    assert torch.equal(torch.random.get_rng_state(), state), "the global generator was used"
    for lane, seed in enumerate(SEEDS):
        plain = plain_after_seed(case, seed).state_dict()
        own = model.lane_state_dict(lane)
        assert own.keys() == plain.keys()
        for key in plain:
            assert torch.equal(own[key], plain[key]), key


@pytest.mark.parametrize("batch", [1, 6])
@every_case
def test_a_lane_loads_into_the_ordinary_module_and_gives_the_same_logits(case, batch):
    model = lanes_of(case).double()
    x = images(batch).double()
    logits = model(x)
    assert logits.shape == (LANES, batch, CLASSES)
    for lane in range(LANES):
        plain = CASES[case][2]().double()
        plain.load_state_dict(model.lane_state_dict(lane))
        torch.testing.assert_close(logits[lane], plain(x[lane]))


@every_case
def test_the_table_counts_a_lane_s_parameters(case):
    name, options, _ = CASES[case]
    entry = MODELS[name]
    counted = entry.parameters(entry.with_defaults(options), (1, 28, 28), CLASSES)
    assert counted == count_parameters(lanes_of(case))


@every_case
def test_a_lane_has_the_parameters_of_the_ordinary_module(case):
    plain = sum(p.numel() for p in CASES[case][2]().parameters())
    assert count_parameters(lanes_of(case)) == plain


@every_case
def test_prepared_and_arranged_batches_give_the_same_logits(case):
    model = lanes_of(case)
    arranged = model.arrange(model.prepare(images(9)))
    torch.testing.assert_close(
        model.forward_prepared(arranged[:, 2:5]), model(images(9)[:, 2:5]), rtol=1e-4, atol=1e-5
    )


@every_case
def test_the_last_features_lead_to_the_logits(case):
    model = lanes_of(case).double()
    x = images(2).double()
    features = model.features(x)
    assert all(f.shape[:2] == (LANES, 2) for f in features.values())
    *_, head = model.children()
    *_, last = features.values()
    torch.testing.assert_close(head(last), model(x))


@every_case
def test_gradient_of_a_lane_ignores_the_others_data(case):
    model = lanes_of(case).double()
    x = images(4).double().requires_grad_()
    gradients = torch.autograd.grad(model(x)[1].square().sum(), [x, *model.parameters()])
    for gradient in gradients:
        assert gradient[1].abs().max() > 0
        assert gradient[[0, 2]].abs().max() == 0


@every_case
def test_a_lane_that_is_not_finite_leaves_the_others_untouched(case):
    model = lanes_of(case)
    x = images(4)
    clean = model(x)
    clean_gradients = torch.autograd.grad(clean[[0, 2]].square().sum(), list(model.parameters()))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter[1] = float("nan")
    logits = model(x)
    assert logits[1].isnan().all()
    assert torch.equal(logits[[0, 2]], clean[[0, 2]])
    gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
    for gradient, expected in zip(gradients, clean_gradients, strict=True):
        torch.testing.assert_close(gradient[[0, 2]], expected[[0, 2]])


@every_optimizer
@every_case
def test_a_lane_in_company_ends_where_torch_takes_it_alone(case, optimizer):
    """Lanes differ in lr, momentum and weight decay; a plain module with torch.optim decides."""
    lr, momentum, decay = [0.05, 0.01, 0.002], [0.9, 0.5, 0.0], [0.0, 0.01, 0.1]
    settings = TrainingSettings(lr, 4, optimizer, momentum, decay)
    train = data(torch.float64)
    trainer = trainer_of(case, settings, dtype=torch.float64)
    start = [trainer.model.lane_state_dict(i) for i in range(LANES)]
    trainer.run_to(2)  # two epochs of 14 images in batches of 4, the last one of 2
    for lane in range(LANES):
        plain = CASES[case][2]().double()
        plain.load_state_dict(start[lane])
        optim = TORCH_OPTIMIZERS[optimizer](
            plain.parameters(), lr[lane], momentum[lane], decay[lane]
        )
        generator = torch.Generator().manual_seed(100 + lane)
        for _ in range(2):
            losses, correct = [], 0
            for batch in torch.randperm(14, generator=generator).split(4):
                batch_images, labels = train.inputs[lane, batch], train.targets[lane, batch]
                optim.zero_grad()
                logits = plain(batch_images)
                loss = F.cross_entropy(logits, labels)
                loss.backward()
                optim.step()
                losses.append(loss.item() * len(batch))
                correct += (logits.argmax(1) == labels).sum().item()
        own = trainer.model.lane_state_dict(lane)
        for key, value in plain.state_dict().items():
            torch.testing.assert_close(own[key], value, rtol=1e-9, atol=1e-11)
        assert trainer.train_figures["loss"][lane].item() == pytest.approx(sum(losses) / 14)
        assert trainer.train_figures["accuracy"][lane].item() == pytest.approx(100 * correct / 14)


@every_optimizer
@every_case
def test_a_lane_alone_equals_the_lane_in_company_in_float32(case, optimizer):
    settings = TrainingSettings(0.01, 4, optimizer)
    company = trainer_of(case, settings)
    company.run_to(2)
    for lane in range(LANES):
        alone = trainer_of(case, settings, lanes=[lane])
        alone.run_to(2)
        own, expected = company.model.lane_state_dict(lane), alone.model.lane_state_dict(0)
        for key in expected:
            torch.testing.assert_close(own[key], expected[key], rtol=1e-3, atol=1e-5)


@every_optimizer
@every_case
def test_a_restored_run_continues_exactly(case, optimizer):
    """Also with a lane that diverges."""
    settings = TrainingSettings([0.05, 0.01, 3e38], 4, optimizer)
    straight = trainer_of(case, settings)
    straight.run_to(2)
    file = io.BytesIO()
    torch.save(straight.state_dict(), file)
    straight.run_to(5)
    file.seek(0)
    resumed = trainer_of(case, settings)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.epoch == 2
    resumed.run_to(5)
    for a, b in zip(straight.parameters, resumed.parameters, strict=True):
        assert torch.equal(a, b)
    assert resumed.diverged == straight.diverged
    assert resumed.train_figures["loss"].tolist() == straight.train_figures["loss"].tolist()


@pytest.mark.parametrize("name", FREEZING)
def test_what_is_frozen_stays_and_the_rest_learns(name):
    model = build(name, SEEDS, num_classes=CLASSES, kernel_size=3, freeze_conv=True)
    before = model.lane_state_dict(1)
    trainer = Trainer(model, TrainingSettings(0.1, 4), data(), SEEDS)
    trainer.run_to(2)
    after = model.lane_state_dict(1)
    learns = {key for key in before if not torch.equal(before[key], after[key])}
    assert learns == {key for key, p in model.named_parameters() if p.requires_grad}
    assert 0 < count_parameters(model, only_trainable=True) < count_parameters(model)
