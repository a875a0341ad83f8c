"""A sweep over a table, a network and a metric that ibsweep knows nothing of, killed half way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml

from ibsweep.results.store import SweepStore
from ibsweep.user_code import load

pytestmark = [pytest.mark.ray, pytest.mark.slow]

DATA = """
from sklearn.datasets import load_diabetes

def patients():
    x, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    x.loc[::17, "bmi"] = None
    return {"train": (x[:330], y[:330]), "test": (x[330:], y[330:])}
"""
NET = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, inputs, outputs, hidden: int = 16, p: float = 0.1):
        super().__init__(
            nn.Linear(inputs[0], hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
            nn.Dropout(p), nn.Linear(hidden, outputs),
        )
"""
QUESTION = """
question: diabetes
data: {from: "patients.py:patients"}
split: {train: 200, valid: 100}
objective: rmse
metrics: [mae, r2, parameters]
arms:
  net:
    model: net.py:Net
    fixed: {optimizer: adam, batch_size: 32}
    space:
      lr: {type: float, low: 0.0001, high: 0.1, log: true}
      epochs: {type: int, low: 20, high: 60}
      hidden: {type: int, low: 4, high: 32, log: true}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "patients.py").write_text(DATA)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "diabetes.yaml").write_text(QUESTION)
    return tmp_path


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "ibsweep", *words, "--results", "results"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def as_the_model_sees(frame, columns):
    """Apply what best.yaml says of a table's columns, by the names it gives."""
    seen = []
    for column in columns:
        values = frame[column["name"]]
        if "is" in column:
            wanted = column["is"]
            seen.append(values.isna() if wanted is None else values == wanted)
        else:
            filled = values.fillna(column.get("median", 0.0))
            seen.append((filled - column["shift"]) * column["factor"])
    return torch.tensor(np.stack(seen, 1).astype(np.float32))


def test_it_is_killed_resumed_confirmed_and_predicts_as_it_was_scored(folder):
    root = folder / "results" / "sweep"
    process = start(folder, "tune", "diabetes.yaml", "--quick", "--name", "sweep")
    deadline = time.monotonic() + 60
    trials = root / "trials.jsonl"
    while process.poll() is None and (not trials.exists() or trials.read_text().count("\n") < 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = trials.read_text().splitlines()[:3]

    process = start(folder, "resume", "sweep", "--json", "--quiet")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert trials.read_text().splitlines()[:3] == kept
    store = SweepStore(root)
    rows = store.trials()
    assert sorted(row.trial for row in rows) == list(range(10))
    assert all(set(row.valid) == {"rmse", "mae", "r2", "parameters", "loss"} for row in rows)

    # the leader is the one with the lowest error among those that went all the way
    confirmations = store.confirmations()
    (leader,) = {row.trial for row in confirmations}
    complete = [row for row in rows if row.state == "COMPLETE"]
    assert leader == min(complete, key=lambda row: row.valid["rmse"]).trial
    best = yaml.safe_load(store.paths.best_config.read_text())
    confirmed = {row.seed: row for row in confirmations if row.purpose == "score"}
    assert len(confirmed) == 8
    assert [row.test for row in confirmations if row.purpose == "choice"] == [{}] * 4
    # a network of these settings beats the mean of 89 patients' targets, or nearly
    assert sum(row.trained for row in confirmations) > 6
    chosen = min(confirmed.values(), key=lambda row: row.valid["rmse"])
    assert best["best_pt"]["seed"] == chosen.seed
    (document,) = json.loads(out)["sweeps"]
    assert document["best"]["config"] == best["config"]

    # the user's own class, the saved weights and best.yaml predict what was recorded
    hidden = best["settings"]["hidden"]
    module = load("net.py:Net", folder)((11,), 1, hidden=hidden)
    module.load_state_dict(torch.load(store.paths.best_model, weights_only=True))
    frame, targets = load("patients.py:patients", folder)()["test"]
    applied = best["best_pt"]["preprocessing"]
    with torch.no_grad():
        outputs = module.eval()(as_the_model_sees(frame, applied["columns"])).squeeze(1).numpy()
    predicted = outputs * applied["target_std"] + applied["target_mean"]
    rmse = float(np.sqrt(np.mean((predicted - targets.to_numpy()) ** 2)))
    assert rmse == pytest.approx(best["best_pt"]["test_rmse"], rel=1e-5)
    assert rmse == pytest.approx(chosen.test["rmse"], rel=1e-5)
    assert rmse < 70, "the spread of the targets is 77"
    assert chosen.test["parameters"] == 11 * hidden + 4 * hidden + 1

    process = start(folder, "report", "--out", "report")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    pages = "".join(page.read_text() for page in (folder / "report").glob("*.html"))
    assert "RMSE" in pages
