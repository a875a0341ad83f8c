"""Whole sweeps: against stock Ray Tune around the notebook's loop, and what a trial costs."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from benchmarks.engine import settings
from benchmarks.notebook_loop import Loop, make_module
from ibsweep.cluster.session import ray_session
from ibsweep.data import EdgeDataset, replicate_data
from ibsweep.models.settings import resolve, split_settings
from ibsweep.questions.files import load_all
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.records import Trial
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.optuna_trials import suggest
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.runner import run_sweep

__all__ = ["ARMS", "against_stock", "overhead"]

ARMS = {"q1_mlp": (32, 100), "q2_cnn": (24, 100), "q3_mlp": (24, 100), "q7_wider": (12, 100)}
"""Configurations of each sweep and their epochs: from trials that cost next to nothing to those
that cost the most, each three or four minutes of stock Ray Tune on two cores. The questions allow
500 to 1000 epochs, and 50 configurations."""

_MORE = 10
"""Trials of ours for one of stock's at most, where the time to an accuracy is taken: pruned ones
cost little, and the stock sweep's time is the budget."""


class _Clock(Progress):
    """Notes when a sweep begins to train, when each trial ends, and when training ends."""

    def __init__(self) -> None:
        super().__init__()
        self.began = self.ended = 0.0
        self.finished: list[tuple[float, Trial]] = []

    def phase(self, text: str) -> None:
        if text == "training":
            self.began = time.perf_counter()
        super().phase(text)

    def trial_finished(self, row: Trial) -> None:
        self.ended = time.perf_counter()
        self.finished.append((self.ended - self.began, row))
        super().trial_finished(row)

    @property
    def seconds(self) -> float:
        """From the first proposal to the last trial; confirmation is not in it."""
        return self.ended - self.began


def _swept(question: Question, arm: Arm, **options: Any) -> _Clock:
    clock = _Clock()
    chosen = SweepOptions(confirm=1, choice_replicates=1, confirm_replicates=2, **options)
    with tempfile.TemporaryDirectory() as folder:
        manifest = make_manifest("benchmark", question, arm, chosen, ["benchmarks"])
        run_sweep(SweepStore.create(Path(folder), manifest), clock)
    return clock


def narrowed(
    question: Question, arm: Arm, tuned: set[str], fixed: dict[str, Any]
) -> tuple[Question, Arm]:
    """Return the question with this arm alone, of which only ``tuned`` is searched."""
    held = {name: value for name, value in {**arm.fixed, **fixed}.items() if name not in tuned}
    arm = arm.model_copy(
        update={
            "space": {name: one for name, one in arm.space.items() if name in tuned},
            "fixed": held,
            "baseline": {name: v for name, v in (arm.baseline or {}).items() if name in tuned},
            "variants": {},
        }
    )
    return question.model_copy(update={"arms": {arm.name: arm}, "claims": ()}), arm


def against_stock(replicates: int, share: int = 1) -> Iterator[dict[str, Any]]:
    """Yield for several arms the seconds of a sweep with stock Ray Tune and with ours.

    Both train the same configurations for the same epochs and seeds, on as many cores, with no
    pruning. Then ours sweeps once more with pruning and more trials, for as long as the stock
    sweep took at most, and the time is taken until it first reaches the accuracy that the stock
    sweep ended with.

    Args:
        replicates: Seeds of each configuration.
        share: Divides the configurations and epochs of ``ARMS``.
    """
    questions = load_all()
    with ray_session(None):
        for name, (trials, epochs) in ARMS.items():
            question = questions[name[:2]]
            arm = question.arms[name]
            # the same epochs for every trial: what is compared is how fast they are trained
            tuned = set(arm.space) - {"epochs"}
            question, arm = narrowed(question, arm, tuned, {"epochs": epochs // share})
            yield _against_stock(question, arm, trials // share, replicates)


def _against_stock(question: Question, arm: Arm, trials: int, replicates: int) -> dict[str, Any]:
    _swept(question, arm, trials=2, replicates=replicates)  # workers and kernels are warm
    ours = _swept(question, arm, trials=trials, replicates=replicates, pruner="none")
    rows = [row for _, row in sorted(ours.finished, key=lambda pair: pair[1].trial)]
    stock = _stock(question, arm, [row.config for row in rows], replicates)
    pruned = _swept(
        question,
        arm,
        trials=_MORE * trials,
        replicates=replicates,
        time_budget=stock.seconds,
    )
    reached = [
        seconds
        for seconds, row in pruned.finished
        if row.reason is None and (row.figure("valid_accuracy") or 0) >= stock.best
    ]
    return {
        "arm": arm.name,
        "trials": trials,
        "replicates": replicates,
        "epochs": arm.fixed["epochs"],
        "stock_seconds": stock.seconds,
        "ibsweep_seconds": ours.seconds,
        "ratio": stock.seconds / ours.seconds,
        "stock_best": stock.best,
        "ibsweep_best": max(row.figure("valid_accuracy") or 0 for row in rows),
        "stock_seconds_to_best": stock.seconds_to_best,
        "ibsweep_seconds_to_stock_best": min(reached, default=None),
    }


class _Stock(NamedTuple):
    """What a stock sweep came to: its seconds, its best accuracy, and when that was reported."""

    seconds: float
    best: float
    seconds_to_best: float


def _stock(question: Question, arm: Arm, configs: list[dict[str, Any]], replicates: int) -> _Stock:
    """Run stock Ray Tune around the notebook's loop on the same configurations."""
    task = EdgeDataset.from_dict(question.data)
    classes = len(task.classes)
    notebook = next(one for one in settings() if one.arm == arm.name)

    def train(config: dict[str, Any]) -> None:
        import torch

        torch.set_num_threads(1)
        training, options = split_settings(resolve(arm.model, arm.fixed, config))
        accuracies = []
        for seed in range(10, 10 + replicates):
            data = replicate_data(task, seed, arm.train_size)
            torch.manual_seed(seed)
            loop = Loop(
                make_module(arm.model, options, classes),
                (data.train.images, data.train.labels),
                (data.valid.images, data.valid.labels),
                training["lr"],
                training["batch_size"],
                notebook.valid_batch_size,
            )
            loop.optimizer = _optimizer(loop, training)
            for _ in range(training["epochs"] - 1):
                loop.train_epoch()
                if notebook.evaluates:
                    loop.evaluate()
            loop.train_epoch()
            accuracies.append(loop.evaluate())
        tune.report({"valid_accuracy": float(np.mean(accuracies)), "reported": time.time()})

    def space(trial: optuna.Trial) -> None:
        suggest(trial, arm.space)

    search = OptunaSearch(
        space,
        metric="valid_accuracy",
        mode="max",
        points_to_evaluate=[dict(config) for config in configs],
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        results = tune.Tuner(
            tune.with_resources(train, {"cpu": 1}),
            tune_config=tune.TuneConfig(search_alg=search, num_samples=len(configs)),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        seconds = time.time() - started
    if results.num_errors:
        raise RuntimeError(f"the stock sweep failed: {results.errors[0]}")
    rows = [result.metrics or {} for result in results]
    best = max(row["valid_accuracy"] for row in rows)
    first = min(row["reported"] for row in rows if row["valid_accuracy"] == best)
    return _Stock(seconds, best, first - started)


def _optimizer(loop: Loop, settings: dict[str, Any]) -> Any:
    import torch

    parameters, lr = loop.module.parameters(), settings["lr"]
    if settings["optimizer"] == "adam":
        return torch.optim.Adam(parameters, lr=lr, betas=(settings["beta1"], 0.999))
    return torch.optim.SGD(parameters, lr=lr, momentum=settings["momentum"])


def overhead(counts: tuple[int, ...] = (100, 1000)) -> Iterator[dict[str, Any]]:
    """Yield the wall time a trial costs that trains next to nothing, for several sweep sizes.

    Args:
        counts: Trials of each sweep.
    """
    question = load_all()["q1"]
    arm = question.arms["q1_mlp"]
    question, arm = narrowed(question, arm, {"lr"}, {**(arm.baseline or {}), "epochs": 1})
    with ray_session(None):
        _swept(question, arm, trials=4, replicates=1)
        for sampler, count in itertools.product(("random", "tpe"), counts):
            clock = _swept(question, arm, trials=count, replicates=1, sampler=sampler)
            trained = sum(row.seconds for _, row in clock.finished)
            yield {
                "sampler": sampler,
                "trials": count,
                "seconds": clock.seconds,
                "trained_seconds": trained,
                "ms_per_trial": 1e3 * clock.seconds / count,
            }
