"""What a sweep found: counts, the baseline, the best configuration with its confirmed figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ibsweep.analysis.fronts import front_document, front_left_out, leading_front, on_front
from ibsweep.analysis.statistics import (
    Interval,
    Rate,
    RunFigures,
    describe_runs,
    mean_interval,
    rate_interval,
)
from ibsweep.analysis.wording import schema_of
from ibsweep.data.schema import DataSchema
from ibsweep.questions.files import question_from_manifest
from ibsweep.questions.points import has_all
from ibsweep.questions.schema import Arm, Objective, Question
from ibsweep.results.location import display_path
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Confirmation, Trial, TrialState
from ibsweep.results.rows import mean
from ibsweep.results.store import SweepStore

__all__ = [
    "Confirmed",
    "SweepSummary",
    "chosen",
    "config_text",
    "confirmed_trials",
    "leading",
    "summarise",
    "summarise_rows",
]


@dataclass(frozen=True)
class Confirmed:
    """A trial that was re-trained with fresh replicates.

    Attributes:
        trial: The trial, with the sweep's own figure, which is optimistic for a winner.
        choice: One row a fresh replicate that compares it with the other leaders.
        rows: One row a fresh replicate that scores it; none where it was not chosen. In sweeps of
            formats 2 and 3 these are those that chose.
        objective: The question's.
    """

    trial: Trial
    choice: tuple[Confirmation, ...]
    rows: tuple[Confirmation, ...]
    objective: Objective

    @classmethod
    def of(cls, trial: Trial, rows: Sequence[Confirmation], objective: Objective) -> Confirmed:
        """Tell the rows that choose from those that score."""
        choice = tuple(row for row in rows if row.purpose != "score")
        score = tuple(row for row in rows if row.purpose != "choice")
        return cls(trial, choice, score, objective)

    @cached_property
    def valid(self) -> Interval:
        """The objective on validation examples of the replicates that choose."""
        values = _defined(self.choice, self.objective.valid)
        if not values:
            return _UNKNOWN
        return mean_interval(values, self.objective.low, self.objective.high)

    @property
    def test(self) -> Interval:
        """The objective on held-out test examples: the mean of all runs that score."""
        return self.runs.mean

    @cached_property
    def runs(self) -> RunFigures:
        """How many of the runs that score train, and the objective on test examples: of all of
        them, and of those that train.

        A run that fails and of which it is not defined has the metric's worst value, if there is
        one.
        """
        objective = self.objective
        worst = objective.low if objective.sign > 0 else objective.high
        figures = [(row.figure(objective.test), row.trains) for row in self.rows]
        figures = [
            (worst if value is None and not trains else value, trains) for value, trains in figures
        ]
        known = [(value, trains) for value, trains in figures if value is not None]
        if not known:
            count, runs = sum(trains for _, trains in figures), len(figures)
            rate = rate_interval(count, runs) if runs else Rate(0, 0, 0.0, 1.0)
            return RunFigures(_UNKNOWN, False, rate, _UNKNOWN)
        values, trained = zip(*known, strict=True)
        return describe_runs(values, trained, objective.low, objective.high)

    def figure(self, column: str) -> float | None:
        """Return a column's mean: of validation examples, over the replicates that choose."""
        rows = self.choice if column.startswith("valid_") else self.rows
        if column in (self.objective.valid, self.objective.test):
            values = _defined(rows, column)
            return mean(values) if values else math.nan
        return mean([row.figure(column) for row in rows]) if rows else None

    def interval(self, metric: Objective) -> Interval:
        """Return a metric's mean on test examples, with its interval, over all runs that score."""
        if metric == self.objective:
            return self.test
        values = _defined(self.rows, metric.test)
        return mean_interval(values, metric.low, metric.high) if values else _UNKNOWN

    def runs_document(self) -> dict[str, Any]:
        """Return the mean of the runs that train, and their rate, as plain JSON values."""
        trained, rate = self.runs.trained, self.runs.rate
        # JSON has no word for what is not a number: the mean where no run trains
        mean = None if math.isnan(trained.mean) else trained.mean
        return {
            "trained": {**trained._asdict(), "mean": mean},
            "rate": {**asdict(rate), "share": rate.share},
        }


_UNKNOWN = Interval(math.nan, None, None)


def _defined(rows: Sequence[Confirmation], column: str) -> list[float]:
    found = (row.figure(column) for row in rows)
    return [value for value in found if value is not None]


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
        confirmed: All confirmed trials, best first by validation examples of the fresh replicates
            that choose.
        confirmed_baseline: The baseline among them.
        front_left_out: Trials of the sweep's own front that were not confirmed, as ``confirm``
            was smaller; with one objective none.
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
    front_left_out: int = 0

    @property
    def front(self) -> tuple[Confirmed, ...]:
        """The front, best first by the first objective: what was chosen and is scored. With one
        objective that is the best alone.
        """
        scored = [one for one in self.confirmed if one.rows]
        if not self.question.further_objectives:
            return tuple(scored[:1])
        compared = on_front(self.confirmed, self.question.objectives)
        return tuple(one for one in scored if one in compared)

    @property
    def best(self) -> Confirmed | None:
        """The best configuration: the one that was chosen, once it is scored."""
        first = self.confirmed[0] if self.confirmed else None
        return first if first is not None and first.rows else None

    @property
    def chosen_on_score(self) -> bool:
        """Whether the replicates that score the best have also chosen it, as in old formats."""
        return self.manifest.choice_replicates is None

    def best_row(self) -> Confirmation:
        """Return the replicate whose weights ``best.pt`` has: the one that is best on its
        validation examples, of those that scored the best configuration when it was chosen.
        ``settle`` adds others, whose weights are not kept.

        Raises:
            ValueError: If nothing was scored.
        """
        seeds = self.manifest.confirmation_seeds
        rows = [row for row in (self.best.rows if self.best else ()) if row.seed in seeds]
        return min(rows, key=self.question.objective.rank)

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
            **self.best.runs_document(),
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
            "ended": self.manifest.ended and self.manifest.ended["why"],
            "baseline": baseline,
            "best": best,
            **(
                {"front": front_document(self.front, self.question.objectives)}
                if self.question.further_objectives
                else {}
            ),
        }


def leading(
    trials: Sequence[Trial],
    count: int,
    objective: Objective,
    conditions: Sequence[Mapping[str, Any]] = (),
    further: Sequence[Objective] = (),
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
        further: The further objectives. With some, the leaders are the front of the complete
            trials, then the next front, and so on; of a front that is not taken whole those that
            are spread over it.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if further:
        leaders = leading_front(complete, count, (objective, *further))
    else:
        leaders = sorted(complete, key=objective.rank)[:count]
    leaders += [t for t in complete if t.origin == "baseline" and t not in leaders]
    for condition in conditions:
        having = [
            trial
            for trial in trials
            if trial.state != TrialState.FAIL and has_all(trial.config, condition)
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


def chosen(
    leaders: Sequence[Confirmed],
    objective: Objective,
    conditions: Sequence[Mapping[str, Any]] = (),
    further: Sequence[Objective] = (),
) -> list[Trial]:
    """Return the trials to score: the best leader, the baseline, and the best of those that a
    claim speaks of; each once.

    Args:
        leaders: Trials with rows of the replicates that choose.
        objective: Says what is better; ties go to the lower validation loss.
        conditions: Values that a claim wants a configuration to have.
        further: The further objectives; with some, all leaders are scored that no other one
            dominates.
    """
    ranked = sorted(leaders, key=objective.rank)
    found = on_front(ranked, (objective, *further)) if further else ranked[:1]
    found += [one for one in ranked if one.trial.origin == "baseline"]
    for condition in conditions:
        found += [one for one in ranked if has_all(one.trial.config, condition)][:1]
    return list({one.trial.trial: one.trial for one in found}.values())


def summarise(store: SweepStore) -> SweepSummary:
    """Read a sweep's directory and return what it found."""
    return summarise_rows(store, store.trials(), store.confirmations())


def confirmed_trials(
    trials: Mapping[int, Trial],
    confirmations: Iterable[Confirmation],
    question: Question,
    arm: Arm,
) -> list[Confirmed]:
    """Return the trials that were confirmed at their own training-set size, best first.

    Args:
        trials: The finished trials by number.
        confirmations: Fresh replicates; those of trials that are not finished are passed over.
        question: Says what is better.
        arm: The arm.
    """
    rows: dict[int, list[Confirmation]] = {}
    for row in confirmations:
        trial = trials.get(row.trial)
        if trial is not None and row.train_size == arm.size_of(trial.config):
            rows.setdefault(row.trial, []).append(row)
    found = [Confirmed.of(trials[number], own, question.objective) for number, own in rows.items()]
    return sorted(found, key=question.rank)


def summarise_rows(
    store: SweepStore,
    trials: Sequence[Trial],
    confirmations: Sequence[Confirmation],
    question: Question | None = None,
) -> SweepSummary:
    """Return what a sweep found, from rows of it that were read.

    Args:
        store: The sweep.
        trials: Its finished trials.
        confirmations: Its confirmed replicates.
        question: Its question; by default it is read from the manifest.
    """
    manifest = store.manifest
    question = question or question_from_manifest(manifest.question, store.paths.manifest)
    question = question.of_file(manifest.question_file)
    by_number = {trial.trial: trial for trial in trials}
    arm = question.arms[manifest.arm]
    confirmed = confirmed_trials(by_number, confirmations, question, arm)
    known = [one.trial for one in confirmed]
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
        confirmed=tuple(confirmed),
        confirmed_baseline=next((c for c in confirmed if c.trial.origin == "baseline"), None),
        front_left_out=front_left_out(trials, known, question.objectives) if known else 0,
    )


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration in one line."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in config.items()
    )
