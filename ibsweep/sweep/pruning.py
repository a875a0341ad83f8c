"""When trials are compared, and which scheduler of Ray Tune prunes the weak ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.records import Curve, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ray.tune.schedulers import TrialScheduler

__all__ = ["PRUNERS", "make_scheduler", "pruner_arguments", "replay", "rungs"]

PRUNERS = ("asha", "median", "hyperband", "none")
_REDUCTION = 3
_RUNGS = 3


def rungs(max_epochs: int) -> list[int]:
    """Return the epochs at which trials are compared: thirds of thirds of the longest trial.

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

    name, _, arguments = pruner["name"], pruner["rungs"], dict(pruner)
    del arguments["name"], arguments["rungs"]
    if name == "none":
        return FIFOScheduler()
    base = MedianStoppingRule if name == "median" else AsyncHyperBandScheduler

    class Sparing(base):  # type: ignore[misc,valid-type]
        def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
            decision: str = super().on_trial_result(controller, trial, result)
            return TrialScheduler.CONTINUE if result["spared"] else decision

    return Sparing(time_attr="epoch", metric=metric, mode=mode, **arguments)


class _Past:
    """Stands in for a Tune trial of an earlier run: schedulers use the id alone."""

    def __init__(self, trial: int) -> None:
        self.trial_id = f"past-{trial}"


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
    for row in trials:
        past = _Past(row.trial)
        scheduler.on_trial_add(None, past)
        results = [
            {"epoch": c.epoch, metric: getattr(c, metric), "spared": row.origin == "baseline"}
            for c in curves
            if c.trial == row.trial
        ]
        for result in results:
            scheduler.on_trial_result(None, past, result)
        if results:
            scheduler.on_trial_complete(None, past, results[-1])
