"""What lanes of any module promise; ``own_modules.KINDS`` says of each whether it runs fused."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
import torch
from own_modules import KINDS

from ibsweep.models.module_lanes import ModuleLanes
from ibsweep.models.probe import probe

SEEDS = [10, 7, 12345]
every_kind = pytest.mark.parametrize("name", KINDS)

RANDOM = {
    "BatchNorm1d, Dropout",
    "BatchNorm2d, Dropout",
    "residual, Dropout2d",
    "F.dropout",
    "Dropout in place",
    "AlphaDropout",
    "FeatureAlphaDropout",
    "randn_like",
    "rand of a shape",
    "Tensor.normal_",
    "LSTM with dropout",
    "MultiheadAttention with dropout",
    "TransformerEncoderLayer with dropout",
}
"""What draws random numbers: ibsweep's are others than plain torch's."""


def lanes_of(name, lanes=range(3), *, fused=None):
    kind = KINDS[name]
    verdict = probe(kind.make, kind.shape, kind.outputs)
    return ModuleLanes(
        kind.make,
        [SEEDS[i] for i in lanes],
        outputs=kind.outputs,
        fused=verdict.fused if fused is None else fused,
        noisy=verdict.noisy,
        frozen=verdict.unused,
    ).double()


def batch(name, step, lanes=range(3)):
    def of(lane):
        generator = torch.Generator().manual_seed(100 * step + lane)
        return torch.rand(4, *KINDS[name].shape, generator=generator).double()

    return torch.stack([of(lane) for lane in lanes])


def train(model, name, steps, lanes=range(3)):
    """Adam works element by element: over stacked parameters it is each lane's own.

    Its eps keeps it from magnifying gradients that are zero but for rounding.
    """
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=0.01, eps=1e-3)
    model.train()
    for step in steps:
        optimizer.zero_grad()
        (model(batch(name, step, lanes)) - 0.3).square().mean((1, 2)).sum().backward()
        optimizer.step()
    return model.eval()


def tensors(model):
    return {n: v for n, v in model.state_dict().items() if n[0] != "_" and "lane/" not in n}


def assert_same(one, other, **tolerances):
    assert one.keys() == other.keys()
    for key, value in one.items():
        torch.testing.assert_close(
            value, other[key], msg=lambda m, k=key: f"{k}: {m}", **tolerances
        )


@every_kind
def test_it_is_known_whether_a_kind_fuses(name):
    kind = KINDS[name]
    state = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    verdict = probe(kind.make, kind.shape, kind.outputs)
    assert verdict.fused == kind.fused, verdict.why
    assert verdict.noisy == (name in RANDOM)
    assert (verdict.unused != ()) == (name == "unused parameters")
    assert (verdict.least_batch == 2) == ("BatchNorm1d" in name)
    assert torch.equal(torch.random.get_rng_state(), state[0])
    assert np.random.get_state()[1].tolist() == state[1]
    assert random.getstate() == state[2]


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.fused])
def test_fused_and_one_by_one_agree(name):
    fused, looped = (train(lanes_of(name, fused=how), name, range(5)) for how in (True, False))
    assert fused.fused
    assert not looped.fused
    assert_same(tensors(fused), tensors(looped), rtol=1e-9, atol=1e-10)


@every_kind
def test_a_lane_in_company_ends_where_it_ends_alone(name):
    company = train(lanes_of(name), name, range(5))
    for lane in range(3):
        alone = train(lanes_of(name, [lane]), name, range(5), [lane])
        own = {n: v[lane : lane + 1] for n, v in tensors(company).items()}
        assert_same(own, tensors(alone), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in RANDOM])
def test_a_lane_ends_where_torch_takes_the_plain_module(name):
    model = train(lanes_of(name), name, range(4))
    for lane, seed in enumerate(SEEDS):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            plain = KINDS[name].make()
        plain.double().train()
        optimizer = torch.optim.Adam(plain.parameters(), lr=0.01, eps=1e-3)
        for step in range(4):
            optimizer.zero_grad()
            (plain(batch(name, step)[lane]) - 0.3).square().mean().backward()
            optimizer.step()
        assert_same(model.lane_state_dict(lane), plain.state_dict(), rtol=1e-8, atol=1e-9)
        x = batch(name, 9)
        expected = plain.eval()(x[lane]).detach().view(4, -1)
        torch.testing.assert_close(model(x)[lane].detach(), expected, rtol=1e-8, atol=1e-9)


@every_kind
def test_a_lane_begins_as_the_module_built_after_its_seed_and_loads_into_its_class(name):
    state = torch.random.get_rng_state()
    model = lanes_of(name).float()
    assert torch.equal(torch.random.get_rng_state(), state)
    for lane, seed in enumerate(SEEDS):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            plain = KINDS[name].make()
        own = model.lane_state_dict(lane)
        assert_same(own, plain.state_dict(), rtol=0, atol=0)
        plain.load_state_dict(own, strict=True)
    again = lanes_of(name).float()
    train_once = tensors(again)
    model.initialise([3, 4, 5])
    assert any(not torch.equal(v, train_once[n]) for n, v in tensors(model).items())
    model.initialise(SEEDS)
    assert_same(tensors(model), train_once, rtol=0, atol=0)


@every_kind
def test_a_restored_run_continues_exactly(name):
    straight = train(lanes_of(name), name, range(3))
    file = io.BytesIO()
    torch.save(straight.state_dict(), file)
    file.seek(0)
    resumed = lanes_of(name)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for model in (straight, resumed):
        train(model, name, range(3, 6))
    assert_same(tensors(straight), tensors(resumed), rtol=0, atol=0)
    assert torch.equal(straight.get_extra_state(), resumed.get_extra_state())
