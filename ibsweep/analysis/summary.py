"""What a sweep found: counts, the baseline, the best configuration with its confirmed figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ibsweep.analysis.statistics import Interval, RunFigures, describe_runs, mean_interval
from ibsweep.analysis.wording import schema_of
from ibsweep.data.schema import DataSchema
from ibsweep.questions.files import question_from_manifest
from ibsweep.questions.schema import Arm, Objective, Question
from ibsweep.results.location import display_path
from ibsweep.results.records import Confirmation, Manifest, Trial, TrialState, mean
from ibsweep.results.store import SweepStore

__all__ = [
    "Confirmed",
    "SweepSummary",
    "config_text",
    "has_values",
    "leading",
    "summarise",
    "summarise_rows",
]


@dataclass(frozen=True)
class Confirmed:
    """A trial that was re-trained with fresh replicates.

    Attributes:
        trial: The trial, with the sweep's own figure, which is optimistic for a winner.
        rows: One row a fresh replicate.
        objective: The question's.
    """

    trial: Trial
    rows: tuple[Confirmation, ...]
    objective: Objective

    @property
    def valid(self) -> Interval:
        """The objective on the fresh replicates' validation examples: what chooses."""
        return self._interval(self.objective.valid)

    @property
    def test(self) -> Interval:
        """The objective on held-out test examples: what scores, and never chooses."""
        return self._interval(self.objective.test)

    @property
    def runs(self) -> RunFigures:
        """How many of the fresh runs train, and the objective on test examples of those."""
        found = [(row.figure(self.objective.test), row.trains) for row in self.rows]
        runs = [(value, trains) for value, trains in found if value is not None]
        values, trained = zip(*runs, strict=True)
        return describe_runs(values, trained, self.objective.low, self.objective.high)

    def _interval(self, column: str) -> Interval:
        found = (row.figure(column) for row in self.rows)
        values = [value for value in found if value is not None]
        if not values:
            return Interval(math.nan, None, None)
        return mean_interval(values, self.objective.low, self.objective.high)

    def figure(self, column: str) -> float | None:
        """Return a column's mean over the fresh replicates."""
        if column in (self.objective.valid, self.objective.test):
            return self._interval(column).mean
        return mean([row.figure(column) for row in self.rows])

    def best_row(self) -> Confirmation:
        """Return the replicate that is best on its validation examples."""
        return min(self.rows, key=self.objective.rank)


@dataclass(frozen=True)
class SweepSummary:
    """One sweep at a glance.

    Attributes:
        name: The sweep's name.
        arm: Its arm.
        question: Its question.
        manifest: What it was asked to do.
        directory: Where it is stored.
        state: ``done``, ``interrupted`` or ``running``.
        trials: Trials asked for.
        counts: Finished trials by state.
        baseline: The baseline's trial in the sweep, once finished.
        confirmed: All confirmed trials, best first by the fresh replicates' validation examples.
        confirmed_baseline: The baseline among them.
    """

    name: str
    arm: Arm
    question: Question
    manifest: Manifest
    directory: Path
    state: str
    trials: int
    counts: dict[TrialState, int]
    baseline: Trial | None
    confirmed: tuple[Confirmed, ...]
    confirmed_baseline: Confirmed | None

    @property
    def best(self) -> Confirmed | None:
        """The best configuration: best on the fresh replicates' validation examples."""
        return self.confirmed[0] if self.confirmed else None

    @property
    def chosen_on_score(self) -> bool:
        """Whether the replicates that score the best have also chosen it, as in old formats."""
        return self.manifest.choice_replicates is None

    @cached_property
    def data(self) -> DataSchema:
        """What its data are."""
        return schema_of(self.question, self.manifest)

    @property
    def published(self) -> float | None:
        """The figure that was published for the arm, of the objective on validation examples at
        the arm's own training-set size; None where there is none.
        """
        return self.arm.published_value(self.question.objective.valid)

    def to_json(self) -> dict[str, Any]:
        """Return the sweep's part of ``tune --json``, without the run's time and rate."""
        objective = self.question.objective
        baseline = self.baseline and {
            "config": self.baseline.config,
            objective.valid: self.baseline.figure(objective.valid),
        }
        best = self.best and {
            "config": self.best.trial.config,
            objective.valid: self.best.trial.figure(objective.valid),
            objective.test: self.best.test._asdict(),
            "replicates": len(self.best.rows),
        }
        return {
            "sweep": self.name,
            "arm": self.arm.name,
            "seed": self.manifest.seed,
            "directory": display_path(self.directory),
            "trials": {
                "complete": self.counts[TrialState.COMPLETE],
                "pruned": self.counts[TrialState.PRUNED],
                "failed": self.counts[TrialState.FAIL],
            },
            "baseline": baseline,
            "best": best,
        }


def leading(
    trials: Sequence[Trial],
    count: int,
    objective: Objective,
    conditions: Sequence[Mapping[str, Any]] = (),
) -> list[Trial]:
    """Return the leading complete trials, best first, then the baseline, then those that a claim
    speaks of; each once.

    Args:
        trials: Finished trials.
        count: How many leaders.
        objective: Says what is better; ties go to the lower validation loss.
        conditions: Values that a claim wants a configuration to have: for each of them the leading
            trial that has them joins. Where all of these were pruned, that is the one that got
            furthest.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    leaders = sorted(complete, key=objective.rank)[:count]
    leaders += [t for t in complete if t.origin == "baseline" and t not in leaders]
    for condition in conditions:
        having = [
            trial
            for trial in trials
            if trial.state != TrialState.FAIL and has_values(trial.config, condition)
        ]
        having.sort(
            key=lambda t: (
                t.state != TrialState.COMPLETE,
                0 if t.state == TrialState.COMPLETE else -t.epochs,
                objective.rank(t),
            )
        )
        leaders += [t for t in having[:1] if t not in leaders]
    return leaders


def has_values(config: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a configuration has these values."""
    return all(config[name] == value for name, value in values.items())


def summarise(store: SweepStore) -> SweepSummary:
    """Read a sweep's directory and return what it found."""
    return summarise_rows(store, store.trials(), store.confirmations())


def summarise_rows(
    store: SweepStore, trials: Sequence[Trial], confirmations: Sequence[Confirmation]
) -> SweepSummary:
    """Return what a sweep found, from rows of it that were read."""
    manifest = store.manifest
    question = question_from_manifest(manifest.question, store.paths.manifest)
    question = question.of_file(manifest.question_file)
    by_number = {trial.trial: trial for trial in trials}
    arm = question.arms[manifest.arm]
    rows: dict[int, list[Confirmation]] = {}
    for row in confirmations:
        if row.train_size == arm.train_size:
            rows.setdefault(row.trial, []).append(row)
    # a user may have removed a damaged line: that trial is unfinished again
    confirmed = [
        Confirmed(by_number[number], tuple(found), question.objective)
        for number, found in rows.items()
        if number in by_number
    ]
    if store.is_running():
        state = "running"
    else:
        state = "done" if store.paths.best_config.exists() else "interrupted"
    return SweepSummary(
        name=manifest.name,
        arm=arm,
        question=question,
        manifest=manifest,
        directory=store.paths.root,
        state=state,
        trials=manifest.trials,
        counts={s: sum(t.state == s for t in trials) for s in TrialState},
        baseline=next((t for t in trials if t.origin == "baseline"), None),
        confirmed=tuple(sorted(confirmed, key=question.objective.rank)),
        confirmed_baseline=next((c for c in confirmed if c.trial.origin == "baseline"), None),
    )


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration in one line."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in config.items()
    )
