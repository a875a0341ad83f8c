"""When trials are compared, and which scheduler of Ray Tune prunes the weak ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ibsweep.results.records import Curve, Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ray.tune.schedulers import TrialScheduler

__all__ = ["make_scheduler", "pruner_arguments", "replay", "rungs"]

_REDUCTION = 2
_RUNGS = 3
"""Half go on at an eighth, a quarter and half of the longest trial. A first comparison at a
twenty-seventh, with a third going on, ended long trials of low learning rates before they rose:
three CNN sweeps then found nothing better than the notebook's setting."""


def rungs(max_epochs: int) -> list[int]:
    """Return the epochs at which trials are compared: halves of halves of the longest trial.

    Args:
        max_epochs: Epochs of the longest trial that the search space allows.

    Returns:
        At most three epochs, ascending, each below ``max_epochs``.
    """
    first = -(-max_epochs // _REDUCTION**_RUNGS)
    candidates = [first * _REDUCTION**k for k in range(_RUNGS)]
    return [epoch for epoch in candidates if epoch < max_epochs]


def pruner_arguments(name: str, max_epochs: int) -> dict[str, Any]:
    """Return a pruner's pinned arguments, for the manifest and ``make_scheduler``.

    ``hyperband`` is the asynchronous one: ASHA with three brackets, so that no trial ever waits
    for another.
    """
    epochs = rungs(max_epochs)
    pinned: dict[str, Any] = {"name": name, "rungs": epochs if name != "none" else []}
    if name in ("asha", "hyperband"):
        pinned |= {
            "max_t": max_epochs,
            "grace_period": epochs[0] if epochs else max_epochs,
            "reduction_factor": _REDUCTION,
            "brackets": 1 if name == "asha" else 3,
        }
    elif name == "median":
        pinned |= {"grace_period": epochs[0] if epochs else max_epochs, "min_samples_required": 4}
    return pinned


def make_scheduler(pruner: dict[str, Any], metric: str, mode: str) -> TrialScheduler:
    """Make the Ray Tune scheduler of a manifest's pruner.

    The baseline is never pruned: without its figure at the notebook's full setting nothing could
    be called better.

    Args:
        pruner: What ``pruner_arguments`` returned.
        metric: Result key that is compared.
        mode: ``"max"`` or ``"min"``.
    """
    from ray.tune.schedulers import (
        AsyncHyperBandScheduler,
        FIFOScheduler,
        MedianStoppingRule,
        TrialScheduler,
    )

    arguments = dict(pruner)
    name = arguments.pop("name")
    compared = arguments.pop("rungs")
    if name == "none":
        return FIFOScheduler()
    median = name == "median"
    base = MedianStoppingRule if median else AsyncHyperBandScheduler
    if median:
        arguments["min_time_slice"] = math.inf  # it never pauses a trial to wait for others

    class Sparing(base):  # type: ignore[misc,valid-type]
        def on_trial_add(self, controller: Any, trial: Any) -> None:
            # Ray draws the bracket from numpy's global generator. Drawn from the trial's number,
            # it is the same one after a resumption.
            state = np.random.get_state()
            np.random.seed(trial.config["plan"]["trial"])
            super().on_trial_add(controller, trial)
            np.random.set_state(state)

        def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
            decision: str = TrialScheduler.CONTINUE
            if result["epoch"] not in compared:
                return decision  # validated for its curve alone; only ``replay`` meets such
            if not result["spared"]:
                decision = super().on_trial_result(controller, trial, result)
            elif median:  # which may not be asked about a trial again once it said stop
                super().on_trial_complete(controller, trial, result)
            else:
                super().on_trial_result(controller, trial, result)
            return decision

    return Sparing(time_attr="epoch", metric=metric, mode=mode, **arguments)


class _Past:
    """Stands in for a Tune trial of an earlier run: schedulers look at no more of it."""

    def __init__(self, trial: int) -> None:
        self.trial_id = f"past-{trial}"
        self.config = {"plan": {"trial": trial}}


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
    passed: dict[int, list[Curve]] = {}
    for curve in curves:
        passed.setdefault(curve.trial, []).append(curve)
    for row in trials:
        past = _Past(row.trial)
        scheduler.on_trial_add(None, past)
        # all are spared: what was decided about them is history
        results = [
            {"epoch": curve.epoch, metric: getattr(curve, metric), "spared": True}
            for curve in passed.get(row.trial, ())
        ]
        # as Tune does it, the result that ends a trial of itself comes with its completion alone
        for result in results if row.state == TrialState.PRUNED else results[:-1]:
            scheduler.on_trial_result(None, past, result)
        if results:
            scheduler.on_trial_complete(None, past, results[-1])
