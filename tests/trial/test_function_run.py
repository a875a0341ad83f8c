"""Training functions of one's own: rungs, generators, what ends them, what they may report."""

from __future__ import annotations

import io
import textwrap
import threading
import time

import numpy as np
import pytest
import torch

from ibsweep.errors import InputError
from ibsweep.trial.function_run import FunctionRun
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import start_run

DIGITS = {
    "from": "sklearn.datasets:load_digits",
    "scale": "minmax",
    "split": {"train": 10, "valid": 10, "test": 20, "per": "class"},
}
DIABETES = {
    "from": "sklearn.datasets:load_diabetes",
    "split": {"train": 100, "valid": 100, "test": 100, "per": "all"},
}

TORCH = """
    import random, numpy as np, torch
    from torch import nn
    import torch.nn.functional as F

    def train(config, data, seed, report):
        x, y = data.train.x, data.train.y
        model = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), 16), nn.ReLU(),
                              nn.Dropout(0.2), nn.Linear(16, data.outputs))
        optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"])
        for epoch in range(1, config["epochs"] + 1):
            for rows in torch.randperm(len(x)).split(20):
                scale = 1 + 0.1 * (random.random() + np.random.rand())
                loss = scale * F.cross_entropy(model(x[rows]), y[rows])
                optimizer.zero_grad(); loss.backward(); optimizer.step()
            print("epoch", epoch)
            report(epoch, predict=model)
"""
SKLEARN = """
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    def train(config, data, seed, report):
        x, y = data.train.x.flatten(1).numpy(), data.train.y.numpy()
        model = MLPClassifier((32,), learning_rate_init=config["lr"], random_state=seed)
        for epoch in range(1, config["epochs"] + 1):
            model.partial_fit(x, y, classes=np.arange(data.outputs))
            report(epoch, predict=PREDICT)
"""


def loop(report: str = "report(epoch, accuracy=50 + epoch)", after: str = "pass") -> str:
    """A function that trains nothing."""
    return f"""
    import sys, time, tempfile, pathlib, torch

    def train(config, data, seed, report):
        for epoch in range(1, config["epochs"] + 1):
            {report}
        {after}
"""


@pytest.fixture
def make(tmp_path):
    runs = []

    def make(source, *, seeds=(10, 11), rungs=(2, 4), data=DIGITS, metrics=("accuracy",), **more):
        (tmp_path / "mine.py").write_text(textwrap.dedent(source))
        settings = {"epochs": 6, "lr": 0.1} | more.pop("settings", {})
        plan = TrialPlan(
            trial=3,
            model="",
            data=data,
            train_size=data["split"]["train"],
            settings=settings,
            seeds=seeds,
            rungs=rungs,
            metrics=metrics,
            train="mine.py:train",
            own={"folder": str(tmp_path), "code": {}},
            **more,
        )
        run = start_run(plan)
        assert isinstance(run, FunctionRun)
        runs.append(run)
        return run

    before = set(threading.enumerate())
    yield make
    for run in runs:
        run.close()
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("replicate")]
    assert [t for t in left if t.name != "replicate 99"] == []


def curves_of(run):
    curves = []
    run.complete(curves.append)
    return curves


def test_it_stops_at_the_rungs_and_at_the_budget(make):
    run = make(TORCH)
    epochs = []
    while not run.finished:
        epochs.append(run.advance().epoch)
    assert epochs == [2, 4, 6]
    assert run.failure is None


def test_a_replicate_in_company_is_the_replicate_alone_bit_for_bit(make):
    together = [c.replicates for c in curves_of(make(TORCH))]
    outside = torch.get_rng_state()
    for lane, seed in enumerate((10, 11)):
        alone = [c.replicates for c in curves_of(make(TORCH, seeds=(seed,), rungs=(1, 5)))]
        assert alone[-1][0] == together[-1][lane]
    assert torch.equal(torch.get_rng_state(), outside)
    assert together[-1][0].valid != together[-1][1].valid


def test_a_figure_does_not_depend_on_how_often_it_is_validated(make):
    often = {c.epoch: c.replicates for c in curves_of(make(TORCH, every_epoch=True))}
    assert list(often) == [1, 2, 3, 4, 5, 6]
    for curve in curves_of(make(TORCH)):
        assert curve.replicates == often[curve.epoch]


@pytest.mark.parametrize(
    "predict", ["model", "lambda x: model.predict_proba(x.flatten(1).numpy())"]
)
def test_scikit_learns_models_are_scored_as_scikit_learn_does(make, predict):
    run = make(SKLEARN.replace("PREDICT", predict), settings={"lr": 0.01, "epochs": 30})
    last = run.complete()
    for lane, one in enumerate(run.replicates):
        sets = run.dataset.replicate(one.seed, 10)
        x, y = sets.valid.tensor().flatten(1).numpy(), sets.valid.targets
        model = one.thread.reported.predict
        model = model if predict == "model" else model.__closure__[0].cell_contents
        figures = last.replicates[lane].valid
        assert figures["accuracy"] == pytest.approx(100 * model.score(x, y))
        assert figures["accuracy"] > 60
        expected = -np.log(model.predict_proba(x)[np.arange(len(y)), y]).mean()
        assert figures["loss"] == pytest.approx(expected, rel=1e-4)


def test_held_out_rows_score_the_last_model(make):
    run = make(TORCH, settings={"epochs": 30})
    run.complete()
    test = run.score("test")
    model = run.replicates[1].thread.reported.predict.eval()
    held_out = run.dataset.held_out(11, 10)
    with torch.no_grad():
        right = model(held_out.tensor()).argmax(1) == torch.from_numpy(held_out.targets)
    assert test.figures["accuracy"][1].item() == pytest.approx(100 * right.float().mean().item())
    assert test.confusion.sum().item() == 2 * 200
    assert set(run.lane_state_dict(0)) == {"1.weight", "1.bias", "4.weight", "4.bias"}


def test_numbers_are_predicted_too(make):
    source = """
    from sklearn.linear_model import SGDRegressor

    def train(config, data, seed, report):
        model = SGDRegressor(eta0=0.01, random_state=seed)
        for epoch in range(1, config["epochs"] + 1):
            model.partial_fit(data.train.x.numpy(), data.train.y.numpy())
            report(epoch, predict=model)
    """
    run = make(source, data=DIABETES, metrics=("rmse", "r2"))
    last = run.complete().replicates[0].valid
    assert set(last) == {"rmse", "r2", "loss"}
    assert last["loss"] == pytest.approx(last["rmse"] ** 2)
    assert run.score("test").confusion is None


def test_figures_of_the_users_own_are_recorded_but_held_out_rows_need_predict(make):
    run = make(loop())
    assert [r.valid["accuracy"] for r in run.complete().replicates] == [56, 56]
    with pytest.raises(InputError, match=r"mine.py:train reported figures alone.*predict="):
        run.score("test")


def test_one_that_returns_early_is_finished_at_its_last_report(make):
    run = make(loop("report(epoch, accuracy=epoch)\n            if epoch == 3: return"))
    assert [c.epoch for c in curves_of(run)] == [2, 3]
    assert run.finished


def test_one_that_reports_seldom_is_compared_by_its_next_report(make):
    run = make(loop("if epoch % 3 == 0: report(epoch, accuracy=epoch)"))
    curves = curves_of(run)
    assert [(c.epoch, c.mean("valid_accuracy")) for c in curves] == [(2, 3), (4, 6), (6, 6)]


def test_one_that_goes_on_is_stopped_at_the_budget(make):
    body = "\n            ".join(
        ("for n in range(1, 10**9):", "    report(n, accuracy=1)", "return")
    )
    run = make(loop(body))
    assert curves_of(run)[-1].epoch == 6
    run.close()
    assert run.replicates[0].thread.ended
    assert not run.lost


def test_a_pruned_one_is_ended_and_cleans_up(make, tmp_path):
    source = f"""
    def train(config, data, seed, report):
        try:
            for epoch in range(1, 7):
                try:
                    report(epoch, accuracy=1)
                except Exception:
                    print("swallowed")
        finally:
            with open(r"{tmp_path}/closed", "a") as file:
                file.write("x")
            print("cleaned up")
    """
    run = make(source)
    run.advance()
    run.close()
    assert (tmp_path / "closed").read_text() == "xx"
    assert run.take_log() == "10 | cleaned up\n11 | cleaned up\n"


@pytest.mark.parametrize("catches", ["report(epoch, accuracy=1)", "time.sleep(0.05)"])
def test_one_that_catches_everything_does_not_hang(make, catches, monkeypatch):
    monkeypatch.setattr("ibsweep.trial.replicate_thread._PATIENCE", 0.3)
    source = f"""
    import time

    def train(config, data, seed, report):
        epoch = 0
        while True:
            epoch += 1
            try:
                report(epoch, accuracy=1)
            except BaseException:
                while {catches.startswith("time")}:
                    try:
                        {catches}
                    except BaseException:
                        pass
    """
    run = make(source, seeds=(99,))
    run.advance()
    started = time.monotonic()
    run.close()
    assert time.monotonic() - started < 5
    assert "must not catch BaseException and go on" in run.take_log()
    assert run.lost == catches.startswith("time")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (loop("report(0, accuracy=1)"), "counts the epochs trained, from 1, but got 0"),
        (loop("report(1, accuracy=1)"), "epochs must rise from call to call, but 1 came after 1"),
        (loop("report(epoch)"), "accuracy=, the question's objective, but got neither"),
        (loop("report(epoch, acuracy=1)"), "but got acuracy="),
        (loop("report(epoch, accuracy=1, f1=2)"), "records no 'f1'"),
        (loop("report(epoch, accuracy=120)"), "accuracy lies in 0 to 100 %, but got 120"),
        (loop("report(epoch, accuracy='x')"), "accuracy must be a number, but got 'x'"),
        (loop("report(epoch, predict=3)"), "predict= must be a torch.nn.Module"),
        (loop("report(epoch, predict=torch.nn.Linear)"), "the class Linear itself"),
        (loop("report(epoch, predict=lambda x: x.flatten(1)[:, :7])"), r"needed: \[100, 10\]"),
        (loop("report(epoch, predict=lambda x: x, accuracy=1)"), "but not both"),
        (loop("report('1', accuracy=1)"), "epoch must be a whole number, but got '1'"),
        (loop("pass"), "returned and has reported nothing"),
        (loop("1 / 0"), r"mine.py:6: `1 / 0`: ZeroDivisionError: division by zero"),
        (loop("sys.exit(1)"), r"mine.py:6: `sys.exit\(1\)`: SystemExit: 1"),
        (
            loop("""
            try: report(epoch)
            except Exception: pass"""),
            "but got neither",
        ),
    ],
)
def test_what_is_wrong_fails_the_trial_with_its_line(make, source, message):
    run = make(source)
    with pytest.raises(InputError, match=rf"^mine.py:train: .*{message}|^mine.py:train {message}"):
        run.complete()


def test_the_whole_traceback_is_in_the_log(make):
    run = make(loop("print('here'); {}['lr']"))
    with pytest.raises(InputError, match="KeyError: 'lr'"):
        run.advance()
    log = run.take_log()
    assert log.startswith("10 | here\n10 | Traceback (most recent call last):\n")
    assert "10 | KeyError: 'lr'\n" in log


def test_what_it_prints_goes_to_the_log_alone(make, capsys):
    run = make(TORCH, seeds=(10, 11))
    run.advance()
    print("outside")
    assert run.take_log() == "10 | epoch 1\n10 | epoch 2\n11 | epoch 1\n11 | epoch 2\n"
    run.complete()
    assert run.take_log().count("\n") == 8
    assert capsys.readouterr().out == "outside\n"


def test_a_replicate_that_diverges_is_scored_at_chance(make):
    source = loop("report(epoch, predict=lambda x: x.flatten(1)[:, :10] * float('nan'))")
    run = make(source)
    last = run.complete()
    assert [r.diverged_epoch for r in last.replicates] == [2, 2]
    assert last.mean("valid_accuracy") == 10
    assert run.failure == "every replicate diverged, the last in epoch 2"


def test_it_cannot_change_what_others_are_given(make):
    source = loop("data.valid.x.zero_(); data.valid.y.zero_(); data.train.x.zero_()")
    run = make(source.replace("pass", "report(1, accuracy=1)"), seeds=(10,))
    run.complete()
    again = make(TORCH, seeds=(10,), settings={"epochs": 30}).complete()
    assert again.mean("valid_accuracy") > 50


CHECKPOINTS = TORCH.replace(
    "for epoch in range(1, config",
    """start, kept = 1, report.restore()
        if kept:
            model.load_state_dict(torch.load(kept / "model.pt", weights_only=True))
            start = report.epoch + 1
        for epoch in range(start, config""",
).replace(
    "report(epoch, predict=model)",
    """report(epoch, predict=model)
            if epoch % 2 == 1:
                import tempfile
                with tempfile.TemporaryDirectory() as folder:
                    torch.save(model.state_dict(), folder + "/model.pt")
                    report.checkpoint(folder)""",
)


def test_a_checkpoint_continues_exactly_and_others_start_anew(make):
    whole = [c.replicates for c in curves_of(make(TORCH))]
    run = make(CHECKPOINTS)
    run.advance()
    run.advance()
    buffer = io.BytesIO()
    torch.save(run.state_dict(), buffer)
    run.close()
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    assert {seed: one["epoch"] for seed, one in state["replicates"].items()} == {10: 3, 11: 3}
    del state["replicates"][11]
    again = make(CHECKPOINTS)
    again.load_state_dict(state)
    assert [c.replicates for c in curves_of(again)] == whole
    again.close()
    printed = again.take_log()
    assert "10 | epoch 3\n" not in printed
    assert "10 | epoch 4\n" in printed
    assert "11 | epoch 1\n" in printed


def test_a_checkpoint_of_no_directory_is_refused(make):
    run = make(loop("report(epoch, accuracy=1); report.checkpoint('nowhere')"))
    with pytest.raises(InputError, match="there is no directory nowhere"):
        run.complete()


def test_a_long_seed_is_handed_over_as_libraries_take_it(make):
    """scikit-learn's random_state takes 32 bits; a replicate's seed has up to 52."""
    source = """
    import numpy as np, sys
    from sklearn.ensemble import RandomForestClassifier

    def train(config, data, seed, report):
        print(seed, np.random.RandomState(seed).randint(2**31))
        forest = RandomForestClassifier(5, random_state=seed)
        forest.fit(data.train.x.flatten(1).numpy(), data.train.y.numpy())
        report(1, predict=forest)
    """
    seeds = (10, 2**32 - 1, 2**51 + 10, 2**51 + 11)
    run = make(source, seeds=seeds, settings={"epochs": 1})
    curve = run.complete()
    assert [one.seed for one in curve.replicates] == list(seeds)
    log = run.take_log().splitlines()
    assert [line.split(" | ")[0] for line in log] == [str(seed) for seed in seeds]
    handed = [int(line.split(" | ")[1].split()[0]) for line in log]
    assert handed[:2] == list(seeds[:2]), "short ones as ever"
    assert len(set(handed)) == 4
    assert max(handed[2:]) < 2**31
