"""Results as tidy frames: what is on disk, one observation a row, units in the column's meaning.

Accuracies are in percent, losses in nats per image, times in seconds, epochs in passes over the
training set. A cell is missing (NaN, NA) where the row on disk holds nothing, or where an arm does
not tune a hyperparameter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import pandas as pd

from ibsweep.analysis.summary import SweepSummary, summarise
from ibsweep.errors import IbsweepError, InputError, suggestion
from ibsweep.questions.schema import Question
from ibsweep.results.location import display_path, fetch_results
from ibsweep.results.records import Manifest, Trial, TrialState
from ibsweep.results.store import ReplicationStore, SweepStore, list_sweeps

__all__ = ["Results", "load"]

_KEY = {"sweep": "str", "question": "str", "arm": "str"}
_SWEEPS = {
    **_KEY,
    "state": "str",
    "created": "datetime64[us, UTC]",
    "trials": "int64",
    "complete": "int64",
    "pruned": "int64",
    "failed": "int64",
    "seconds": "float64",
    "current": "bool",
}
_TRIALS = {
    **_KEY,
    "trial": "int64",
    "origin": "str",
    "state": "str",
    "epochs": "int64",
    "valid_accuracy": "float64",
    "valid_loss": "float64",
    "replicates": "int64",
    "seconds": "float64",
    "device": "str",
    "node": "str",
    "reason": "str",
}
_CURVES = {
    **_KEY,
    "trial": "int64",
    "epoch": "int64",
    "seed": "int64",
    "valid_accuracy": "float64",
    "valid_loss": "float64",
    "train_accuracy": "float64",
    "train_loss": "float64",
}
_CONFIRMATIONS = {
    **_KEY,
    "trial": "int64",
    "role": "str",
    "baseline": "bool",
    "images": "int64",
    "seed": "int64",
    "epochs": "int64",
    "valid_accuracy": "float64",
    "valid_loss": "float64",
    "train_accuracy": "float64",
    "test_accuracy": "float64",
    "test_loss": "float64",
    "diverged_epoch": "Int64",
    "seconds": "float64",
    "test_confusion": "object",
}
_REPLICATIONS = {
    "question": "str",
    "arm": "str",
    "setting": "str",
    "images": "int64",
    "seed": "int64",
    "exact": "bool",
    "epochs": "int64",
    "valid_accuracy": "float64",
    "valid_loss": "float64",
    "train_accuracy": "float64",
    "model": "str",
    "task": "object",
    "settings": "object",
}
_BEST = {
    "arm": "str",
    "sweep": "str",
    "trial": "int64",
    "images": "int64",
    "sweep_valid_accuracy": "float64",
    "test_accuracy": "float64",
    "low": "float64",
    "high": "float64",
    "replicates": "int64",
    "config": "object",
}


@dataclass(frozen=True)
class _Sweep:
    """A sweep that was read: its store, what it found, and its finished trials by number."""

    store: SweepStore
    summary: SweepSummary
    trials: dict[int, Trial]

    @property
    def manifest(self) -> Manifest:
        return self.store.manifest

    @property
    def key(self) -> dict[str, str]:
        question = self.summary.question.question
        return {"sweep": self.summary.name, "question": question, "arm": self.summary.arm.name}

    @property
    def has_best(self) -> bool:
        """Whether its confirmation came to its end; half of one could name another best."""
        return self.store.paths.best_config.exists() and self.summary.best is not None

    @property
    def age(self) -> tuple[str, str]:
        """Sorts sweeps, oldest first."""
        return self.manifest.created, self.summary.name


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """Everything that a results directory holds; made by `load`.

    Attributes:
        path: The directory that was read.
        unreadable: Why a sweep's directory was left out, by its name.
    """

    path: Path
    unreadable: Mapping[str, str] = field(default_factory=dict)
    _sweeps: tuple[_Sweep, ...] = ()

    def __repr__(self) -> str:
        counts = f"{len(self.sweeps)} sweeps, {len(self.trials)} trials"
        return f"<Results of {self.path}: {counts}, {len(self.confirmations)} confirmations>"

    @cached_property
    def _current(self) -> dict[str, _Sweep]:
        """The sweep of each arm that counts, by arm, sorted."""
        by_age = sorted(self._sweeps, key=lambda sweep: sweep.age)
        newest = {sweep.summary.arm.name: sweep for sweep in by_age if sweep.has_best}
        return dict(sorted(newest.items()))

    @cached_property
    def sweeps(self) -> pd.DataFrame:
        """One row a sweep.

        ``sweep`` (its name), ``question``, ``arm``, ``state`` (done, interrupted, running),
        ``created`` (UTC), ``trials`` (configurations asked for), ``complete``, ``pruned``,
        ``failed`` (finished trials by state), ``seconds`` (wall time of trials and confirmations,
        added up over those that ran at the same time), ``current`` (whether it is the newest sweep
        of its arm that has a best; only these are reported).
        """
        current = {sweep.summary.name for sweep in self._current.values()}
        rows = [
            {
                **sweep.key,
                "state": sweep.summary.state,
                "created": pd.Timestamp(sweep.manifest.created),
                "trials": sweep.summary.trials,
                "complete": sweep.summary.counts[TrialState.COMPLETE],
                "pruned": sweep.summary.counts[TrialState.PRUNED],
                "failed": sweep.summary.counts[TrialState.FAIL],
                "seconds": _seconds(sweep),
                "current": sweep.summary.name in current,
            }
            for sweep in self._sweeps
        ]
        return _frame(rows, _SWEEPS)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row a finished trial.

        ``sweep``, ``question``, ``arm``, ``trial`` (its number), ``origin`` (baseline or the
        sampler's name), ``state`` (COMPLETE, PRUNED, FAIL), ``epochs`` (trained),
        ``valid_accuracy`` (percent) and ``valid_loss`` (means over the replicates at the last
        epoch; missing where it failed), ``replicates`` (how many), ``seconds`` (wall time),
        ``device``, ``node``, ``reason`` (why it was pruned or failed); then
        ``config_<hyperparameter>``: its configuration, a column for every hyperparameter that an
        arm tunes.
        """
        rows = [
            {
                **sweep.key,
                "trial": row.trial,
                "origin": row.origin,
                "state": row.state.value,
                "epochs": row.epochs,
                "valid_accuracy": row.valid_accuracy,
                "valid_loss": row.valid_loss,
                "replicates": len(row.replicates),
                "seconds": row.seconds,
                "device": row.device,
                "node": row.node,
                "reason": row.reason,
                **_config(row),
            }
            for sweep in self._sweeps
            for row in sorted(sweep.trials.values(), key=lambda row: row.trial)
        ]
        return _frame(rows, _TRIALS, self._configs)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row a trial, validated epoch and replicate; read from disk when first asked for.

        ``sweep``, ``question``, ``arm``, ``trial``, ``epoch``, ``seed`` (of the replicate),
        ``valid_accuracy`` (percent), ``valid_loss`` (after the epoch), ``train_accuracy``
        (percent), ``train_loss`` (over the epoch, before each update; missing if not finite).
        """
        rows = [
            {
                **sweep.key,
                "trial": row.trial,
                "epoch": row.epoch,
                "seed": replicate.seed,
                "valid_accuracy": replicate.valid_accuracy,
                "valid_loss": replicate.valid_loss,
                "train_accuracy": replicate.train_accuracy,
                "train_loss": replicate.train_loss,
            }
            for sweep in self._sweeps
            for row in sorted(sweep.store.curves(), key=lambda row: (row.trial, row.epoch))
            if row.trial in sweep.trials  # the others were cut short and start again
            for replicate in row.replicates
        ]
        return _frame(rows, _CURVES)

    @cached_property
    def confirmations(self) -> pd.DataFrame:
        """One row a leading trial, number of training images and fresh replicate.

        ``sweep``, ``question``, ``arm``, ``trial``, ``role`` (best, baseline, leader; the best
        trial is ``best`` even where it is the baseline too), ``baseline`` (whether the trial is
        the notebook's setting), ``images`` (training images per class), ``seed`` (of the
        replicate, common to the arms), ``epochs``, ``valid_accuracy`` (percent; chooses the best),
        ``valid_loss``, ``train_accuracy`` (percent, of the trained model), ``test_accuracy``
        (percent, held-out images; scores), ``test_loss``, ``diverged_epoch``, ``seconds`` (wall
        time of the trial's replicates together), ``test_confusion`` (counts of test images by true
        and predicted class, a tuple of rows); then ``config_<hyperparameter>``.
        """
        return _frame(self._confirmation_rows(), _CONFIRMATIONS, self._configs)

    def _confirmation_rows(self) -> Iterator[dict[str, Any]]:
        for sweep in self._sweeps:
            best = sweep.summary.best
            for row in sweep.store.confirmations():
                trial = sweep.trials.get(row.trial)
                if trial is None:  # a user removed its damaged line; it is trained again
                    continue
                baseline = trial.origin == "baseline"
                role = "baseline" if baseline else "leader"
                if best is not None and trial.trial == best.trial.trial:
                    role = "best"
                values = {name: getattr(row, name) for name in type(row).model_fields}
                yield {**sweep.key, **values, "role": role, "baseline": baseline, **_config(trial)}

    @cached_property
    def replications(self) -> pd.DataFrame:
        """One row a setting of the notebook, number of training images and seed.

        ``question``, ``arm``, ``setting`` (baseline, or a variant's name), ``images`` (training
        images per class), ``seed``, ``exact`` (whether it follows the notebook's generator draw
        for draw), ``epochs``, ``valid_accuracy`` (percent), ``valid_loss``, ``train_accuracy``
        (percent, of the trained model), ``model``, ``task`` and ``settings`` (dictionaries, as
        they were when it was trained).
        """
        store = ReplicationStore(self.path)
        found = store.rows() if store.path.exists() else []
        # trained again after a change of its file: the last one counts
        last = {(r.question, r.arm, r.setting, r.images, r.seed): r for r in found}
        rows = [{name: getattr(row, name) for name in _REPLICATIONS} for row in last.values()]
        return _frame(rows, _REPLICATIONS)

    @property
    def _configs(self) -> list[str]:
        names = [name for sweep in self._sweeps for name in sweep.summary.arm.space]
        return [f"config_{name}" for name in dict.fromkeys(names)]

    def questions(self) -> dict[str, Question]:
        """Return the questions that have a current sweep, by name, sorted.

        Where sweeps of one question were made with different files, the newest one's counts.
        """
        by_age = sorted(self._current.values(), key=lambda sweep: sweep.age)
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
        if arm in self._current:
            return self._current[arm].summary
        if not self._current:
            raise InputError(f"no sweep in {self.path} has a best yet; `ibsweep tune` makes one")
        known = suggestion(arm, self._current)
        raise InputError(f"no sweep of arm {arm!r} in {self.path} has a best; {known}")

    @overload
    def best(self, arm: None = None) -> pd.DataFrame: ...
    @overload
    def best(self, arm: str) -> dict[str, Any]: ...

    def best(self, arm: str | None = None) -> pd.DataFrame | dict[str, Any]:
        """Return the best configuration of each arm, one row a current sweep.

        ``arm``, ``sweep``, ``trial``, ``images`` (training images per class),
        ``sweep_valid_accuracy`` (percent, the sweep's own figure: optimistic), ``test_accuracy``
        with ``low`` and ``high`` (percent, held-out images: mean over the fresh replicates and its
        95 % interval), ``replicates`` (how many), ``config`` (a dict).

        Args:
            arm: Return the row of this arm alone, as a dict.

        Raises:
            InputError: If the arm has no current sweep.
        """
        if arm is not None:
            return _best(self.summary(arm))
        return _frame([_best(sweep.summary) for sweep in self._current.values()], _BEST)


def load(path: str | os.PathLike[str] = "results") -> Results:
    """Read a results directory, or the directory of one sweep.

    A sweep that cannot be read is left out, with the reason in ``Results.unreadable``.

    Args:
        path: A directory that ``ibsweep tune`` wrote to, or its URL, or one sweep's directory in
            it.

    Raises:
        InputError: If there is no such directory or URL, or it is one sweep's and cannot be read.
    """
    root = fetch_results(path)
    if not root.is_dir():
        raise InputError(
            f"no results directory {display_path(root)}: name one that `ibsweep tune` wrote, or a "
            "sweep's in it"
        )
    if (root / "manifest.json").exists():
        return Results(root, {}, (_read(root),))
    sweeps, unreadable = [], {}
    for directory in list_sweeps(root):
        try:
            sweeps.append(_read(directory))
        except IbsweepError as error:
            unreadable[directory.name] = str(error)
    return Results(root, unreadable, tuple(sweeps))


def _read(directory: Path) -> _Sweep:
    store = SweepStore(directory)
    return _Sweep(store, summarise(store), {row.trial: row for row in store.trials()})


def _seconds(sweep: _Sweep) -> float:
    # replicates that were trained together carry the same time, to the last digit
    confirmed = {(row.trial, row.images, row.seconds) for row in sweep.store.confirmations()}
    return sum(t.seconds for t in sweep.trials.values()) + sum(row[2] for row in confirmed)


def _config(trial: Trial) -> dict[str, Any]:
    return {f"config_{name}": value for name, value in trial.config.items()}


def _best(summary: SweepSummary) -> dict[str, Any]:
    best = summary.best
    assert best is not None, "a current sweep has a best"
    mean, low, high = best.test
    return {
        "arm": summary.arm.name,
        "sweep": summary.name,
        "trial": best.trial.trial,
        "images": summary.arm.images,
        "sweep_valid_accuracy": best.trial.valid_accuracy,
        "test_accuracy": mean,
        "low": low,
        "high": high,
        "replicates": len(best.rows),
        "config": dict(best.trial.config),
    }


def _frame(
    rows: Iterable[Mapping[str, Any]], dtypes: Mapping[str, str], more: Iterable[str] = ()
) -> pd.DataFrame:
    """Return rows as a frame; an empty one has the columns and their types too."""
    frame = pd.DataFrame(list(rows), columns=[*dtypes, *more])
    return frame.astype(dict(dtypes))
