"""Attempts that were lost: why, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import ray

__all__ = [
    "DIED",
    "Cause",
    "Loss",
    "loss_of",
]


_MEMORY = (
    *("out of memory", "outofmemory", "memoryerror", "can't allocate memory"),
    "low on memory",  # as Ray says when it ends a worker for it
)
"""In the messages of what ran out of it."""


DIED = "its worker process died"


class Cause(Enum):
    """Why an attempt was lost."""

    NODE = "its node was lost"
    MEMORY = "out of memory"
    WORKER = "its worker failed"


@dataclass(frozen=True)
class Loss:
    """An attempt that was lost.

    Attributes:
        cause: Why, as far as the next attempt depends on it.
        reason: One line.
        node: Id of the node, None where it never came to one.
    """

    cause: Cause
    reason: str
    node: str | None


def loss_of(error: object, node: str | None) -> Loss:
    """Return the loss that an exception in a worker is.

    Args:
        error: The exception.
        node: Id of the node it happened on.
    """
    if isinstance(error, ray.exceptions.NodeDiedError):
        return Loss(Cause.NODE, Cause.NODE.value, node)
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return Loss(Cause.WORKER, DIED, node)
    text = next(iter(str(error).strip().splitlines()), "")
    if not isinstance(error, ray.exceptions.RayActorError):
        text = f"{type(error).__name__}: {text}"
    if any(word in f"{type(error).__name__} {error}".lower() for word in _MEMORY):
        return Loss(Cause.MEMORY, f"{Cause.MEMORY.value} ({text})", node)
    return Loss(Cause.WORKER, text, node)
