"""Tidy frames: one observation a row, and each column declared once, here.

A metric has a column a split, such as ``valid_accuracy`` and ``test_rmse``; where a column is
declared for all metrics, it is written ``valid_METRIC``. Figures are in their metric's own unit,
accuracies in percent, times in seconds, epochs in passes over the training set; the loss is the
one that was trained with. A cell is missing (NaN, NA) where the row on disk holds nothing, where
an arm does not tune a hyperparameter, or where it is not set beside the trial's others.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args, get_type_hints

import pandas as pd

from ibsweep.analysis.repeats import summarise_repeats
from ibsweep.results.records import Confirmation, Curve, Replicate, Trial, TrialState
from ibsweep.results.replications import Replication

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ibsweep.analysis.load import StoredSweep
    from ibsweep.analysis.summary import SweepSummary

__all__ = [
    "BEST",
    "CONFIRMATIONS",
    "CURVES",
    "REPEATS",
    "REPLICATIONS",
    "SWEEPS",
    "TRIALS",
    "Column",
    "ConfirmationRow",
    "CurveRow",
    "SweepRow",
    "TrialRow",
    "columns_of",
    "config_columns",
    "describe",
    "make_frame",
]


class Column(NamedTuple):
    """A column of a frame.

    Attributes:
        name: Its name.
        meaning: What it holds, in a few words; empty where the name says it.
        dtype: Its type in pandas.
        value: Reads its cell from what the row is made of; of a column that is declared for all
            metrics, from this and the column's own name.
    """

    name: str
    meaning: str
    dtype: str
    value: Callable[..., Any]


class SweepRow(NamedTuple):
    """What a row of ``sweeps`` is made of.

    Attributes:
        sweep: The sweep.
        current: Whether it is its arm's current one.
        repeats: How many independent sweeps of its design have a best.
    """

    sweep: StoredSweep
    current: bool
    repeats: int


class TrialRow(NamedTuple):
    """What a row of ``trials`` is made of."""

    sweep: StoredSweep
    trial: Trial


class CurveRow(NamedTuple):
    """What a row of ``curves`` is made of."""

    sweep: StoredSweep
    curve: Curve
    replicate: Replicate


class ConfirmationRow(NamedTuple):
    """What a row of ``confirmations`` is made of: a fresh replicate, and the trial it is of."""

    sweep: StoredSweep
    trial: Trial
    confirmation: Confirmation

    @property
    def is_baseline(self) -> bool:
        """Whether the trial is the arm's baseline."""
        return self.trial.origin == "baseline"

    @property
    def role(self) -> str:
        """What the trial is to its sweep."""
        best = self.sweep.summary.best
        if best is not None and self.trial.trial == best.trial.trial:
            return "best"
        return "baseline" if self.is_baseline else "leader"


_DTYPES = {
    "str": "str",
    "str | None": "str",
    "bool": "bool",
    "int": "int64",
    "int | None": "Int64",
    "float": "float64",
    "float | None": "float64",
}
"""pandas' type for the type of a record's field; ``object`` for what is not listed."""


_METRIC = "METRIC"
"""Stands for every metric in the name of a column."""


def _stored(record: type[BaseModel], source: str, **meanings: str) -> tuple[Column, ...]:
    """Return columns that are fields or figures of a record, of the same name and type.

    Args:
        record: The record.
        source: Where the row has it; empty where the row is the record.
        meanings: What the fields hold, in the frame's order.
    """
    prefix = f"{source}." if source else ""
    row = attrgetter(source) if source else None
    types = get_type_hints(record)  # without the bounds that pydantic checks

    def column(name: str, meaning: str) -> Column:
        field = record.model_fields.get(name)
        if field is None:
            own = name if not name.endswith(_METRIC) else None
            return Column(
                name,
                meaning,
                "float64",
                lambda one, name=own: (row(one) if row else one).figure(name),
            )
        dtype = _DTYPES.get(_type_name(types[name]), "object")
        return Column(name, meaning, dtype, attrgetter(f"{prefix}{name}"))

    return tuple(column(name, meaning) for name, meaning in meanings.items())


def _type_name(annotation: Any) -> str:
    """Return it as it is written, however a union came about."""
    parts = get_args(annotation)
    if len(parts) == 2 and parts[1] is NoneType and isinstance(parts[0], type):
        return f"{parts[0].__name__} | None"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _count(state: TrialState) -> Callable[[SweepRow], int]:
    return lambda row: row.sweep.summary.counts[state]


_KEY = (
    Column("sweep", "its name", "str", lambda row: row.sweep.summary.name),
    Column("question", "", "str", lambda row: row.sweep.summary.question.question),
    Column("arm", "", "str", lambda row: row.sweep.summary.arm.name),
)
"""Every row of a sweep begins with these."""

SWEEPS = (
    *_KEY,
    Column("state", "done, interrupted, running", "str", attrgetter("sweep.summary.state")),
    Column(
        "created",
        "UTC",
        "datetime64[us, UTC]",
        lambda row: pd.Timestamp(row.sweep.manifest.created),
    ),
    Column("trials", "configurations asked for", "int64", attrgetter("sweep.summary.trials")),
    Column("complete", "finished trials by state", "int64", _count(TrialState.COMPLETE)),
    Column("pruned", "", "int64", _count(TrialState.PRUNED)),
    Column("failed", "", "int64", _count(TrialState.FAIL)),
    Column(
        "seconds",
        "wall time of trials and confirmations, added up over those that ran at the same time",
        "float64",
        attrgetter("sweep.seconds"),
    ),
    Column(
        "current",
        "whether it is the newest sweep of its arm that has a best; only these are reported",
        "bool",
        attrgetter("current"),
    ),
    Column(
        "seed",
        "of the sampler, and what replicate seeds follow from",
        "int64",
        attrgetter("sweep.manifest.seed"),
    ),
    Column(
        "design",
        "the same for sweeps that differ in their seeds alone: repeats of each other",
        "str",
        attrgetter("sweep.design"),
    ),
    Column(
        "repeats",
        "sweeps of this design that share no replicate seed and have a best",
        "int64",
        attrgetter("repeats"),
    ),
)

TRIALS = (
    *_KEY,
    *_stored(Trial, "trial", trial="its number", origin="baseline or the sampler's name"),
    Column("state", "COMPLETE, PRUNED, FAIL", "str", attrgetter("trial.state.value")),
    *_stored(
        Trial,
        "trial",
        epochs="trained",
        valid_METRIC="mean over the replicates at the last epoch; missing where it failed",
        valid_loss="the same of the loss",
    ),
    Column("replicates", "how many", "int64", lambda row: len(row.trial.replicates)),
    *_stored(
        Trial,
        "trial",
        seconds="wall time",
        device="",
        node="",
        reason="why it was pruned or failed",
    ),
)

CURVES = (
    *_KEY,
    *_stored(Curve, "curve", trial="its number", epoch=""),
    *_stored(
        Replicate,
        "replicate",
        seed="of the replicate",
        valid_METRIC="after the epoch",
        valid_loss="after the epoch",
        train_METRIC="over the epoch, before each update; missing if not finite",
        train_loss="the same of the loss",
    ),
)

CONFIRMATIONS = (
    *_KEY,
    *_stored(Confirmation, "confirmation", trial="its number"),
    Column(
        "role",
        "best, baseline, leader; the best trial is best even where it is the baseline too",
        "str",
        attrgetter("role"),
    ),
    Column(
        "baseline",
        "whether the trial is the arm's baseline",
        "bool",
        attrgetter("is_baseline"),
    ),
    *_stored(
        Confirmation,
        "confirmation",
        train_size="size of the training set, in the unit of the data's split",
        purpose="choice: it compares the leaders; score: it scores what they chose; missing where "
        "one set of replicates did both, in sweeps of formats 2 and 3",
        seed="of the replicate, common to the arms",
    ),
    Column(
        "replicate",
        "its number among those of its purpose, from 0, in which further ones follow",
        "Int64",
        lambda row: row.sweep.replicate(row.confirmation),
    ),
    Column(
        "score_replicates",
        "how many score in the sweep itself; what follows was asked for later",
        "int64",
        attrgetter("sweep.manifest.confirm_replicates"),
    ),
    Column(
        "trained",
        "whether the run trains: it did not diverge, and on held-out examples it tells every two "
        "classes apart, or beats the mean of the targets, by a test at 1 %",
        "bool",
        attrgetter("confirmation.trains"),
    ),
    *_stored(
        Confirmation,
        "confirmation",
        epochs="",
        valid_METRIC="the objective, where purpose is choice or missing, chooses the best",
        valid_loss="",
        train_METRIC="of the trained model",
        test_METRIC="held-out examples; scores, and is missing where purpose is choice",
        test_loss="",
        diverged_epoch="",
        seconds="wall time of the trial's replicates together",
        test_confusion="counts of test examples by true and predicted class, a tuple of rows",
    ),
)

REPLICATIONS = _stored(
    Replication,
    "",
    question="",
    arm="",
    setting="baseline, or a variant's name",
    train_size="size of the training set",
    seed="",
    exact="whether it follows the notebook's generator draw for draw",
    epochs="",
    valid_METRIC="",
    valid_loss="",
    train_METRIC="of the trained model",
    model="",
    data="a dictionary, as it was when it was trained",
    settings="a dictionary, as they were when it was trained",
)


def _objective(
    summary: SweepSummary, column: str, figure: Callable[[str], float | None]
) -> float | None:
    """Return a figure of the objective; None for the column of another sweep's."""
    column = column.removeprefix("sweep_")
    objective = summary.question.objective
    return figure(column) if column in (objective.valid, objective.test) else None


def _of_trained(summary: SweepSummary, column: str, part: str) -> float | None:
    """Return a part of the interval of the runs that train; None for another's objective."""
    names = column.removesuffix(f"_{part}").removeprefix("trained_")
    if summary.best is None or names != summary.question.objective.metric:
        return None
    found: float | None = getattr(summary.best.runs.trained, part)
    return found


BEST = (
    Column("arm", "", "str", attrgetter("arm.name")),
    Column("sweep", "", "str", attrgetter("name")),
    Column("trial", "", "int64", attrgetter("best.trial.trial")),
    Column(
        "train_size",
        "size of the training set, in the unit of the data's split",
        "int64",
        lambda summary: summary.arm.size_of(summary.best.trial.config),
    ),
    Column(
        "sweep_valid_METRIC",
        "the objective, the sweep's own figure: optimistic",
        "float64",
        lambda summary, name: _objective(summary, name, summary.best.trial.figure),
    ),
    Column(
        "test_METRIC",
        "the objective, held-out examples: mean over the fresh replicates that score",
        "float64",
        lambda summary, name: _objective(summary, name, summary.best.figure),
    ),
    Column("low", "lower end of its 95 % interval", "float64", attrgetter("best.test.low")),
    Column("high", "upper end", "float64", attrgetter("best.test.high")),
    Column("replicates", "how many", "int64", lambda summary: len(summary.best.rows)),
    Column("runs", "those of them that are defined", "int64", attrgetter("best.runs.rate.runs")),
    Column("trained_runs", "how many of these train", "int64", attrgetter("best.runs.rate.count")),
    Column(
        "rate_low",
        "lower end of the 95 % interval of the share that trains, 0 to 1",
        "float64",
        attrgetter("best.runs.rate.low"),
    ),
    Column("rate_high", "upper end", "float64", attrgetter("best.runs.rate.high")),
    Column(
        "trained_METRIC",
        "the objective, held-out examples: mean over the runs that train",
        "float64",
        lambda summary, name: _of_trained(summary, name, "mean"),
    ),
    Column(
        "trained_METRIC_low",
        "lower end of its 95 % interval",
        "float64",
        lambda summary, name: _of_trained(summary, name, "low"),
    ),
    Column(
        "trained_METRIC_high",
        "upper end",
        "float64",
        lambda summary, name: _of_trained(summary, name, "high"),
    ),
    Column("config", "a dict", "object", lambda summary: dict(summary.best.trial.config)),
)


def _of_repeats(field: str) -> Callable[[Sequence[StoredSweep]], float | None]:
    """Return what reads a figure of repeated sweeps, missing where there is one alone."""
    read = attrgetter(field)

    def value(sweeps: Sequence[StoredSweep]) -> float | None:
        found = summarise_repeats(sweeps)
        return None if found is None else read(found)

    return value


REPEATS = (
    Column("sweeps", "that differ in their seeds alone, this one among them", "int64", len),
    Column(
        "sweeps_mean",
        "the objective as above, mean over these sweeps; missing where there is one",
        "float64",
        _of_repeats("average.mean"),
    ),
    Column("sweeps_low", "lower end of its 95 % interval", "float64", _of_repeats("average.low")),
    Column("sweeps_high", "upper end", "float64", _of_repeats("average.high")),
    Column(
        "between_sd",
        "standard deviation of these sweeps' means",
        "float64",
        _of_repeats("between_sd"),
    ),
    Column(
        "within_sd",
        "standard deviation of one sweep's replicates",
        "float64",
        _of_repeats("within_sd"),
    ),
)
"""Further columns of ``best``, read from a sweep's repeats."""


def config_columns(trial: Trial) -> dict[str, Any]:
    """Return a trial's configuration as cells of the columns ``config_<hyperparameter>``."""
    return {f"config_{name}": value for name, value in trial.config.items()}


def _config_column(cells: Sequence[Any]) -> pd.Series:
    """Return the column of a hyperparameter: integers and booleans stay such beside missing ones.

    Args:
        cells: Its values, None where a trial has none.
    """
    given = [cell for cell in cells if cell is not None]
    kinds = set(map(type, given))
    if len(given) < len(cells) and kinds == {bool}:
        return pd.Series(cells, dtype="boolean")
    if len(given) < len(cells) and kinds == {int} and max(map(abs, given)) < 2**63:
        return pd.Series(cells, dtype="Int64")
    return pd.Series(cells)


Metrics = Mapping[str, Iterable[str]]
"""Names of metrics by split."""


def columns_of(columns: Iterable[Column], metrics: Metrics) -> tuple[Column, ...]:
    """Return columns, those that are declared for all metrics once for each.

    Args:
        columns: Columns as they are declared.
        metrics: Names of the metrics by split.
    """
    found: list[Column] = []
    for column in columns:
        stem, placeholder, end = column.name.partition(_METRIC)
        if not placeholder:
            found.append(column)
            continue
        split = stem.rstrip("_").removeprefix("sweep_")
        for metric in metrics.get(split, ()):
            name = f"{stem}{metric}{end}"
            read = partial(_named, column.value, name)
            found.append(Column(name, column.meaning, column.dtype, read))
    return tuple(found)


def _named(value: Callable[[Any, str], Any], name: str, row: Any) -> Any:
    return value(row, name)


def make_frame(
    columns: Iterable[Column],
    rows: Iterable[Any],
    metrics: Metrics = MappingProxyType({}),
    config: Callable[[Any], Mapping[str, Any]] = lambda _: {},
    config_names: Iterable[str] = (),
) -> pd.DataFrame:
    """Return a frame; an empty one has the columns and their types too.

    Args:
        columns: Its columns.
        rows: What each row is made of.
        metrics: The metrics that it has columns of, by split.
        config: Returns a row's cells in the columns of hyperparameters, which come last.
        config_names: These columns.
    """
    columns = columns_of(columns, metrics)
    rows = list(rows)
    cells = [{c.name: c.value(row) for c in columns} for row in rows]
    frame = pd.DataFrame(cells, columns=[column.name for column in columns])
    frame = frame.astype({column.name: column.dtype for column in columns})
    configs = list(map(config, rows))
    tuned = {name: _config_column([one.get(name) for one in configs]) for name in config_names}
    return pd.concat([frame, pd.DataFrame(tuned, index=frame.index)], axis=1)


_F = TypeVar("_F", bound=Callable[..., Any])


def describe(columns: Iterable[Column]) -> Callable[[_F], _F]:
    """Return a decorator that lists columns with their meanings in a docstring."""
    listed = ", ".join(f"``{c.name}``" + (f" ({c.meaning})" if c.meaning else "") for c in columns)

    def decorate(function: _F) -> _F:
        first, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        filled = textwrap.fill(f"{listed}.", 91, break_on_hyphens=False)
        function.__doc__ = "\n\n".join(part for part in (first, filled, rest) if part)
        return function

    return decorate
