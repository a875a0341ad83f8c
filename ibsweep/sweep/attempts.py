"""What Ray Tune is asked for an attempt at a trial, and what it tells of one that was lost.

A trial is tried elsewhere, from its last saved state; one that ran out of memory is tried once
more, alone on a larger share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune

from ibsweep.cluster.losses import DIED, Cause, Loss, loss_of
from ibsweep.cluster.nodes import is_lost, keeping_off
from ibsweep.cluster.placement import PlacementWatch

__all__ = ["Attempts", "resource_request"]


def resource_request(share: Mapping[str, float], avoided: Collection[str]) -> Any:
    """Return Tune's request for a share of a node that is none of those to avoid."""
    more = {"bundle_label_selector": [keeping_off(avoided)]} if avoided else {}
    return tune.PlacementGroupFactory([dict(share)], **more)


class Attempts(tune.Callback):  # type: ignore[misc]
    """Tells of every attempt that Tune lost and of standstill, and keeps Tune's memory small.

    Args:
        on_lost: Is given Tune's id of the attempt and what happened.
        watch: Tells why nothing runs.
    """

    def __init__(self, on_lost: Callable[[str, Loss], None], watch: PlacementWatch) -> None:
        self._on_lost, self._watch = on_lost, watch
        self._actors: dict[str, str] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remember the attempt's actor, which tells its node."""
        self._actors[trial.trial_id] = trial.temporary_state.ray_actor._actor_id.hex()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Drop a checkpoint, which the searcher has by now: Tune keeps all last results."""
        result.pop("checkpoint", None)

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Any, **info: Any
    ) -> None:
        """Forget the attempt's actor."""
        self._actors.pop(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tell what was lost."""
        actor = self._actors.pop(trial.trial_id, None)
        self._on_lost(trial.trial_id, _lost_attempt(_error(trial), actor))

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """See whether anything runs."""
        self._watch.look(idle=not self._actors)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that nobody calls


def _error(trial: Any) -> Exception | None:
    """Return what Tune caught; its own getter looks where the file is uploaded later."""
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    error: Exception = ray.cloudpickle.loads(Path(path).read_bytes())
    return error


def _lost_attempt(error: Exception | None, actor: str | None) -> Loss:
    from ray._private.state import actors  # the public API asks the dashboard, which may not run

    actor = actor or getattr(error, "actor_id", None)
    node = actors(actor).get("Address", {}).get("NodeID") or None if actor else None
    loss = loss_of(getattr(error, "cause", None) or error, node)
    if loss.cause is Cause.MEMORY or not isinstance(error, ray.exceptions.RayActorError):
        return loss
    if error.actor_init_failed:
        return Loss(Cause.WORKER, str(error).strip().splitlines()[-1], node)
    if node and is_lost(node):
        return Loss(Cause.NODE, Cause.NODE.value, node)
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return Loss(Cause.WORKER, "its worker does not answer", node)
    died = isinstance(error, ray.exceptions.ActorDiedError)
    return Loss(Cause.WORKER, DIED, node) if died else loss
