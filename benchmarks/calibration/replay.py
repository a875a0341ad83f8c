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

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.outcomes import Outcome, drawn, known, outcome
from benchmarks.calibration.populations import Population
from benchmarks.calibration.rows import COVERS, ERRS, Row
from benchmarks.calibration.search import search
from ibsweep.analysis.summary import Confirmed, chosen, leading

__all__ = ["CHOSEN", "DESIGNS", "FIGURES", "Design", "replayed"]

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


DESIGNS = (Design(None, 8), Design(8, 8), Design(16, 16), Design(32, 16), Design(16, 32))

FIGURES, CHOSEN = (
    "Whole sweeps, replayed: the figures of the configuration that they report",
    "Whole sweeps, replayed: which configuration they report",
)


def replayed(
    populations: Iterable[Population],
    replays: int,
    designs: Sequence[Design] = DESIGNS,
    seed: int = 0,
) -> list[Row]:
    """Return how sweeps on each population keep their promises, two rows a design.

    Args:
        populations: The populations.
        replays: Sweeps on each.
        designs: How leaders are confirmed: all of them, after the same searches.
        seed: Of the generator that draws orders and replicates.
    """
    rows = [
        row
        for population in populations
        for row in _replayed(population, replays, designs, np.random.default_rng(seed))
    ]
    return sorted(rows, key=lambda row: row.table == CHOSEN)


def _replayed(
    population: Population, replays: int, designs: Sequence[Design], rng: np.random.Generator
) -> Iterator[Row]:
    manifest, objective = population.manifest, population.question.objective
    all_known = [known(member, objective) for member in population.members]
    total = len(all_known[0].rows)
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
        index = {trial.trial: order[trial.trial] for trial in leaders}
        for design, found in zip(designs, outcomes, strict=True):
            score = rng.integers(0, total, design.score)
            choice = score if design.choice is None else rng.integers(0, total, design.choice)
            purpose: Literal["choice"] | None = None if design.choice is None else "choice"
            compared = [
                Confirmed.of(one, drawn(all_known[index[one.trial]], choice, purpose), objective)
                for one in leaders
            ]
            best = chosen(compared, objective)[0]
            baseline = next(one for one in leaders if one.origin == "baseline")
            reported, rival = (
                Confirmed.of(one, drawn(all_known[index[one.trial]], score, "score"), objective)
                for one in (best, baseline)
            )
            found.append(outcome(all_known, index[best.trial], reported, rival))
    for design, found in zip(designs, outcomes, strict=True):
        labels: dict[str, str | int] = {
            "sweeps of": population.arm.name,
            "choice on": "the same" if design.choice is None else design.choice,
            "score on": design.score,
        }
        mean = _Means(found)
        yield Row(FIGURES, labels, _figures(mean, own_errors), replays)
        yield Row(CHOSEN, labels, {"models trained": design.trainings, **_chosen(mean)}, replays)


class _Means:
    """Means over outcomes, of those that something applies to.

    Args:
        outcomes: One a sweep.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.columns = {
            name: np.array(values, float)
            for name, values in zip(Outcome._fields, zip(*outcomes, strict=True), strict=True)
        }

    def of(self, name: str, where: NDArray[np.bool_] | None = None) -> float | None:
        """Return the mean of a column; None where it applies to no sweep."""
        values = self.columns[name]
        kept = values[~np.isnan(values) & (True if where is None else where)]
        return float(kept.mean()) if len(kept) else None


def _figures(mean: _Means, own_errors: Sequence[float]) -> dict[str, float | None]:
    trusted, seen = mean.columns["trusted"] == 1, mean.columns["failures_seen"] == 1
    return {
        "bias of the search": float(np.mean(own_errors)),
        "bias of mean": mean.of("mean_error"),
        "bias of trained": mean.of("trained_error"),
        f"{COVERS} trained": mean.of("covers_trained"),
        f"{COVERS} rate": mean.of("covers_rate"),
        "mean of all, trusted": mean.of("covers_mean", trusted),
        "mean of all, failures seen": mean.of("covers_mean", seen),
        "mean of all, none seen": mean.of("covers_mean", ~trusted & ~seen),
    }


def _chosen(mean: _Means) -> dict[str, float | None]:
    return {
        "regret": mean.of("regret"),
        "share worse than the baseline": mean.of("worse"),
        "share called better": mean.of("called_better"),
        f"{ERRS}: called better, and is not": mean.of("wrongly"),
    }
