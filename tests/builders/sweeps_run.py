"""Small sweeps run as a user runs them, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import questions
import tiny
from head import clean_environment

from ibsweep.questions.published import published_settings
from ibsweep.questions.schema import Question
from ibsweep.results.replications import ReplicationStore

TRIALS = 8
"""Of a sweep over the grid."""

GRID_SWEEP = ("--sampler", "grid", "--trials", str(TRIALS))

GRID = {
    "lr": {"type": "float", "low": 0.01, "high": 0.1, "step": 0.03},
    "epochs": {"type": "int", "low": 6, "high": 30, "step": 6},
    "batch_size": {"type": "categorical", "choices": [5, 10]},
}
"""Forty configurations."""

SWEEPS = ("s-seed10", "s-seed11", "t")
"""What ``run_undisturbed`` runs."""

BUDGET = ("--replicates", "2", "--choice-replicates", "2", "--confirm-replicates", "2")
BUDGET += ("--confirm", "2", "--pruner", "none")


def question(epochs: int = 1) -> dict[str, object]:
    """Return a question over such a space; ``epochs`` makes its trials longer by this factor."""
    space = {
        **GRID,
        "epochs": {"type": "int", "low": 6 * epochs, "high": 30 * epochs, "step": 6 * epochs},
    }
    arm = questions.arm_mapping(
        space=space,
        baseline={"lr": 0.04, "epochs": 12 * epochs, "batch_size": 10},
        published=[{"train_size": 10, "valid_accuracy": 50.0}],
    )
    return questions.question_mapping(arms={"tiny_cnn": arm})


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start a command in a folder, in a session of its own; results lie in ``results``."""
    return subprocess.Popen(
        [sys.executable, "-m", "ibsweep", *words, "--results", str(folder / "results")],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**clean_environment(), "OMP_NUM_THREADS": "1", **environment},
    )


def finish(process: subprocess.Popen[str], seconds: float = 240) -> str:
    """Return what a command printed that has to end well."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out


def run_undisturbed(folder: Path) -> None:
    """Run the sweeps, and write replications beside them."""
    asked = question()
    path = questions.write_question(folder, asked, "tiny.yaml")
    two = ("--sweeps", "2", "--seed", "10", "--name", "s")
    finish(start(folder, "tune", str(path), *two, *GRID_SWEEP, *BUDGET))
    finish(start(folder, "tune", str(path), "--name", "t", "--trials", "5", *BUDGET))
    (cell,) = (cell for cell, _ in published_settings([Question.model_validate(asked)]))
    store = ReplicationStore(folder / "results")
    with store.open():
        store.add([tiny.replication(cell, seed, 40.0 + seed % 5) for seed in range(10, 20)])
