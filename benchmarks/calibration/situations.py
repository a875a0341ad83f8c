"""Simulated configurations: replicates whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAILING", "SITUATIONS", "Runs", "Situation"]

FAILING = 100 / 3
"""What a run that fails scores on average, in percent: three classes, guessed."""


class Runs(NamedTuple):
    """Figures of runs in percent, and whether each trains; of one shape."""

    values: NDArray[np.float64]
    trained: NDArray[np.bool_]


class Situation(NamedTuple):
    """How the replicates of a configuration are distributed.

    Attributes:
        name: What it is.
        draw_trained: Draws figures of runs that train.
        mean: Their true mean.
        sd: Their standard deviation.
        failing: The share of runs that fail.
    """

    name: str
    draw_trained: Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
    mean: float
    sd: float
    failing: float = 0.0

    @property
    def mean_of_all(self) -> float:
        """The true mean of all runs."""
        return (1 - self.failing) * self.mean + self.failing * FAILING

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Runs:
        """Draw runs."""
        trained = rng.random(shape) >= self.failing
        failed = rng.normal(FAILING, 2.0, shape)
        return Runs(np.where(trained, self.draw_trained(rng, shape), failed), trained)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return rng.normal(97.0, 1.0, shape)


def _skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return 100.0 - rng.gamma(4.0, 0.5, shape)


def _exponential(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return 100.0 - rng.exponential(1.0, shape)


def _binomial(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return rng.binomial(300, 0.995, shape) / 3.0


SITUATIONS = {
    situation.name: situation
    for situation in (
        Situation("normal", _normal, 97.0, 1.0),
        Situation("skewed towards 100 %", _skewed, 98.0, 1.0),
        Situation("exponential below 100 %", _exponential, 99.0, 1.0),
        Situation("binomial, 99.5 % of 300", _binomial, 99.5, (0.995 * 0.005 / 300) ** 0.5 * 100),
        Situation("one in fifty fails", _normal, 97.0, 1.0, 0.02),
        Situation("one in ten fails", _normal, 97.0, 1.0, 0.1),
        Situation("one in two fails", _normal, 97.0, 1.0, 0.5),
    )
}
