"""Every example runs as it stands, with a small budget and small files where it would download."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = ["--trials", "2", "--replicates", "2", "--confirm", "1", "--confirm-replicates", "2"]

pytestmark = pytest.mark.slow

SWEEPS = {
    "digits_own_cnn/digits.yaml": "accuracy",
    "fashion_mnist/fashion.yaml": "accuracy",
    "auto_mpg/auto_mpg.yaml": "rmse",
    "own_training_loop/loops.yaml": "accuracy",
    "from_ray_tune/mnist.yaml": "accuracy",
    "from_optuna/fashion.yaml": "accuracy",
}


def write_idx(path, array):
    kind = {np.dtype("uint8"): 8}[array.dtype]
    head = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    with gzip.open(path.with_name(path.name + ".gz"), "wb", compresslevel=1) as file:
        file.write(head + array.tobytes())
    path.write_bytes(head + array.tobytes())


def write_images(folder):
    """Write files like those of MNIST: ten classes, told apart by where a square lies."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, each in (("train", 520), ("t10k", 130)):
        labels = np.repeat(np.arange(10, dtype=np.uint8), each)
        random.shuffle(labels)
        images = random.integers(0, 60, (len(labels), 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = 4 + 12 * (label // 5), 2 + 5 * (label % 5)
            image[row : row + 5, column : column + 4] += 150
        write_idx(folder / f"{split}-images-idx3-ubyte", images)
        write_idx(folder / f"{split}-labels-idx1-ubyte", labels)


@pytest.fixture
def folder(tmp_path, request):
    """A copy of an example, with the files that it would download."""
    copy = tmp_path / "example"
    shutil.copytree(EXAMPLES / request.param.split("/")[0], copy)
    for name in ("MNIST", "FashionMNIST"):
        write_images(copy / "data" / name / "raw")
    return copy


def run(folder, *words):
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_all_examples_are_run():
    assert {str(p.relative_to(EXAMPLES)) for p in EXAMPLES.glob("*/*.yaml")} == set(SWEEPS)
    assert all((p / "README.md").exists() for p in EXAMPLES.iterdir() if p.is_dir())


@pytest.mark.parametrize(
    ("folder", "file", "metric"),
    [(name, name.split("/")[1], metric) for name, metric in SWEEPS.items()],
    indirect=["folder"],
)
def test_an_example_sweeps(folder, file, metric):
    out = run(folder, "-m", "ibsweep", "tune", file, *SMALL, "--quiet", "--json")
    for sweep in json.loads(out)["sweeps"]:
        assert sweep["trials"]["failed"] == 0
        assert np.isfinite(sweep["best"][f"test_{metric}"]["mean"])
    report = run(folder, "-m", "ibsweep", "report", file)
    assert "Best configuration" in report
