"""A trial runs in any process: also where Ray, Optuna, pandas and matplotlib are missing."""

from __future__ import annotations

import json
import subprocess
import sys

import tiny

CODE = """
import sys
for name in ("ray", "optuna", "pandas", "matplotlib", "scipy.stats"):
    sys.modules[name] = None  # importing it raises, as where it is not installed
import json, pathlib
from ibsweep.trial import device, parts, plan, run, score, train_one
question = json.loads(sys.argv[1])
settings = {"lr": 0.01, "epochs": 2, "batch_size": 10, "kernel_size": 3}
from ibsweep.models.settings import resolve
asked = plan.TrialPlan(
    trial=0, model="simple_cnn", data=question["data"], train_size=10,
    settings=resolve("simple_cnn", {}, settings), seeds=[10, 11],
)
rows, states, _ = score.train_and_score(asked, None, True, None, {"CPU": 1})
outcome = train_one.train_one("tiny_cnn", asked, pathlib.Path(sys.argv[2]))
print(len(rows), sorted(states), outcome["epochs"])
"""


def test_it_trains_without_ray_optuna_pandas_and_matplotlib(tmp_path):
    question = json.dumps(tiny.question().model_dump(mode="json"))
    done = subprocess.run(
        [sys.executable, "-c", CODE, question, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 [10, 11] 2\n"
