"""Turns a failed attempt of Ray Tune's into a WorkerFailure, and asks Tune for resources.

Whether a trial is tried again, and where, is the searcher's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import ray
from ray import tune

from ibsweep.cluster.failures import WORKER_DIED, FailureCause, WorkerFailure, classify_error
from ibsweep.cluster.nodes import avoid_nodes_selector, is_lost
from ibsweep.cluster.placement import PlacementWatch
from ibsweep.cluster.ray_internals.core import node_of_actor
from ibsweep.cluster.ray_internals.tune_trial import actor_of_trial, error_of_trial

__all__ = ["AttemptCallback", "resource_request"]


def resource_request(resources: Mapping[str, float], avoided: Collection[str]) -> Any:
    """Return Tune's request for resources of a node that is none of those to avoid."""
    selector = {"bundle_label_selector": [avoid_nodes_selector(avoided)]} if avoided else {}
    return tune.PlacementGroupFactory([dict(resources)], **selector)


class AttemptCallback(tune.Callback):  # type: ignore[misc]
    """Reports failed attempts and stalls, and keeps Tune's memory small.

    Args:
        on_failure: Called with Tune's id of the attempt and what happened.
        watch: Notes why nothing runs.
        tick: Called every now and then.
    """

    def __init__(
        self,
        on_failure: Callable[[str, WorkerFailure], None],
        watch: PlacementWatch,
        tick: Callable[[], None],
    ) -> None:
        self._on_failure, self._watch, self._tick = on_failure, watch, tick
        self._actors: dict[str, str] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remember the attempt's actor, by which its node can be found."""
        self._actors[trial.trial_id] = actor_of_trial(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Drop what the searcher has by now and is large: Tune keeps all last results."""
        result.pop("checkpoint", None)
        if not result.get("done"):  # the searcher is given the last one when the trial is over
            result.pop("log", None)

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Any, **info: Any
    ) -> None:
        """Forget the attempt's actor."""
        self._actors.pop(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report the failure."""
        actor = self._actors.pop(trial.trial_id, None)
        self._on_failure(trial.trial_id, _classify(error_of_trial(trial), actor))

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Check whether anything runs."""
        self._watch.check(idle=not self._actors)
        self._tick()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that nobody calls


def _classify(error: Exception | None, actor: str | None) -> WorkerFailure:
    """Return the failure that ended an attempt, for which Tune gives its own exceptions."""
    actor = actor or getattr(error, "actor_id", None)
    node = node_of_actor(actor) if actor else None
    failure = classify_error(getattr(error, "cause", None) or error, node)
    out_of_memory = failure.cause is FailureCause.MEMORY
    if out_of_memory or not isinstance(error, ray.exceptions.RayActorError):
        return failure
    if error.actor_init_failed:
        return WorkerFailure(FailureCause.WORKER, str(error).strip().splitlines()[-1], node)
    if node and is_lost(node):
        return WorkerFailure(FailureCause.NODE, FailureCause.NODE.value, node)
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return WorkerFailure(FailureCause.WORKER, "its worker does not answer", node)
    died = isinstance(error, ray.exceptions.ActorDiedError)
    return WorkerFailure(FailureCause.WORKER, WORKER_DIED, node) if died else failure
