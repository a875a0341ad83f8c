"""What a worker does for a confirmation.

It has a module of its own, since a worker imports all of the module that its function is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import NDArray

from ibsweep.gc_control import gc_paused
from ibsweep.metrics.training_test import classes_told_apart, follows_targets
from ibsweep.results.records import Confirmation

with gc_paused():
    import torch

    from ibsweep.training import Evaluation
    from ibsweep.trial.device import configure_device
    from ibsweep.trial.figures import lane_figures
    from ibsweep.trial.function_run import FunctionRun
    from ibsweep.trial.plan import TrialPlan
    from ibsweep.trial.run import Run, TrialRun, start_run
    from ibsweep.trial.supplies import supplied

__all__ = ["train_and_score"]


def train_and_score(
    plan: TrialPlan,
    purpose: Literal["choice", "score"] | None,
    weights: bool,
    data: Mapping[str, NDArray[Any]] | None,
    resources: dict[str, float],
) -> tuple[list[Confirmation], dict[int, dict[str, torch.Tensor]], str]:
    """Train a plan to its end and score every split.

    Args:
        plan: What to train.
        purpose: What the rows are for.
        weights: Whether to return them; a training function of the user's own has none.
        data: The arrays of the data; None where they are generated.
        resources: CPUs and GPUs that there are for it, by Ray's names.

    Returns:
        A row a replicate; state dicts by replicate seed, of those whose weights are known; what a
        training function printed.

    Raises:
        InputError: If a training function fails.
    """
    run = start_run(supplied(plan, data), configure_device(resources))
    try:
        return _score(run, purpose, weights=weights)
    finally:
        if isinstance(run, FunctionRun):
            run.close()


def _score(
    run: Run, purpose: Literal["choice", "score"] | None, *, weights: bool
) -> tuple[list[Confirmation], dict[int, dict[str, torch.Tensor]], str]:
    last = run.complete()
    train, test = run.score("train"), run.score("test")
    rows = [
        Confirmation(
            trial=last.trial,
            train_size=run.plan.train_size,
            seed=replicate.seed,
            epochs=last.epoch,
            valid=replicate.valid,
            train=lane_figures(train.figures, train.loss, lane),
            # those that choose must not be mistaken for a score: only whether they train is kept
            test={} if purpose == "choice" else lane_figures(test.figures, test.loss, lane),
            test_confusion=(
                None
                if test.confusion is None or purpose == "choice"
                else test.confusion[lane].tolist()
            ),
            diverged_epoch=replicate.diverged_epoch,
            seconds=run.seconds,
            purpose=purpose,
            trained=replicate.diverged_epoch is None and _says_something(run, test, lane),
        )
        for lane, replicate in enumerate(last.replicates)
    ]
    states = {r.seed: _weights(run, lane) for lane, r in enumerate(last.replicates) if weights}
    log = ""
    if isinstance(run, FunctionRun):
        run.close()
        log = run.take_log()
    return rows, {seed: state for seed, state in states.items() if state is not None}, log


def _says_something(run: Run, test: Evaluation, lane: int) -> bool:
    """Return whether a lane's predictions on its test examples pass the training test."""
    if test.confusion is not None:
        return classes_told_apart(test.confusion[lane].tolist())
    plan = run.plan
    targets = run.dataset.held_out(plan.seeds[lane], plan.train_size).targets
    return follows_targets(test.outputs[lane].numpy(), targets)


def _weights(run: Run, lane: int) -> dict[str, torch.Tensor] | None:
    if isinstance(run, FunctionRun):
        return run.lane_state_dict(lane)
    assert isinstance(run, TrialRun)
    return run.model.lane_state_dict(lane)
