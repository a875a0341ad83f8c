"""Training one configuration outside of a sweep: model, curves and kernels to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

from ibsweep.errors import InputError
from ibsweep.results.files import append_file, replace_file
from ibsweep.results.records import Curve
from ibsweep.trial.figures import lane_figures
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun
from ibsweep.trial.saved import tensor_bytes

__all__ = ["train_one"]


def train_one(
    arm: str,
    plan: TrialPlan,
    directory: Path,
    *,
    cpus: int = 1,
    on_epoch: Callable[[Curve], None] | None = None,
) -> dict[str, Any]:
    """Train a configuration, save it, and return the figures of every replicate.

    Saves ``config.yaml``, ``curves.jsonl`` (a line a validated epoch), ``model-SEED.pt`` (plain
    state dicts) and ``kernels.pt`` (``{"trained": {seed: ...}, "untrained": {seed: ...}}``, the
    first layer's weights).

    Args:
        arm: Name of its arm, for the record.
        plan: What to train.
        directory: Where everything is saved; must not exist.
        cpus: Threads.
        on_epoch: Called with the replicates' figures of each validated epoch.

    Raises:
        InputError: If the directory exists or cannot be made.
        SweepError: If the disk is full.
    """
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot make {directory}: {reason}; name another") from error
    document = {"arm": arm, "settings": dict(plan.settings), "seeds": list(plan.seeds)}
    replace_file(directory / "config.yaml", yaml.safe_dump(document, sort_keys=False).encode())
    torch.set_num_threads(cpus)
    run = TrialRun(plan)
    first = next(iter(run.model.lane_state_dict(0)))
    untrained = {seed: run.model.lane_state_dict(i)[first] for i, seed in enumerate(plan.seeds)}

    def write(curve: Curve) -> None:
        line = f"{curve.model_dump_json()}\n".encode()
        append_file(directory / "curves.jsonl", line, durable=False)
        if on_epoch:
            on_epoch(curve)

    last = run.complete(write)
    states = {seed: run.model.lane_state_dict(i) for i, seed in enumerate(plan.seeds)}
    for seed, state in states.items():
        replace_file(directory / f"model-{seed}.pt", tensor_bytes(state))
    trained = {seed: state[first] for seed, state in states.items()}
    kernels = tensor_bytes({"trained": trained, "untrained": untrained})
    replace_file(directory / "kernels.pt", kernels)
    return {
        "arm": arm,
        "directory": str(directory),
        "epochs": last.epoch,
        "replicates": _with_test_scores(run, last),
    }


def _with_test_scores(run: TrialRun, last: Curve) -> list[dict[str, Any]]:
    """Return a row a replicate: its last figures, and those on held-out examples."""
    test = run.score("test")
    rows = []
    for lane, replicate in enumerate(last.replicates):
        splits = {
            "valid": replicate.valid,
            "train": replicate.train,
            "test": lane_figures(test.figures, test.loss, lane),
        }
        figures = {
            f"{split}_{name}": value
            for split, values in splits.items()
            for name, value in values.items()
        }
        rows.append(
            {"seed": replicate.seed, **figures, "diverged_epoch": replicate.diverged_epoch}
        )
    return rows
