"""Learning-rate schedules: by what the learning rate is multiplied, epoch by epoch.

A schedule is a function of the epoch alone, or of the step: a run that stops at a rung, or is
restored, follows the one that an uninterrupted run follows. It spans all epochs of the
configuration, also where a trial is pruned before. With ``W = warmup_epochs``, ``E = epochs`` and
``S`` steps an epoch, each equals torch's (``torch.optim.lr_scheduler``):

- ``constant``: no scheduler.
- ``step``: ``StepLR(step_size, gamma)``, stepped after every epoch.
- ``cosine``: ``CosineAnnealingLR(T_max=E - W)``, stepped after every epoch; it ends near 0.
- ``one_cycle``: ``OneCycleLR(max_lr=lr, total_steps=E * S, cycle_momentum=False)``, stepped after
  every step. It warms up itself: over ``pct_start=0.3`` of the steps, or ``W / E`` of them where
  there are warm-up epochs.

The others begin with ``LinearLR(start_factor=1 / (W + 1), total_iters=W)``, joined by
``SequentialLR(milestones=[W])``: epoch e of the warm-up, from 1, trains at ``e / (W + 1)`` of the
learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

__all__ = ["SCHEDULES", "LearningRate", "Schedule", "Span"]

_RISE = 0.3
"""Part of a one-cycle's steps in which the learning rate rises."""

_START, _END = 1 / 25, 1 / 25 / 1e4
"""What a one-cycle begins and ends with, as a part of its top."""


class Span(NamedTuple):
    """What a schedule spans.

    Attributes:
        epochs: Epochs of the configuration.
        steps: Steps of an epoch.
        warmup: Epochs of the warm-up.
        step_size: Epochs after which a step schedule multiplies by ``gamma``.
        gamma: As there, a lane each: ``[L]``.
    """

    epochs: int
    steps: int
    warmup: int
    step_size: int
    gamma: Tensor


@dataclass(frozen=True)
class Schedule:
    """One way to change the learning rate.

    Attributes:
        by_step: Whether it changes with every step, else with every epoch at most.
        factor: By what the learning rate is multiplied in a step of an epoch, both from 0.
        steady: For how many epochs from one on, that follows the warm-up, the factor stays.
    """

    by_step: bool
    factor: Callable[[Span, int, int], float | Tensor]
    steady: Callable[[Span, int], int]


def _constant(span: Span, epoch: int, step: int) -> float:
    del span, epoch, step
    return 1.0


def _step(span: Span, epoch: int, step: int) -> Tensor:
    del step
    return span.gamma ** ((epoch - span.warmup) // span.step_size)


def _cosine(span: Span, epoch: int, step: int) -> float:
    del step
    part = (epoch - span.warmup) / max(1, span.epochs - span.warmup)
    return (1 + math.cos(math.pi * min(part, 1))) / 2


def _one_cycle(span: Span, epoch: int, step: int) -> float:
    now, total = epoch * span.steps + step, span.epochs * span.steps
    rise = span.warmup / span.epochs if span.warmup else _RISE
    top, last = min(rise, 1) * total - 1, total - 1
    if now <= top:
        return _between(_START, 1.0, now / top if top > 0 else 1.0)
    return _between(1.0, _END, (now - top) / (last - top))


def _between(start: float, end: float, part: float) -> float:
    """Go from one value to another along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(part, 1)))


SCHEDULES: Mapping[str, Schedule] = {
    "constant": Schedule(False, _constant, lambda span, epoch: max(1, span.epochs - epoch)),
    "cosine": Schedule(False, _cosine, lambda span, epoch: 1),
    "step": Schedule(
        False,
        _step,
        lambda span, epoch: span.step_size - (epoch - span.warmup) % span.step_size,
    ),
    "one_cycle": Schedule(True, _one_cycle, lambda span, epoch: 1),
}
"""The schedules by name."""


class LearningRate:
    """The factor of a run's learning rate.

    Args:
        schedule: A key of ``SCHEDULES``.
        span: What it spans.
    """

    def __init__(self, schedule: str, span: Span) -> None:
        self._schedule = SCHEDULES[schedule]
        self._span = span
        self.by_step = self._schedule.by_step
        """Whether it changes within an epoch."""

    def factor(self, epoch: int, step: int = 0) -> float | Tensor:
        """Return by what the learning rate is multiplied, one number or one a lane.

        Args:
            epoch: Number of the epoch, from 0.
            step: Number of the step in it, from 0.
        """
        if not self.by_step and epoch < self._span.warmup:
            return (epoch + 1) / (self._span.warmup + 1)
        return self._schedule.factor(self._span, epoch, step)

    def steady(self, epoch: int) -> int:
        """Return for how many epochs, from ``epoch`` on, the factor stays what it is."""
        if epoch < self._span.warmup:
            return 1
        return self._schedule.steady(self._span, epoch)
