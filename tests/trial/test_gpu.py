"""On a CUDA device: the lanes of the CPU, the same curve twice, exact restoring, capped memory."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
import tiny
import torch
from oracles import CASES

from ibsweep.models import build
from ibsweep.models.settings import resolve
from ibsweep.training import LaneData, Trainer, TrainingSettings
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
SEEDS = [10, 11, 12]


def plan(seeds=(10, 11), stops=(), **settings):
    settings = {"lr": 0.05, "epochs": 6, "batch_size": 10} | settings
    settings = resolve("simple_cnn", {"kernel_size": 3}, settings)
    task = tiny.question().task
    return TrialPlan(
        trial=1,
        model="simple_cnn",
        task=task,
        images=10,
        settings=settings,
        seeds=seeds,
        stops=stops,
    )


def trained(case, optimizer, device, lanes=range(3)):
    """Train two epochs of own images a lane in float64, and return the lanes' weights."""
    name, options, _ = CASES[case]
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 14, 1, 28, 28, generator=generator).double()
    labels = torch.randint(5, (3, 14), generator=generator)
    lanes = list(lanes)
    model = build(name, [SEEDS[i] for i in lanes], num_classes=5, **options).double().to(device)
    data = LaneData(images[lanes].to(device), labels[lanes].to(device))
    settings = TrainingSettings(lr=0.05, batch_size=4, optimizer=optimizer, weight_decay=0.01)
    trainer = Trainer(model, settings, data, [100 + i for i in lanes])
    trainer.run_to(2)
    return [model.lane_state_dict(i) for i in range(len(lanes))]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("case", CASES)
def test_a_gpu_trains_what_the_cpu_trains(case, optimizer):
    for here, there in zip(
        trained(case, optimizer, "cpu"), trained(case, optimizer, "cuda:0"), strict=True
    ):
        torch.testing.assert_close(there, here, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_a_lane_alone_is_the_lane_in_company(case):
    together = trained(case, "sgd", "cuda:0")
    for lane in range(3):
        alone = trained(case, "sgd", "cuda:0", [lane])[0]
        torch.testing.assert_close(alone, together[lane], rtol=1e-8, atol=1e-10)


def curves(run):
    found = []
    run.complete(found.append)
    return found


def test_the_same_seeds_give_the_same_curve_bit_for_bit():
    first = curves(TrialRun(plan(seeds=(10, 11, 12, 13)), "cuda:0"))
    assert first == curves(TrialRun(plan(seeds=(10, 11, 12, 13)), "cuda:0"))


def test_a_restored_run_goes_on_exactly():
    stopped = plan(stops=(3,))
    whole = TrialRun(stopped, "cuda:0")
    whole.advance()
    file = io.BytesIO()
    torch.save(whole.state_dict(), file)
    file.seek(0)
    restored = TrialRun(stopped, "cuda:0")
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert restored.complete() == whole.complete()
    for lane in range(2):
        expected = whole.model.lane_state_dict(lane)
        torch.testing.assert_close(restored.model.lane_state_dict(lane), expected, rtol=0, atol=0)


def test_a_lane_that_diverges_harms_no_other():
    alone = curves(TrialRun(plan(seeds=(10,)), "cuda:0"))[-1].replicates[0]
    run = TrialRun(plan(), "cuda:0")
    run.trainer.optimizer.lr[1] = 1e30
    healthy, diverged = curves(run)[-1].replicates
    assert diverged.diverged_epoch is not None
    assert diverged.valid_accuracy == pytest.approx(100 / 3)
    assert healthy.valid_accuracy == pytest.approx(alone.valid_accuracy, abs=2)


def test_a_share_of_a_gpu_caps_its_memory():
    """A quarter of the device holds an eighth of its memory, and not a half."""
    code = """
import torch
from ibsweep.trial.device import configure_device
device = configure_device({"CPU": 1, "GPU": 0.25})
total = torch.cuda.get_device_properties(device).total_memory
torch.empty(total // 8, dtype=torch.uint8, device=device)
try:
    torch.empty(total // 2, dtype=torch.uint8, device=device)
except torch.cuda.OutOfMemoryError:
    print("capped")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "capped\n"
