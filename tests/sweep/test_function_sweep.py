"""Sweeps over training functions of the user's own: pruning, logs, lost workers, confirmation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from ibsweep.cli import run
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore

pytestmark = pytest.mark.ray

QUESTION = """
question: mine
data: {from: "sklearn.datasets:load_digits", scale: minmax}
split: {train: 10, valid: 10, test: 20, per: class}
objective: accuracy
arms:
  sgd:
    train: mine.py:train
    fixed: {epochs: 9}
    space:
      alpha: {type: float, low: 1e-6, high: 1e-1, log: true}
"""
FUNCTION = """
    import os, signal, tempfile, time
    from pathlib import Path
    import joblib
    import numpy as np
    from sklearn.linear_model import SGDClassifier

    MARK = Path(__file__).parent / "killed"

    def train(config, data, seed, report):
        model = SGDClassifier(loss="log_loss", alpha=config["alpha"], random_state=seed)
        x, y = data.train.x.flatten(1).numpy(), data.train.y.numpy()
        start = 1
        if saved := report.restore():
            start = report.epoch + 1
            print("restored after epoch", report.epoch)
            model = joblib.load(saved / "model")
        for epoch in range(start, config["epochs"] + 1):
            model.partial_fit(x, y, classes=np.arange(data.outputs))
            print("trained", epoch)
            report(epoch, predict=model)
            EXTRA
"""
KILL = """
            if seed == 10:
                with tempfile.TemporaryDirectory() as folder:
                    joblib.dump(model, folder + "/model")
                    report.checkpoint(folder)
            elif epoch == 4 and not MARK.exists():
                MARK.touch()
                os.kill(os.getpid(), signal.SIGKILL)
"""

KILL_KEEPER = """
            if epoch == 4 and not MARK.exists():
                MARK.touch()
                import ray
                ray.kill(ray.get_actor("ibsweep-checkpoints"), no_restart=False)
"""


def write(folder, extra="pass"):
    source = textwrap.dedent(FUNCTION.replace("EXTRA", extra.strip()))
    (folder / "mine.py").write_text(source)
    (folder / "mine.yaml").write_text(QUESTION)
    return str(folder / "mine.yaml")


def words(folder, question, **options):
    given = {"trials": 6, "replicates": 2, "confirm": 1} | options
    given = {"choice_replicates": 2, "confirm_replicates": 2} | given
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return ["tune", question, "--name", "mine", "--results", str(folder / "results"), *flags]


def comparable(store):
    return {
        row.trial: (row.config, row.state, row.replicates, row.rungs) for row in store.trials()
    }


def test_a_sweep_prunes_confirms_and_keeps_logs(ray_local, tmp_path, capsys):
    command = words(tmp_path, write(tmp_path), trials=10)
    assert run([*command, "--quiet", "--json"]) == 0
    (sweep,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert sweep["best"]["test_accuracy"]["mean"] > 60
    store = SweepStore(tmp_path / "results" / "mine")
    states = {row.state for row in store.trials()}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    assert not store.paths.best_model.exists()
    scored = {(row.purpose, row.test_confusion is not None) for row in store.confirmations()}
    assert scored == {("choice", False), ("score", True)}
    pruned = next(row for row in store.trials() if row.state == TrialState.PRUNED)
    words_of_log = ["logs", "mine", "--results", str(tmp_path / "results"), "--trial"]
    assert run([*words_of_log, str(pruned.trial)]) == 0
    log = capsys.readouterr().out
    assert log.count("10 | trained") == pruned.epochs
    best = next(row.trial for row in store.confirmations() if row.purpose == "score")
    assert "--- choosing: 1 fresh replicates ---\n" in store.paths.log(best).read_text()
    assert "--- scoring: 1 fresh replicates ---\n" in store.paths.log(best).read_text()
    assert run([*words_of_log, "77"]) == 2
    assert "mine has no trial 77" in capsys.readouterr().err


def test_figures_alone_are_warned_of_at_the_first_trial(ray_local, tmp_path, capsys):
    question = write(tmp_path)
    source = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(source.replace("predict=model", "accuracy=epoch"))
    assert run(words(tmp_path, question, trials=2)) == 1
    err = capsys.readouterr().err
    assert err.count("reports figures alone: the confirmation will fail") == 1
    assert err.index("the confirmation will fail") < err.index("mine: 2/2")
    assert "mine.py:train reported figures alone: held-out examples never reach it" in err


def test_a_lost_worker_goes_on_from_the_checkpoint(ray_local, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder, extra in ((whole, "pass"), (killed, KILL)):
        folder.mkdir()
        command = words(folder, write(folder, extra), trials=1, pruner="none")
        assert run([*command, "--quiet"]) == 0
    store = SweepStore(killed / "results" / "mine")
    (row,) = store.trials()
    assert len(row.lost) == 1
    assert comparable(store) == comparable(SweepStore(whole / "results" / "mine"))
    log = store.paths.log(0).read_text().partition("---")[0]
    _, other = store.manifest.replicate_seeds
    assert log.startswith(f"10 | restored after epoch 8\n10 | trained 9\n{other} | trained 1\n")
    assert log.count(f"{other} | trained") == 9, "this one starts anew"


def test_where_the_keeper_of_checkpoints_dies_no_trial_is_lost(ray_local, tmp_path):
    command = words(tmp_path, write(tmp_path, KILL_KEEPER), trials=4, pruner="none")
    assert run([*command, "--quiet"]) == 0
    assert (tmp_path / "killed").exists()
    rows = SweepStore(tmp_path / "results" / "mine").trials()
    assert [(row.state, row.lost) for row in rows] == [(TrialState.COMPLETE, ())] * 4


@pytest.mark.slow
def test_a_killed_sweep_is_resumed_with_the_same_trials(tmp_path):
    question = write(tmp_path, "time.sleep(0.02)")
    command = [sys.executable, "-m", "ibsweep", *words(tmp_path, question)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
    process = subprocess.Popen(command, env=kept, start_new_session=True)
    trials = tmp_path / "results" / "mine" / "trials.jsonl"
    deadline = time.monotonic() + 120
    while not (trials.exists() and trials.read_text().count("\n") >= 2):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = trials.read_text()
    resume = ["resume", "mine", "--results", str(tmp_path / "results"), "--quiet"]
    subprocess.run([sys.executable, "-m", "ibsweep", *resume], env=kept, check=True, timeout=180)
    assert trials.read_text().startswith(before)
    store = SweepStore(tmp_path / "results" / "mine")
    assert sorted(row.trial for row in store.trials()) == list(range(6))
    assert store.paths.best_config.exists()
