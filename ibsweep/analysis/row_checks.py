"""What one row of a sweep must hold, whoever wrote it: ranges, seeds, sums, a place in the space.

A checksum says that a line is what was written. Lines of older versions have none, and any line
can have been written by hand; what is impossible is found here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ibsweep.errors import InputError, format_value
from ibsweep.questions.conditions import condition_text, states
from ibsweep.questions.space import contains
from ibsweep.results.records import TrialState
from ibsweep.results.rows import mean

if TYPE_CHECKING:
    from ibsweep.questions.schema import Arm, Question
    from ibsweep.results.manifest import Manifest
    from ibsweep.results.records import Confirmation, Curve, Proposal, Replicate, Trial
    from ibsweep.results.rows import Figures

__all__ = ["RowChecks"]

_ROUNDING = 1e-9
"""By which a mean may miss the figures that it is of, as a share of them."""

_FURTHER = 8, 24
"""A settlement ends with at most 8 times as many score replicates as there were, and 24 more:
``statistics.look_sizes``."""


class RowChecks:
    """The checks of one sweep's rows.

    Args:
        manifest: The sweep's.
        question: Its question.
        arm: Its arm.
    """

    def __init__(self, manifest: Manifest, question: Question, arm: Arm) -> None:
        self._manifest, self._question, self._arm = manifest, question, arm
        self._bounds: dict[str, tuple[float, float]] = {}

    def proposal(self, row: Proposal) -> Iterator[str]:
        """Yield what is wrong with a proposal."""
        yield from self._number(row.trial)
        yield from self._config(row.config)

    def trial(self, row: Trial) -> Iterator[str]:
        """Yield what is wrong with a finished trial."""
        yield from self._number(row.trial)
        yield from self._config(row.config)
        yield from self._replicates(row.replicates, every=row.state != TrialState.FAIL)
        objective = self._question.objective
        if row.state == TrialState.FAIL:
            if row.valid is not None:
                yield "it failed, and has figures"
            return
        value = row.figure(objective.valid)
        if row.valid is None or value is None:
            yield f"it is {row.state}, and has no {objective.metric}"
            return
        further = self._question.further_objectives
        for other in further if row.state == TrialState.COMPLETE else ():
            if row.figure(other.valid) is None:
                yield f"it is {row.state}, and has no {other.metric}"
        yield from self._figures(row.valid)
        for name, one in row.valid.items():
            if not _same(one, mean([replicate.valid.get(name) for replicate in row.replicates])):
                yield f"its {name} is not the mean of its replicates"
        epochs = [epoch for epoch, _ in row.rungs]
        if not row.rungs or sorted(set(epochs)) != epochs:
            yield "its rungs do not rise"
        elif row.rungs[-1][0] != row.epochs or not _same(row.rungs[-1][1], value):
            yield "its last rung is not what it ended with"

    def curve(self, row: Curve) -> Iterator[str]:
        """Yield what is wrong with a validated epoch."""
        yield from self._number(row.trial)
        yield from self._replicates(row.replicates, every=True)

    def confirmation(self, row: Confirmation, trials: Mapping[int, Trial]) -> Iterator[str]:
        """Yield what is wrong with a fresh replicate.

        Args:
            row: The replicate.
            trials: The finished trials by number.
        """
        yield from self._number(row.trial)
        trial = trials.get(row.trial)
        if trial is not None and trial.state == TrialState.FAIL:
            yield f"trial {row.trial} failed, and is never confirmed"
        purposes = (None,) if self._manifest.choice_replicates is None else ("choice", "score")
        if row.purpose not in purposes:
            yield f"its purpose is {row.purpose}, which the manifest's format does not have"
        elif not self._is_fresh(row.seed, row.purpose):
            yield f"its seed {row.seed} is none of those that follow from the manifest's"
        for figures in (row.valid, row.train, row.test):
            yield from self._figures(figures)
        counts = row.test_confusion
        if counts is not None and (not counts or any(len(one) != len(counts) for one in counts)):
            yield "its counts by class are no square"

    def _number(self, trial: int) -> Iterator[str]:
        if trial >= self._manifest.trials:
            yield f"trial {trial} is beyond the {self._manifest.trials} that were asked for"

    def _config(self, config: Mapping[str, Any]) -> Iterator[str]:
        space = self._arm.space
        active = states(space, config)
        if missing := [name for name in space if active[name] and name not in config]:
            yield f"its configuration lacks {', '.join(missing)}"
        for name, value in config.items():
            if name not in space:
                yield f"its configuration has {name[:80]!r}, which {self._arm.name} does not tune"
            elif not contains(space[name], value):
                yield f"its {name} is {format_value(value)}, which is not in the space"
            elif active[name] is False:
                yield f"its {name} is set, though not {condition_text(space[name].when)}"

    def _replicates(self, rows: Sequence[Replicate], *, every: bool) -> Iterator[str]:
        """Yield what is wrong with replicates of a trial; ``every`` one must be there, or none."""
        for row in rows:
            yield from self._figures(row.valid)
            yield from self._figures(row.train)
        if not rows and not every:
            return
        asked, found = self._manifest.replicates, [row.seed for row in rows]
        if len(found) != asked or len(set(found)) != asked:
            yield f"it has {len(set(found))} distinct replicates, and {asked} were asked for"
        elif set(found) != self._search_seeds:
            other = min(set(found) - self._search_seeds)
            yield f"its replicate seed {other} is none of those that follow from the manifest's"

    @cached_property
    def _search_seeds(self) -> set[int]:
        return set(self._manifest.replicate_seeds)

    @cached_property
    def _choice_seeds(self) -> set[int]:
        return set(self._manifest.choice_seeds)

    def _is_fresh(self, seed: int, purpose: Literal["choice", "score"] | None) -> bool:
        if purpose == "choice":
            return seed in self._choice_seeds
        return seed in self._score_seeds or seed in self._further_score_seeds

    @cached_property
    def _score_seeds(self) -> set[int]:
        return set(self._manifest.confirmation_seeds)

    @cached_property
    def _further_score_seeds(self) -> set[int]:
        """The seeds that a settlement may have come to."""
        times, more = _FURTHER
        return set(self._manifest.score_seeds(times * self._manifest.confirm_replicates + more))

    def _figures(self, figures: Figures) -> Iterator[str]:
        for name, value in figures.items():
            low, high = self._bounds_of(name)
            if value is not None and not low - _ROUNDING <= value <= high * (1 + _ROUNDING):
                ends = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
                ends = ends if math.isfinite(low) else f"at most {high:g}"
                yield f"its {name[:80]} is {value:g}, which must be {ends}"

    def _bounds_of(self, name: str) -> tuple[float, float]:
        """Return what a metric can be; one of the user's own anything.

        Nothing holds code of the user's own to the bounds that its question gives.
        """
        if name not in self._bounds:
            low, high = None, None
            if name == "loss":
                low = None if self._arm.train else 0.0
            else:
                try:
                    metric = self._question.metric_of(f"valid_{name}")
                except InputError:
                    metric = None
                if metric is not None and metric.reference is None:
                    low, high = metric.low, metric.high
            self._bounds[name] = (
                -math.inf if low is None else low,
                math.inf if high is None else high,
            )
        return self._bounds[name]


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
