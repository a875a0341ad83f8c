"""Ray Tune's loop, with other rules for workers that start, for what Ray kills, and for memory.

Tune 2.60 bends short trials and long sweeps in three ways that none of its settings change:

- It asks for the next trial only when the last one runs, and gives the worker of a trial that has
  ended to the trial that waits, ending the worker that starts for that one
  (https://github.com/ray-project/ray/pull/36020 says why). A worker takes seconds to start. Where
  trials are as short, most of a cluster would start workers for ever.
- It ends the whole run over a worker that Ray has killed because its node ran out of memory.
- It keeps every trial with all of its figures (https://github.com/ray-project/ray/issues/64231),
  which are in the sweep's records by then.

Public settings were tried in its place, once each on a busy machine: 300 trials that train next to
nothing took 9 ms each on two CPUs from the first result on, 15 ms with Tune's controller, 18 ms
with it and TUNE_MAX_PENDING_TRIALS_PG=3; on eight CPUs 26 s here, and the others did not end in
the 60 s that they were given, start of Ray included.

So was a pool of actors of our own that trials borrow through a queue, with Tune's controller: 300
trials on two CPUs took 16 to 19 ms each, 11 ms if a trial's worker keeps its actor, 5 to 7 ms
here and 7 to 9 ms without the pool. A trial is a worker all the same, and Tune starts it as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray.tune.tune
from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayTaskError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.progress_reporter import TrialProgressCallback

__all__ = ["sweep_tune_controller"]

_ENDED_TRIALS = 50
"""How many trials may have ended before they are forgotten."""


class _WorkerKilledError(RayActorError):  # type: ignore[misc]
    """A worker that Ray ended, such as one that it took memory from."""


class _ActorManager(RayActorManager):  # type: ignore[misc]
    """Takes whatever Ray raises for a worker that it killed for that worker's failure alone.

    Tune ends its whole run over what is neither an error in a worker nor the death of one, such as
    ``OutOfMemoryError``; and it keeps no other errors for callbacks.
    """

    def _actor_start_failed(self, tracked_actor: Any, exception: Exception) -> None:
        super()._actor_start_failed(tracked_actor, self._actor_error(tracked_actor, exception))

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        error = self._actor_error(tracked_actor_task._tracked_actor, exception)
        super()._actor_task_failed(tracked_actor_task, error)

    def _actor_error(self, tracked_actor: Any, exception: Any) -> Any:
        """Return the exception itself if Tune knows its type, else one of a type that it knows."""
        if isinstance(exception, RayActorError | RayTaskError):
            return exception
        live = self._live_actors_to_ray_actors_resources.get(tracked_actor)
        actor = live[0]._actor_id.hex() if live else None
        sentence = next(iter(str(exception).strip().splitlines()), "").split(". ")[0]
        return _WorkerKilledError(actor, f"{type(exception).__name__}: {sentence}")


class _SweepTuneController(TuneController):  # type: ignore[misc]
    """Asks for trials while workers start, lets these workers start, forgets ended trials."""

    _max_waiting_trials = 1
    _trials: list[Any]

    def __init__(self, *, callbacks: list[Any], **settings: Any) -> None:
        # it shows nothing where Tune is silent, and keeps every trial for that
        kept = [one for one in callbacks if not isinstance(one, TrialProgressCallback)]
        super().__init__(callbacks=kept, **settings)
        self._actor_manager: Any = _ActorManager(self._actor_manager._resource_manager)

    @property
    def _max_pending_trials(self) -> int:
        """Tune's limit holds for trials that wait for a place: those whose worker is starting have
        one and come on top.
        """
        return self._max_waiting_trials + sum(map(self._is_starting, self._pending_trials))

    @_max_pending_trials.setter
    def _max_pending_trials(self, value: int) -> None:
        self._max_waiting_trials = value

    def _is_starting(self, trial: Any) -> bool:
        """Return whether a trial has a place, where its worker is starting."""
        actor = self._trial_to_actor.get(trial)
        return (
            actor is not None
            and actor not in self._started_actors
            and self._actor_manager.is_actor_started(actor)  # it has been told to start
        )

    def _maybe_reuse_cached_actor(self, trial: Any) -> bool:
        """Give a free worker to this trial, or to another one if its own worker is starting."""
        if not self._is_starting(trial):
            if not trial.relative_logdir:  # it has asked for no place so far
                trial.init_local_path()
            return bool(super()._maybe_reuse_cached_actor(trial))
        alike = self._resources_to_pending_trials[trial.placement_group_factory]
        other = next((one for one in alike if not self._is_starting(one)), None)
        if other is not None and self._maybe_reuse_cached_actor(other):
            alike.discard(other)
            if other not in self._staged_trials:
                self._staged_trials.add(other)
                self._actor_cache.increase_max(other.placement_group_factory)
        return False

    def on_step_end(self) -> None:
        """Forget trials that have ended; not at once, since it takes a walk over all there are."""
        super().on_step_end()
        ended = self._stopped_trials | self._failed_trials
        if len(ended) < _ENDED_TRIALS:
            return
        self._trials = [one for one in self._trials if one not in ended]
        self._trials_to_cache -= ended
        self._stopped_trials.clear()
        self._failed_trials.clear()


@contextmanager
def sweep_tune_controller() -> Iterator[None]:
    """Have ``Tuner.fit`` use this controller in a block, and leave signals alone.

    Tune has settings for neither. At SIGUSR1 it would end its run as if all trials were done.
    """
    signals = ray.tune.tune._setup_signal_catching
    ray.tune.tune.TuneController = _SweepTuneController
    ray.tune.tune._setup_signal_catching = threading.Event  # which is never set
    try:
        yield
    finally:
        ray.tune.tune.TuneController = TuneController
        ray.tune.tune._setup_signal_catching = signals
