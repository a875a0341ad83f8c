"""What Ray Tune knows of a trial's worker, beyond the public API of its callbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray

__all__ = ["actor_of_trial", "error_of_trial"]


def actor_of_trial(trial: Any) -> str:
    """Return the id, in hexadecimal digits, of the actor that runs a Tune trial.

    A callback is given the trial, which names its host but not its actor or node; and an actor's
    handle has no public id.
    """
    actor_id: str = trial.temporary_state.ray_actor._actor_id.hex()
    return actor_id


def error_of_trial(trial: Any) -> Exception | None:
    """Return the exception that ended a Tune trial, None if Tune kept none.

    ``Trial.get_pickled_error`` looks where the file is uploaded to, which happens after the
    callbacks.
    """
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    error: Exception = ray.cloudpickle.loads(Path(path).read_bytes())
    return error
