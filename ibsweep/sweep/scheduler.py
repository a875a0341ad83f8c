"""The schedulers of Ray Tune that prune weak trials, asked at rungs alone.

The baseline is never pruned: without its figure at the notebook's full setting nothing could be
called better.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from ibsweep.results.records import Curve, Trial, TrialState

__all__ = ["make_scheduler", "replay"]


class _RungScheduler(FIFOScheduler):  # type: ignore[misc]
    """Put before a scheduler of Ray Tune, asks it at rungs alone and tells what it pruned.

    Args:
        rungs: Epochs at which trials are compared.
        on_prune: Called with Tune's id of a trial that is pruned, and its epoch.
        arguments: The scheduler's own.
    """

    def __init__(
        self, rungs: Collection[int], on_prune: Callable[[str, int], None], **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self._compared_at, self._on_prune = rungs, on_prune

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        # Ray draws the bracket from numpy's global generator. Drawn from the trial's number,
        # it is the same one after a resumption.
        state = np.random.get_state()
        np.random.seed(trial.config["plan"]["trial"])
        super().on_trial_add(controller, trial)
        np.random.set_state(state)

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        decision: str = TrialScheduler.CONTINUE
        if result["epoch"] not in self._compared_at:
            return decision  # validated for its curve alone; only ``replay`` meets such
        if trial.config["never_prune"]:
            self._record(controller, trial, result)
            return decision
        decision = super().on_trial_result(controller, trial, result)
        if decision == TrialScheduler.STOP:
            self._on_prune(trial.trial_id, result["epoch"])
        return decision

    @abstractmethod
    def _record(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Let a result count for others, without a decision about its own trial."""


class _Halving(_RungScheduler, AsyncHyperBandScheduler):  # type: ignore[misc]
    def _record(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        AsyncHyperBandScheduler.on_trial_result(self, controller, trial, result)


class _Median(_RungScheduler, MedianStoppingRule):  # type: ignore[misc]
    def _record(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        # the rule may not be asked about a trial again once it said stop
        MedianStoppingRule.on_trial_complete(self, controller, trial, result)


def make_scheduler(
    pruner: dict[str, Any], metric: str, mode: str, on_prune: Callable[[str, int], None]
) -> TrialScheduler:
    """Make the Ray Tune scheduler of a manifest's pruner.

    Args:
        pruner: What ``pruner_arguments`` returned.
        metric: Result key that is compared.
        mode: ``"max"`` or ``"min"``.
        on_prune: Called with Tune's id of a trial that is pruned, and its epoch.
    """
    arguments = dict(pruner)
    name = arguments.pop("name")
    if name == "none":
        return FIFOScheduler()
    if name == "median":
        arguments["min_time_slice"] = math.inf  # it never pauses a trial to wait for others
    scheduler = _Median if name == "median" else _Halving
    return scheduler(time_attr="epoch", metric=metric, mode=mode, on_prune=on_prune, **arguments)


class _FinishedTrial:
    """Stands in for a Tune trial of an earlier run: schedulers look at no more of it.

    Whether it was to be pruned is decided already, so that it cannot be now.
    """

    def __init__(self, trial: int) -> None:
        self.trial_id = f"finished-{trial}"
        self.config = {"plan": {"trial": trial}, "never_prune": True}


def replay(
    scheduler: TrialScheduler, metric: str, trials: Iterable[Trial], curves: Iterable[Curve]
) -> None:
    """Show a new scheduler the results of finished trials, so that a resumed sweep prunes as
    before.

    Args:
        scheduler: From ``make_scheduler``.
        metric: Result key that is compared.
        trials: Finished trials.
        curves: Their validated epochs.
    """
    by_trial: dict[int, list[Curve]] = {}
    for curve in curves:
        by_trial.setdefault(curve.trial, []).append(curve)
    for row in trials:
        trial = _FinishedTrial(row.trial)
        scheduler.on_trial_add(None, trial)
        results = [
            {"epoch": curve.epoch, metric: value}
            for curve in by_trial.get(row.trial, ())
            if (value := curve.mean(metric)) is not None
        ]
        # as Tune does it, the result that ends a trial of itself comes with its completion alone
        for result in results if row.state == TrialState.PRUNED else results[:-1]:
            scheduler.on_trial_result(None, trial, result)
        if results:
            scheduler.on_trial_complete(None, trial, results[-1])
