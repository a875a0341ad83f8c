"""Whole sweeps, replayed on populations whose truth is known, and what they report, held to it.

A replayed sweep meets a population's configurations in random order, the baseline first, prunes
them by ASHA on the figures of four replicates, confirms three leaders and the baseline, and
reports the one that fresh replicates choose, as a sweep by default does. Its figures, intervals
and verdict are the library's; the truth is the mean over all replicates of the population.

Replicates are drawn with replacement, the same ones for every configuration: a population is then
exactly what its draws are of, and they are as independent as fresh replicates are. Without
replacement, 16 of 48 would lie closer to the truth than 16 fresh ones do, by a fifth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.outcomes import Known, Outcome, known, outcome
from benchmarks.calibration.populations import Population
from benchmarks.calibration.search import search
from ibsweep.analysis.summary import leading
from ibsweep.questions.schema import Objective

__all__ = ["DESIGNS", "Design", "replayed"]

_LEADERS = 3


class Design(NamedTuple):
    """How leaders are confirmed.

    Attributes:
        choice: Fresh replicates on which they are compared; None: those that score.
        score: Fresh replicates on which the one chosen is scored.
    """

    choice: int | None
    score: int

    @property
    def trainings(self) -> int:
        """How many models it trains: those that score train the chosen one and the baseline."""
        compared = _LEADERS + 1
        if self.choice is None:
            return compared * self.score
        return compared * self.choice + 2 * self.score


DESIGNS = (Design(None, 8), Design(8, 8), Design(16, 16), Design(32, 16))


def replayed(
    populations: Iterable[Population],
    replays: int,
    designs: Sequence[Design] = DESIGNS,
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """Yield how sweeps on each population keep their promises, a row a design.

    Args:
        populations: The populations.
        replays: Sweeps on each.
        designs: How leaders are confirmed: all of them, after the same searches.
        seed: Of the generator that draws orders and replicates.

    Yields:
        Means over the sweeps of what an ``Outcome`` holds, and ``own_error``: the winner's figure
        in the search, less its true one on validation examples. The mean of all fresh runs is
        counted once more by what is said of it: where it is ``trusted``, where failures were seen,
        and where runs were too few to see any. None where there is no such sweep. ``errors`` holds
        the standard errors of simulating it.
    """
    for population in populations:
        yield from _replayed(population, replays, designs, np.random.default_rng(seed))


def _replayed(
    population: Population, replays: int, designs: Sequence[Design], rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    manifest, objective = population.manifest, population.question.objective
    all_known = [known(member) for member in population.members]
    total = len(all_known[0].trains)
    outcomes: list[list[Outcome]] = [[] for _ in designs]
    own_errors = []
    for _ in range(replays):
        order = [0, *map(int, rng.permutation(np.arange(1, len(all_known))))]
        first = rng.integers(0, total, manifest.replicates)
        trials = search(population.members, order, first, manifest, objective)
        leaders = leading(trials, _LEADERS, objective)
        figure = leaders[0].figure(objective.valid)
        assert figure is not None, "leaders are complete"
        own_errors.append(figure - all_known[order[leaders[0].trial]].valid)
        compared = [order[trial.trial] for trial in leaders]
        for design, found in zip(designs, outcomes, strict=True):
            score = rng.integers(0, total, design.score)
            choice = score if design.choice is None else rng.integers(0, total, design.choice)
            runs = {i: _Runs(all_known[i], choice, objective) for i in compared}
            best = min(compared, key=lambda i: objective.rank(runs[i]))
            found.append(outcome(all_known, best, score, objective))
    for design, found in zip(designs, outcomes, strict=True):
        yield {
            "arm": population.arm.name,
            "configurations": len(all_known),
            "population": total,
            **design._asdict(),
            "trainings": design.trainings,
            "sweeps": replays,
            **_summary(found, own_errors),
        }


class _Runs(NamedTuple):
    """Some replicates of a configuration, ranked as the library ranks whatever has figures."""

    known: Known
    replicates: NDArray[np.int_]
    objective: Objective

    def figure(self, column: str) -> float | None:
        member = self.known.member
        values = member.valid[-1] if column == self.objective.valid else member.valid_loss
        return float(values[self.replicates].mean())


def _summary(outcomes: Sequence[Outcome], own_errors: Sequence[float]) -> dict[str, Any]:
    columns = {
        name: np.array(values, float)
        for name, values in zip(Outcome._fields, zip(*outcomes, strict=True), strict=True)
    }
    trusted, seen = columns["trusted"] == 1, columns["failures_seen"] == 1
    mean = columns["covers_mean"]
    columns |= {
        "own_error": np.array(own_errors),
        "covers_mean_trusted": mean[trusted],
        "covers_mean_failures_seen": mean[seen],
        "covers_mean_too_few": mean[~trusted & ~seen],
    }
    kept = {name: values[~np.isnan(values)] for name, values in columns.items()}
    means = {name: float(v.mean()) if len(v) else None for name, v in kept.items()}
    errors = {
        name: float(v.std(ddof=1) / math.sqrt(len(v))) if len(v) > 1 else None
        for name, v in kept.items()
    }
    return {**means, "errors": errors}
