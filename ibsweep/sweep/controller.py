"""Ray Tune's loop, with a worker that is starting left to start.

Tune 2.60 gives the worker of a trial that has ended to the trial that waits, and ends the worker
that starts for that one; and it asks for the next trial only when the last one runs. A worker
takes seconds to start. Where trials are as short, most of a cluster would start workers for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray.tune.tune
from ray.tune.execution.tune_controller import TuneController

__all__ = ["steady_starts"]


class _Controller(TuneController):  # type: ignore[misc]
    """Asks for trials while workers start, and lets these workers be."""

    _waiting = 1

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


@contextmanager
def steady_starts() -> Iterator[None]:
    """Have Tune's runs in this block use this loop; Tune has no setting for it."""
    ray.tune.tune.TuneController = _Controller
    try:
        yield
    finally:
        ray.tune.tune.TuneController = TuneController
