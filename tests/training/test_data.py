"""Lanes as rows of a shared pool: the same values, the same training, no copies."""

from __future__ import annotations

import pytest
import torch

from ibsweep.models import build
from ibsweep.training import LaneData, Trainer, TrainingSettings

LANES, COUNT, POOL = 2, 23, 60


def pooled(dtype=torch.uint8):
    generator = torch.Generator().manual_seed(1)
    pool = torch.randint(256, (POOL, 1, 12, 12), generator=generator).to(dtype)
    rows = torch.stack([torch.randperm(POOL, generator=generator)[:COUNT] for _ in range(LANES)])
    labels = torch.randint(3, (LANES, COUNT), generator=generator)
    shift = torch.tensor([[[[0.25]]], [[[0.5]]]])
    return LaneData(pool, labels, rows, shift, 1 / shift)


def test_values_are_the_pools_scaled_by_lane():
    data = pooled()
    positions = torch.tensor([[0, 5, 5], [22, 1, 0]])
    batch = data.batch(positions)
    assert batch.dtype == torch.float32
    assert data.example_shape == (1, 12, 12)
    for lane in range(LANES):
        for i, position in enumerate(positions[lane]):
            image = data.inputs[data.rows[lane, position]] / 255
            expected = (image - data.shift[lane]) * data.factor[lane]
            torch.testing.assert_close(batch[lane, i], expected, rtol=0, atol=0)
    everything = data.batch(torch.arange(COUNT).expand(LANES, -1))
    assert torch.equal(data.part(0, COUNT), everything)
    assert torch.equal(data.part(20, 99), everything[:, 20:])
    assert torch.equal(data.made_ready(2**30).inputs, everything)
    assert data.made_ready(1000) is data
    assert torch.equal(data.of([1]).part(0, COUNT)[0], everything[1])


@pytest.mark.parametrize("use_kernels", [True, False])
@pytest.mark.parametrize("model", ["simple_cnn", "three_layer_mlp"])
def test_a_pool_trains_to_the_bit_as_ready_examples_do(model, use_kernels, monkeypatch):
    """In chunks of two batches, the last one short."""
    monkeypatch.setattr("ibsweep.training.loop._CHUNK_BYTES", 2 * LANES * 5 * 12 * 12 * 4)
    trainers = []
    for data in (pooled(), pooled().made_ready(2**30)):
        lanes = build(model, [1, 2], num_classes=3, resolution=12)
        lanes.use_kernels = use_kernels
        trainer = Trainer(lanes, TrainingSettings(0.05, 5, "adam"), data, [3, 4])
        trainer.run_to(3)
        trainers.append(trainer)
    many, ready = trainers
    assert many.inputs is None
    for a, b in zip(many.parameters, ready.parameters, strict=True):
        assert torch.equal(a, b)
    assert many.train_figures["loss"].tolist() == ready.train_figures["loss"].tolist()
    scores = [trainer.evaluate(pooled()) for trainer in trainers]
    assert torch.equal(scores[0].outputs, scores[1].outputs)
