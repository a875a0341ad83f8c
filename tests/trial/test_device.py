"""On every device: the lanes of the CPU, the same curve in any process, exact restoring."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
import torch.nn.functional as F
from oracles import CASES

from ibsweep.models import build
from ibsweep.models.layers import reflect_pad
from ibsweep.models.settings import resolve
from ibsweep.training import LaneData, Trainer, TrainingSettings
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda:0", marks=[pytest.mark.gpu, NO_GPU])]
SEEDS = [10, 11, 12]


def plan(seeds=(10, 11), rungs=(), model="simple_cnn", **config):
    settings = {"lr": 0.05, "epochs": 6, "batch_size": 10} | config
    return TrialPlan(
        trial=1,
        model=model,
        data=tiny.question().data,
        train_size=10,
        settings=resolve(model, {"kernel_size": 3}, settings),
        seeds=seeds,
        rungs=rungs,
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


@pytest.mark.gpu
@NO_GPU
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("case", CASES)
def test_a_gpu_trains_what_the_cpu_trains(case, optimizer):
    on_cpu, on_gpu = (trained(case, optimizer, device) for device in ("cpu", "cuda:0"))
    for expected, found in zip(on_cpu, on_gpu, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("device", DEVICES)
def test_a_lane_alone_is_the_lane_in_company(device):
    together = trained("wider", "sgd", device)
    for lane in range(3):
        alone = trained("wider", "sgd", device, [lane])[0]
        torch.testing.assert_close(alone, together[lane], rtol=1e-8, atol=1e-10)


TRAIN = """
import hashlib, sys
import test_device
from ibsweep.trial.device import configure_device
from ibsweep.trial.run import TrialRun
gpus = 0.25 if sys.argv[1] == "cuda:0" else 0
device = configure_device({"CPU": 1, "GPU": gpus})
assert device == sys.argv[1]
run = TrialRun(test_device.plan((10, 11, 12, 13), model="wider_cnn", epochs=60), device)
print(run.complete().model_dump_json())
for value in run.model.state_dict().values():
    print(hashlib.sha256(value.cpu().numpy().tobytes()).hexdigest())
"""


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_seeds_give_the_same_bits_in_any_process(device):
    """Three processes at a time, as on shares of a GPU, where threads end in changing orders."""
    TrialRun(plan((10,), epochs=1)).complete()  # on a CPU, the kernels are compiled by now
    folders = [str(Path(__file__).parent), *filter(None, sys.path)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {folders}\n{TRAIN}", device],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    first, *others = [process.communicate()[0] for process in processes]
    assert len(first.splitlines()) > 6
    assert others == [first, first]


@pytest.mark.parametrize("device", DEVICES)
def test_a_restored_run_goes_on_exactly(device):
    whole = TrialRun(plan(rungs=(3,)), device)
    whole.advance()
    file = io.BytesIO()
    torch.save(whole.state_dict(), file)
    file.seek(0)
    restored = TrialRun(plan(rungs=(3,)), device)
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert restored.complete() == whole.complete()
    for lane in range(2):
        expected = whole.model.lane_state_dict(lane)
        torch.testing.assert_close(restored.model.lane_state_dict(lane), expected, rtol=0, atol=0)


@pytest.mark.parametrize("device", DEVICES)
def test_a_lane_that_diverges_harms_no_other(device):
    alone = TrialRun(plan((10,)), device).complete().replicates[0]
    run = TrialRun(plan(), device)
    run.trainer.optimizer.lr[1] = 1e30
    healthy, diverged = run.complete().replicates
    assert diverged.diverged_epoch is not None
    assert diverged.figure("valid_accuracy") == pytest.approx(100 / 3)
    assert healthy.figure("valid_loss") == pytest.approx(alone.figure("valid_loss"), rel=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("padding", [1, 3, 7])
def test_a_mirror_is_torchs_reflection_with_its_gradient(padding, device):
    x = torch.rand(2, 3, 8, 9, dtype=torch.float64, device=device, requires_grad=True)
    expected = F.pad(x, (padding,) * 4, mode="reflect")
    found = reflect_pad(x, padding)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    weights = torch.rand_like(expected)
    (gradient,) = torch.autograd.grad((found * weights).sum(), x)
    (right,) = torch.autograd.grad((expected * weights).sum(), x)
    torch.testing.assert_close(gradient, right)


@pytest.mark.gpu
@NO_GPU
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
