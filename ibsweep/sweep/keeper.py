"""Keeps the checkpoints of training functions in a process of its own, which outlives workers.

A model's checkpoint travels in the result of a step. A function may ask for one in the middle of a
step, which can be as long as the whole trial.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
import torch

from ibsweep.trial.saved import tensor_bytes

__all__ = ["checkpoint_keeper", "forget_checkpoints", "kept_checkpoints", "send_checkpoint"]

_NAME = "ibsweep-checkpoints"


@ray.remote
class _Keeper:
    """The last checkpoint of every running trial's replicates, packed."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[int, bytes]] = {}

    def put(self, trial: int, seed: int, state: bytes) -> None:
        self._kept.setdefault(trial, {})[seed] = state

    def get(self, trial: int) -> dict[int, bytes]:
        return self._kept.get(trial, {})

    def forget(self, trial: int) -> None:
        self._kept.pop(trial, None)


@contextmanager
def checkpoint_keeper() -> Iterator[None]:
    """Run it, on this node, for the time of a block.

    Other nodes come and go; where this one is lost, the sweep ends. Where its process dies, it
    begins anew, with what is sent from then on: a trial that has lost its checkpoint as well as
    its worker starts again.
    """
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(),
        soft=False,  # else Ray starts what asks for no CPU on any node
    )
    keeper = _Keeper.options(  # type: ignore[attr-defined]
        num_cpus=0, name=_NAME, scheduling_strategy=here, max_restarts=-1, max_task_retries=-1
    ).remote()
    try:
        yield
    finally:
        ray.kill(keeper)


def send_checkpoint(trial: int, seed: int, state: Mapping[str, Any]) -> None:
    """Have a replicate's checkpoint kept; when this returns, it is."""
    ray.get(ray.get_actor(_NAME).put.remote(trial, seed, tensor_bytes(dict(state))))


def kept_checkpoints(trial: int) -> dict[int, dict[str, Any]]:
    """Return the checkpoints of a trial's replicates, by seed."""
    kept = ray.get(ray.get_actor(_NAME).get.remote(trial))
    return {seed: torch.load(io.BytesIO(state), weights_only=True) for seed, state in kept.items()}


def forget_checkpoints(trial: int) -> None:
    """Drop those of a trial that is over."""
    with contextlib.suppress(ValueError):  # the sweep may be over, and the keeper gone
        ray.get_actor(_NAME).forget.remote(trial)
