"""Ray Tune's loop, with a worker that is starting left to start, and what is over forgotten.

Tune 2.60 gives the worker of a trial that has ended to the trial that waits, and ends the worker
that starts for that one; and it asks for the next trial only when the last one runs. A worker
takes seconds to start. Where trials are as short, most of a cluster would start workers for ever.
It ends with a worker that Ray has ended for want of memory. It also keeps every trial with all of
its figures, which are in the sweep's records by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray.tune.tune
from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayTaskError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.progress_reporter import TrialProgressCallback

__all__ = ["steady_starts"]


_KEPT = 50
"""Trials that may have ended before they are forgotten."""


class _Lost(RayActorError):  # type: ignore[misc]
    """A worker that Ray ended, such as one that it took memory from."""


class _Workers(RayActorManager):  # type: ignore[misc]
    """Takes whatever Ray says of a worker that it ended for that worker's failure alone.

    Tune ends its whole run over what is neither an error in a worker nor the death of one, such as
    ``OutOfMemoryError``; and it keeps no other errors for those who ask what happened.
    """

    def _actor_start_failed(self, tracked_actor: Any, exception: Exception) -> None:
        super()._actor_start_failed(tracked_actor, self._lost(tracked_actor, exception))

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        lost = self._lost(tracked_actor_task._tracked_actor, exception)
        super()._actor_task_failed(tracked_actor_task, lost)

    def _lost(self, tracked_actor: Any, exception: Any) -> Any:
        if isinstance(exception, RayActorError | RayTaskError):
            return exception
        live = self._live_actors_to_ray_actors_resources.get(tracked_actor)
        actor = live[0]._actor_id.hex() if live else None
        sentence = next(iter(str(exception).strip().splitlines()), "").split(". ")[0]
        return _Lost(actor, f"{type(exception).__name__}: {sentence}")


class _Controller(TuneController):  # type: ignore[misc]
    """Asks for trials while workers start, lets these workers be, and forgets what is over."""

    _waiting = 1
    _trials: list[Any]

    def __init__(self, *, callbacks: list[Any], **settings: Any) -> None:
        # it shows nothing where Tune is silent, and keeps every trial for that
        kept = [one for one in callbacks if not isinstance(one, TrialProgressCallback)]
        super().__init__(callbacks=kept, **settings)
        self._actor_manager: Any = _Workers(self._actor_manager._resource_manager)

    @property
    def _max_pending_trials(self) -> int:
        """As many trials may wait for a place as Tune says; those that have one are not among
        them.
        """
        return self._waiting + sum(map(self._starts, self._pending_trials))

    @_max_pending_trials.setter
    def _max_pending_trials(self, value: int) -> None:
        self._waiting = value

    def _starts(self, trial: Any) -> bool:
        """Return whether a trial has a place, where its worker is starting."""
        actor = self._trial_to_actor.get(trial)
        return (
            actor is not None
            and actor not in self._started_actors
            and self._actor_manager.is_actor_started(actor)  # that is, told to start
        )

    def _maybe_reuse_cached_actor(self, trial: Any) -> bool:
        """Give a worker that is free to a trial, or to another one if that one's own is
        starting.
        """
        if not self._starts(trial):
            if not trial.relative_logdir:  # it has asked for no place so far
                trial.init_local_path()
            return bool(super()._maybe_reuse_cached_actor(trial))
        alike = self._resources_to_pending_trials[trial.placement_group_factory]
        other = next((one for one in alike if not self._starts(one)), None)
        if other is not None and self._maybe_reuse_cached_actor(other):
            alike.discard(other)
            if other not in self._staged_trials:
                self._staged_trials.add(other)
                self._actor_cache.increase_max(other.placement_group_factory)
        return False

    def on_step_end(self) -> None:
        """Forget trials that have ended; not at once, since it takes a walk over all there are."""
        super().on_step_end()
        over = self._stopped_trials | self._failed_trials
        if len(over) < _KEPT:
            return
        self._trials = [one for one in self._trials if one not in over]
        self._trials_to_cache -= over
        self._stopped_trials.clear()
        self._failed_trials.clear()


@contextmanager
def steady_starts() -> Iterator[None]:
    """Have Tune's runs in this block use this loop; Tune has no setting for it."""
    ray.tune.tune.TuneController = _Controller
    try:
        yield
    finally:
        ray.tune.tune.TuneController = TuneController
