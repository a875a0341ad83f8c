"""What reads results runs no code of the user: no model, no data function, no metric."""

from __future__ import annotations

import pytest

import ibsweep
from ibsweep.cli import run
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifests
from ibsweep.sweep.options import SweepOptions

QUESTION = """
question: own
data: {from: planted.py:data}
split: {train: 10, valid: 5, test: 5, per: class}
objective: {metric: "planted.py:cost", direction: minimize}
arms:
  mine:
    model: planted.py:Net
    fixed: {epochs: 2, batch_size: 4}
    space: {lr: {type: float, low: 0.001, high: 0.1}}
"""
PLANTED = """
from pathlib import Path
import numpy as np
from torch import nn
Path(__file__).with_name("imported").write_text("yes")
def data():
    return np.arange(80.0).reshape(40, 2), np.arange(40) % 2
def cost(outputs, targets):
    return 1.0
class Net(nn.Linear):
    def __init__(self, outputs: int):
        super().__init__(2, outputs)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A question of one's own and a sweep of it; whatever imports the code from now on shows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(QUESTION)
    (tmp_path / "planted.py").write_text(PLANTED)
    (manifest,) = make_manifests(["own.yaml"], SweepOptions(), "s", [])
    SweepStore.create(tmp_path / "results", manifest)
    assert (tmp_path / "imported").exists(), "a sweep that begins imports it"
    (tmp_path / "imported").unlink()
    # A process that has it already would not import it again.
    (tmp_path / "planted.py").write_text(PLANTED + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "words", [["show", "own.yaml"], ["sweeps"], ["report", "own"], ["report", "own.yaml"]]
)
def test_a_command_that_reads_imports_nothing(folder, words, capsys):
    assert run(words) == 0, capsys.readouterr().err
    assert not (folder / "imported").exists()


def test_load_imports_nothing(folder):
    assert len(ibsweep.load(folder / "results").sweeps) == 1
    assert not (folder / "imported").exists()


def test_resume_refuses_changed_code_without_importing_it(folder, capsys):
    assert run(["resume", "s"]) == 2
    told = capsys.readouterr().err
    assert "planted.py has changed: its sha256 was" in told
    assert not (folder / "imported").exists()
