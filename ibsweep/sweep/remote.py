"""Jobs on the Ray that runs, outside of Ray Tune: handed out at once, taken as they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import ray

from ibsweep.errors import SweepError

__all__ = ["RETRIES", "as_they_end", "workers"]

RETRIES = 3
"""How often a job whose worker died is started again."""

Job = TypeVar("Job")


def workers(cpus: float, gpus: float) -> int:
    """Return how many jobs the Ray that runs can hold at the same time, at least one.

    Args:
        cpus: CPUs of a job.
        gpus: GPU share of a job.
    """
    there = ray.cluster_resources()
    asked = {"CPU": cpus, "GPU": gpus}
    held = [int(there.get(name, 0) / share) for name, share in asked.items() if share]
    return max(1, min(held))


def as_they_end(
    waiting: dict[ray.ObjectRef, Job], describe: Callable[[Job], str]
) -> Iterator[tuple[Job, Any]]:
    """Yield each job with what it returned, in the order in which they end.

    Args:
        waiting: Jobs by what ``remote`` returned for them; emptied on the way.
        describe: Says what a job does, for the message.

    Raises:
        SweepError: If a worker was lost too often, or the job itself failed.
    """
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=1)
        job = waiting.pop(ready[0])
        try:
            returned = ray.get(ready[0])
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise SweepError(f"{describe(job)} failed: {reason}") from error
        yield job, returned
