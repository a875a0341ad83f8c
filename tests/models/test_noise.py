"""Random numbers from a counter."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import vmap

from ibsweep.models.noise import CounterNoise, key_of


def drawn(key, count, *, normal=False):
    noise = CounterNoise(key)
    like = {"device": "cpu", "dtype": torch.float64}
    return (noise.normal if normal else noise.uniform)((count,), like)


def test_numbers_are_uniform_and_keys_are_independent():
    one, other = drawn(key_of(1, 0), 20_000), drawn(key_of(1, 1), 20_000)
    for numbers in (one, other):
        assert 0 <= numbers.min() < 0.001
        assert 0.999 < numbers.max() < 1
        assert numbers.mean().item() == pytest.approx(0.5, abs=0.01)
        assert numbers.var().item() == pytest.approx(1 / 12, abs=0.002)
        counts = torch.histc(numbers, 20, 0, 1)
        assert ((counts - 1000).square() / 1000).sum() < 50  # chi square of 19 degrees
    assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < 0.03
    assert abs(torch.corrcoef(torch.stack([one[1:], one[:-1]]))[0, 1]) < 0.03
    normal = drawn(key_of(2, 0), 20_000, normal=True)
    assert normal.mean().item() == pytest.approx(0, abs=0.03)
    assert normal.std().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("layer", "shape", "groups"),
    [
        (nn.Dropout(0.3), (50, 40), 2000),
        (nn.Dropout1d(0.3), (50, 40, 3), 2000),
        (nn.Dropout2d(0.3), (50, 40, 3, 2), 2000),
        (nn.Dropout3d(0.3), (50, 40, 3, 2, 2), 2000),
    ],
)
def test_dropout_drops_its_share_and_keeps_the_mean(layer, shape, groups):
    with CounterNoise(key_of(5, 3)):
        y = layer(torch.ones(shape))
    units = y.flatten(2).unbind(2) if len(shape) > 2 else [y]
    assert all(torch.equal(unit, units[0]) for unit in units)
    assert units[0].numel() == groups
    assert units[0].unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    assert (units[0] == 0).float().mean().item() == pytest.approx(0.3, abs=0.04)
    assert torch.equal(layer.eval()(torch.ones(shape)), torch.ones(shape))


def test_alpha_dropout_keeps_mean_and_variance():
    x = torch.randn(400, 100, generator=torch.Generator().manual_seed(0))
    with CounterNoise(key_of(5, 3)):
        y = F.alpha_dropout(x, 0.2, training=True)
    assert y.mean().item() == pytest.approx(0, abs=0.03)
    assert y.std().item() == pytest.approx(1, abs=0.03)
    values, counts = y.unique(return_counts=True)
    dropped = values[counts.argmax()]  # what is dropped is one value
    assert (y == dropped).float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_a_generator_of_ones_own_is_left_to_torch():
    with CounterNoise(1) as noise:
        a = torch.rand(3, generator=torch.Generator().manual_seed(0))
    assert noise.drawn == 0
    assert torch.equal(a, torch.rand(3, generator=torch.Generator().manual_seed(0)))


def test_lanes_draw_under_vmap_what_each_draws_alone():
    keys = [key_of(seed, 4) for seed in (1, 2**62, 3)]

    def one(key, x):
        with CounterNoise(key):
            return F.dropout(x, 0.5) + torch.randn_like(x)

    x = torch.ones(3, 6, 4)
    together = vmap(one)(torch.tensor(keys), x)
    for lane, key in enumerate(keys):
        assert torch.equal(together[lane], one(key, x[lane]))
