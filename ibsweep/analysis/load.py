"""Results: everything that a results directory holds, read once, as frames and summaries."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import pandas as pd

from ibsweep.analysis import frames
from ibsweep.analysis.best_checks import is_older
from ibsweep.analysis.check import CheckedSweep, check_curves, check_sweep
from ibsweep.analysis.design import design_of, independent
from ibsweep.analysis.fronts import front_frame
from ibsweep.analysis.summary import SweepSummary
from ibsweep.errors import IbsweepError, InputError, suggestion
from ibsweep.paths import is_directory
from ibsweep.questions.schema import Question
from ibsweep.results.damage import Damage, damage_text
from ibsweep.results.layout import REPLICATIONS
from ibsweep.results.location import display_path, fetch_results
from ibsweep.results.manifest import Manifest
from ibsweep.results.reading import Journal
from ibsweep.results.records import Confirmation, Curve, Trial
from ibsweep.results.replications import Replication, ReplicationStore
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import find_sweeps

__all__ = ["Results", "StoredSweep", "load"]

_SPLITS = ("valid", "test", "trained")
"""Of which the best configuration has figures; those of the runs that train are test figures."""


@dataclass(frozen=True)
class StoredSweep:
    """A sweep that was read.

    Attributes:
        store: Its directory.
        summary: What it found.
        trials: Its finished trials by number.
        checked: Its records, which are sound.
    """

    store: SweepStore
    summary: SweepSummary
    trials: dict[int, Trial]
    checked: CheckedSweep

    @classmethod
    def read(cls, directory: Path) -> StoredSweep:
        """Read a sweep's directory.

        Raises:
            IbsweepError: If it cannot be read, or its records are not sound.
        """
        return cls.of(SweepStore(directory))

    @classmethod
    def of(cls, store: SweepStore) -> StoredSweep:
        """Read a sweep.

        Raises:
            IbsweepError: If its records are not sound.
        """
        checked = check_sweep(store)
        trials = {row.trial: row for row in checked.trials}
        return cls(store, checked.summary(), trials, checked)

    @property
    def confirmations(self) -> tuple[Confirmation, ...]:
        """Its confirmed replicates."""
        return self.checked.confirmations

    @property
    def curves(self) -> list[Curve]:
        """The validated epochs of its trials, in order; none where a line of them is wrong."""
        return self._curves[0]

    @cached_property
    def _curves(self) -> tuple[list[Curve], list[Damage]]:
        return check_curves(self.checked)

    @property
    def notes(self) -> list[Damage]:
        """What is wrong with its records and does not keep it from counting."""
        return [*self.checked.notes, *self._curves[1]]

    @property
    def manifest(self) -> Manifest:
        """What it was asked to do, and with what."""
        return self.store.manifest

    @cached_property
    def design(self) -> str:
        """Tells how it was made: the same for sweeps that differ in their seeds alone."""
        return design_of(self.manifest, self.summary.question)

    def replicate(self, row: Confirmation) -> int | None:
        """Return which of its purpose's fresh replicates a row is of, from 0; None if of none."""
        return self._replicates.get((row.purpose == "choice", row.seed))

    @cached_property
    def _replicates(self) -> dict[tuple[bool, int], int]:
        """The numbers of fresh replicates, by whether they choose and their seeds."""
        manifest, scoring = self.manifest, {row.seed for row in self.confirmations}
        # as many as there are seeds, unless some in between were never trained
        seeds = manifest.score_seeds(max(manifest.confirm_replicates, len(scoring)))
        numbers = {(False, seed): i for i, seed in enumerate(seeds)}
        return numbers | {(True, seed): i for i, seed in enumerate(manifest.choice_seeds)}

    @property
    def is_confirmed(self) -> bool:
        """Whether its confirmation came to its end; half of one could name another best."""
        return self.store.paths.best_config.exists()

    @property
    def has_best(self) -> bool:
        """Whether it says which configuration is best."""
        return self.is_confirmed and self.summary.best is not None

    @property
    def best_is_older(self) -> bool:
        """Whether replicates were added since ``best.yaml`` was written."""
        best = self.summary.best
        return best is not None and is_older(self.store.paths.best_config, best)

    @property
    def age(self) -> tuple[str, str]:
        """Sorts sweeps, oldest first."""
        return self.manifest.created, self.summary.name

    @property
    def seconds(self) -> float:
        """Wall time of trials and confirmations, added up."""
        # replicates that were trained together carry the same time, to the last digit
        together = {(row.trial, row.train_size, row.seconds) for row in self.confirmations}
        return sum(t.seconds for t in self.trials.values()) + sum(row[2] for row in together)


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """Everything that a results directory holds; made by `load`.

    Attributes:
        path: The directory that was read.
        unreadable: Why a sweep was left out, by its name, or by that of its directory where that
            is all there is to know.
        stored: The sweeps, by the names of their directories.
    """

    path: Path
    unreadable: Mapping[str, str] = field(default_factory=dict)
    stored: tuple[StoredSweep, ...] = ()

    def __repr__(self) -> str:
        counts = f"{len(self.sweeps)} sweeps, {len(self.trials)} trials"
        counts += f", {len(self.confirmations)} confirmations"
        left_out = f"; {len(self.unreadable)} left out" if self.unreadable else ""
        return f"<Results of {self.path}: {counts}{left_out}>"

    @cached_property
    def notes(self) -> dict[str, str]:
        """What is wrong with records that count all the same, by sweep; curves are read for it.

        A line that stands twice counts once; curves of which a line is wrong are left out.
        """
        found = {sweep.summary.name: sweep.notes for sweep in self.stored}
        found[REPLICATIONS] = list(self._replications.damage)
        return {name: damage_text(damage) for name, damage in found.items() if damage}

    def what_is_wrong(self) -> list[str]:
        """Return what was left out and what is wrong besides, a line each."""
        left_out = [f"left out: {name}: {why}" for name, why in self.unreadable.items()]
        return [*left_out, *(f"note: {name}: {text}" for name, text in self.notes.items())]

    @cached_property
    def _replications(self) -> Journal[Replication]:
        return ReplicationStore(self.path).journal()

    @cached_property
    def _current(self) -> list[StoredSweep]:
        """The sweep of each arm that counts, sorted by arm.

        Two questions of one's own may both have an arm of that name.
        """
        confirmed: dict[str, list[StoredSweep]] = {}
        for sweep in self.stored:
            if sweep.has_best:
                confirmed.setdefault(sweep.summary.question.question, []).append(sweep)
        found = [one for own in confirmed.values() for one in _newest_by_arm(own).values()]
        return sorted(found, key=lambda s: (s.summary.arm.name, s.summary.question.question))

    @cached_property
    def _current_by_arm(self) -> dict[str, StoredSweep]:
        """The newest of them by arm, sorted; a name that two questions have names the newest."""
        return dict(sorted(_newest_by_arm(self._current).items()))

    def reported(self, question: str) -> dict[str, StoredSweep]:
        """Return the sweep of each arm to report: the current one, else the newest.

        An arm may have sweeps of which none is confirmed yet.

        Args:
            question: Name of the question.
        """
        own = [s for s in self.stored if s.summary.question.question == question]
        confirmed = [sweep for sweep in own if self.is_current(sweep)]
        return _newest_by_arm(own) | _newest_by_arm(confirmed)

    def is_current(self, sweep: StoredSweep) -> bool:
        """Return whether it is the newest sweep of its arm that has a best."""
        return any(one is sweep for one in self._current)

    def repeats(self, question: str) -> dict[str, tuple[StoredSweep, ...]]:
        """Return the sweeps of each arm that repeat its current one, and that one, by their seeds.

        They were made alike, share no replicate seed, and have a best: so many draws of what a
        sweep of the arm finds.

        Args:
            question: Name of the question; of one that has no current sweep there is no arm.
        """
        return {
            sweep.summary.arm.name: self.repeats_of(sweep)
            for sweep in self._current
            if sweep.summary.question.question == question
        }

    def repeats_of(self, sweep: StoredSweep) -> tuple[StoredSweep, ...]:
        """Return the sweeps of a sweep's design that have a best and share no replicate seed."""
        alike = (one for one in self.stored if one.design == sweep.design and one.has_best)
        return independent(alike)

    def repeated(self, question: str) -> pd.DataFrame:
        """Return the ``confirmations`` of a question's current sweeps and of their repeats.

        Args:
            question: Name of the question; of one that has none there are no rows.
        """
        found = self.repeats(question).values()
        names = [sweep.summary.name for sweeps in found for sweep in sweeps]
        return self.confirmations[self.confirmations["sweep"].isin(names)]

    @cached_property
    @frames.describe(frames.SWEEPS)
    def sweeps(self) -> pd.DataFrame:
        """One row a sweep."""
        rows = [
            frames.SweepRow(sweep, self.is_current(sweep), len(self.repeats_of(sweep)))
            for sweep in self.stored
        ]
        return frames.make_frame(frames.SWEEPS, rows)

    @cached_property
    @frames.describe(frames.TRIALS)
    def trials(self) -> pd.DataFrame:
        """One row a finished trial.

        Then ``config_<hyperparameter>``: its configuration, a column for every hyperparameter that
        an arm tunes.
        """
        rows = [
            frames.TrialRow(sweep, trial)
            for sweep in self.stored
            for _, trial in sorted(sweep.trials.items())
        ]
        return self._frame_with_configs(frames.TRIALS, rows)

    @cached_property
    @frames.describe(frames.CURVES)
    def curves(self) -> pd.DataFrame:
        """One row a trial, validated epoch and replicate; read from disk when first asked for."""
        rows = [
            frames.CurveRow(sweep, curve, replicate)
            for sweep in self.stored
            for curve in sweep.curves
            for replicate in curve.replicates
        ]
        return frames.make_frame(frames.CURVES, rows, self._metrics)

    @cached_property
    @frames.describe(frames.CONFIRMATIONS)
    def confirmations(self) -> pd.DataFrame:
        """One row a leading trial, training-set size and fresh replicate.

        Then ``config_<hyperparameter>``, as in ``trials``.
        """
        rows = [
            frames.ConfirmationRow(sweep, sweep.trials[row.trial], row)
            for sweep in self.stored
            for row in sweep.confirmations
            if row.trial in sweep.trials  # else a user removed its damaged line
        ]
        return self._frame_with_configs(frames.CONFIRMATIONS, rows)

    @cached_property
    @frames.describe(frames.REPLICATIONS)
    def replications(self) -> pd.DataFrame:
        """One row a published setting, training-set size and seed."""
        stored = self._replications
        damaged = any(one.remedy != "none" for one in stored.damage)
        found = () if damaged else stored.rows.values()
        # trained again after a change of its file: the last one counts
        last = {(r.question, r.arm, r.setting, r.train_size, r.seed): r for r in found}
        metrics = {"valid": _names(row.valid for row in last.values())}
        metrics["train"] = _names(row.train for row in last.values())
        return frames.make_frame(frames.REPLICATIONS, last.values(), metrics)

    def _frame_with_configs(
        self,
        columns: tuple[frames.Column, ...],
        rows: list[frames.TrialRow] | list[frames.ConfirmationRow],
    ) -> pd.DataFrame:
        names = [name for sweep in self.stored for name in sweep.summary.arm.space]
        config_names = [f"config_{name}" for name in dict.fromkeys(names)]
        return frames.make_frame(
            columns,
            rows,
            self._metrics,
            lambda row: frames.config_columns(row.trial),
            config_names,
        )

    @cached_property
    def _metrics(self) -> dict[str, tuple[str, ...]]:
        """The metrics that the frames have columns of, by split, the objectives first."""
        trials = [trial for sweep in self.stored for trial in sweep.trials.values()]
        found = {
            "valid": (trial.valid for trial in trials),
            "train": (one.train for trial in trials for one in trial.replicates),
            "test": (row.test for sweep in self.stored for row in sweep.confirmations),
        }
        return {split: _names(rows, self._objectives) for split, rows in found.items()}

    @property
    def _objectives(self) -> tuple[str, ...]:
        return tuple(sweep.summary.question.objective.metric for sweep in self.stored)

    def questions(self) -> dict[str, Question]:
        """Return the questions that have a current sweep, by name, sorted.

        Where sweeps of one question were made with different files, the newest one's counts.
        """
        by_age = sorted(self._current, key=lambda sweep: sweep.age)
        newest = {sweep.summary.question.question: sweep.summary.question for sweep in by_age}
        return dict(sorted(newest.items()))

    def current(self, question: str) -> pd.DataFrame:
        """Return the ``confirmations`` of a question's current sweeps: one sweep an arm.

        Args:
            question: Name of the question; of one that has none there are no rows.
        """
        rows, sweeps = self.confirmations, self.sweeps
        names = sweeps.loc[sweeps["current"].astype(bool), "sweep"]
        return rows[(rows["question"] == question) & rows["sweep"].isin(names)]

    def summary(self, arm: str) -> SweepSummary:
        """Return what the current sweep of an arm found.

        Raises:
            InputError: If the arm has none; the message says what there is.
        """
        if arm in self._current_by_arm:
            return self._current_by_arm[arm].summary
        if not self._current:
            raise InputError(f"no sweep in {self.path} has a best yet; `ibsweep tune` makes one")
        known = suggestion(arm, self._current_by_arm)
        raise InputError(f"no sweep of arm {arm!r} in {self.path} has a best; {known}")

    def front(self, arm: str) -> pd.DataFrame:
        """Return the front that an arm's current sweep confirmed: a row a configuration, best by
        the first objective first; with one objective, its best configuration alone.

        The columns are ``trial``; ``test_METRIC`` of each objective with the ends of its 95 %
        interval, ``test_METRIC_low`` and ``test_METRIC_high``; ``undominated``, the probability
        that no other one of the front dominates it were its replicates drawn again; ``config``, a
        dict.

        Args:
            arm: Name of the arm.

        Raises:
            InputError: If the arm has no current sweep.
        """
        summary = self.summary(arm)
        return front_frame(summary.front, summary.question.objectives)

    @overload
    def best(self, arm: None = None) -> pd.DataFrame: ...
    @overload
    def best(self, arm: str) -> dict[str, Any]: ...

    def best(self, arm: str | None = None) -> pd.DataFrame | dict[str, Any]:
        """Return the best configuration of each arm, one row a current sweep.

        The columns are those of ``frames.BEST``: above all ``config`` (a dict), and
        ``test_METRIC`` of the objective with its 95 % interval from ``low`` to ``high``. Those of
        ``frames.REPEATS`` follow: what the sweeps of the arm give that were made alike.

        Args:
            arm: Return the row of this arm alone, as a dict.

        Raises:
            InputError: If the arm has no current sweep.
        """
        if arm is not None:
            summary = self.summary(arm)
            own = (summary.question.objective.metric,)
            columns = frames.columns_of(frames.BEST, dict.fromkeys(_SPLITS, own))
            row = {column.name: column.value(summary) for column in columns}
            repeats = self.repeats_of(self._current_by_arm[arm])
            return row | {column.name: column.value(repeats) for column in frames.REPEATS}
        summaries = [sweep.summary for sweep in self._current]
        names = _names((), (found.question.objective.metric for found in summaries))
        best = frames.make_frame(frames.BEST, summaries, dict.fromkeys(_SPLITS, names))
        repeated = (self.repeats_of(sweep) for sweep in self._current)
        return best.join(frames.make_frame(frames.REPEATS, repeated))


def load(path: str | os.PathLike[str] = "results") -> Results:
    """Read a results directory, or the directory of one sweep.

    A sweep that cannot be read, or whose records contradict each other, is left out, with the
    reason in ``Results.unreadable``. What is wrong with others is in ``Results.notes``.

    Args:
        path: A directory that ``ibsweep tune`` wrote to, or its URL, or one sweep's directory in
            it.

    Raises:
        InputError: If there is no such directory or URL, or it is one sweep's and cannot be read.
    """
    root = fetch_results(path)
    if not is_directory(root):
        raise InputError(
            f"no results directory {display_path(root)}: name one that `ibsweep tune` wrote, or a "
            "sweep's in it"
        )
    if os.path.lexists(root / "manifest.json"):
        return Results(root, {}, (StoredSweep.read(root),))
    found = find_sweeps(root)
    sweeps = []
    for name, store in found.stores.items():
        try:
            sweeps.append(StoredSweep.of(store))
        except IbsweepError as error:
            found.leave_out(name, str(error))
    return Results(root, found.left_out, tuple(sweeps))


def _names(rows: Iterable[Mapping[str, Any] | None], first: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names of metrics that rows have figures of, without the loss.

    Args:
        rows: Figures by metric.
        first: Metrics to begin with; where nothing is known, that is the accuracy.
    """
    names = dict.fromkeys(first)
    for row in rows:
        names |= dict.fromkeys(row or ())
    names.pop("loss", None)
    return tuple(names) or ("accuracy",)


def _newest_by_arm(sweeps: Iterable[StoredSweep]) -> dict[str, StoredSweep]:
    """Return the newest sweep of each arm, by the arm's name."""
    return {s.summary.arm.name: s for s in sorted(sweeps, key=lambda sweep: sweep.age)}
