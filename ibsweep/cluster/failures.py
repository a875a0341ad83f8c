"""Attempts at a task or trial that failed with their worker: why, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import ray

from ibsweep.cluster.ray_internals.messages import LOW_ON_MEMORY

__all__ = ["WORKER_DIED", "FailureCause", "WorkerFailure", "classify_error"]

_OUT_OF_MEMORY = (
    *("out of memory", "outofmemory", "memoryerror", "can't allocate memory"),
    LOW_ON_MEMORY,
)
"""In the messages, in lower case, of what ran out of it: torch, Python, the kernel, Ray."""

WORKER_DIED = "its worker process died"


class FailureCause(Enum):
    """Why an attempt failed."""

    NODE = "its node was lost"
    MEMORY = "out of memory"
    WORKER = "its worker failed"


@dataclass(frozen=True)
class WorkerFailure:
    """An attempt that failed, though another one may go well.

    Attributes:
        cause: Why, as far as the next attempt depends on it.
        reason: One line.
        node: Id of the node, None where it never came to one.
    """

    cause: FailureCause
    reason: str
    node: str | None


def classify_error(error: object, node: str | None) -> WorkerFailure:
    """Return the failure that an exception in a worker is.

    Args:
        error: The exception.
        node: Id of the node it happened on.
    """
    if isinstance(error, ray.exceptions.NodeDiedError | ray.exceptions.LocalRayletDiedError):
        return WorkerFailure(FailureCause.NODE, FailureCause.NODE.value, node)
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return WorkerFailure(FailureCause.WORKER, WORKER_DIED, node)
    text = next(iter(str(error).strip().splitlines()), "")
    if not isinstance(error, ray.exceptions.RayActorError):
        text = f"{type(error).__name__}: {text}"
    if any(word in f"{type(error).__name__} {error}".lower() for word in _OUT_OF_MEMORY):
        return WorkerFailure(FailureCause.MEMORY, f"{FailureCause.MEMORY.value} ({text})", node)
    return WorkerFailure(FailureCause.WORKER, text, node)
