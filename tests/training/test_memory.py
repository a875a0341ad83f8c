"""A pool of 60,000 images exists once, whatever the number of lanes."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import resource
import torch
torch.set_num_threads(1)
from ibsweep.models import build
from ibsweep.training import LaneData, Trainer, TrainingSettings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def trained(count):
    pool = torch.zeros(count, 1, 28, 28, dtype=torch.uint8).random_(256)
    rows = torch.stack([torch.randperm(count) for _ in range(8)])
    data = LaneData(pool, torch.randint(10, rows.shape), rows)
    model = build("two_layer_mlp", list(range(8)), num_classes=10)
    trainer = Trainer(model, TrainingSettings(0.01, 500), data, list(range(8)))
    trainer.run_to(1)
    trainer.evaluate(data)

trained(5_000)  # the kernels are compiled, chunks and passes have their full size
before = peak()
trained(60_000)
print(peak() - before)
"""


def test_lanes_of_a_large_pool_share_it():
    """A float32 copy for each of the 8 lanes would be 1.5 GB, one of bytes 376 MB."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    pool = 60_000 * 28 * 28 / 2**20
    assert float(done.stdout) < pool + 150
