"""Figures of the search, from Optuna: hyperparameter importance and parallel coordinates."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.analysis.plots.style import INK, SIZE, draw_no_data, style_axes
from ibsweep.analysis.wording import heading, number
from ibsweep.questions.schema import Objective
from ibsweep.questions.space import to_distributions

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution

    from ibsweep.questions.schema import Question

__all__ = [
    "LEAST_TRIALS",
    "ImportanceInfo",
    "ParallelAxis",
    "ParallelInfo",
    "importance_info",
    "parallel_info",
    "plot_importance",
    "plot_parallel",
    "study_of",
]

_BLUE = "#2f7fd1"
_TENTH = 0.1
_ORDER = "hyperparameters"
"""Where a study says in which order its space has them: trials do not each have all."""
_NOT_SET = -0.18
"""Where lines cross the axis of a hyperparameter that is not set: clear of its low end."""
LEAST_TRIALS = 30
"""Trials without which nothing is said of what mattered."""


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from writing that it made a study, and that Jupyter lacks a progress bar."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def study_of(question: Question, trials: pd.DataFrame, sweep: str) -> optuna.Study:
    """Return a sweep's trials as an Optuna study in memory, for these figures and Optuna's own.

    A pruned trial keeps the figure of its last epoch; each has the hyperparameters that are set in
    it.

    Args:
        question: The sweep's question.
        trials: The frame ``Results.trials``.
        sweep: Name of the sweep.
    """
    with _quiet_optuna():
        import optuna
        import pandas as pd

        study = optuna.create_study(study_name=sweep, direction=question.objective.direction)
    space: dict[str, None] = {}
    for row in trials[trials["sweep"] == sweep].sort_values("trial").to_dict("records"):
        distributions = to_distributions(question.arms[row["arm"]].space)
        space |= dict.fromkeys(distributions)
        value = row[question.objective.valid]
        cells = {name: row[f"config_{name}"] for name in distributions}
        distributions = {n: d for n, d in distributions.items() if not pd.isna(cells[n])}
        params = {name: _value(cells[name], d) for name, d in distributions.items()}
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[row["state"]],
                value=None if math.isnan(value) else value,
                params=params,
                distributions=distributions,
                user_attrs={"trial": row["trial"], "origin": row["origin"]},
            )
        )
    study.set_user_attr(_ORDER, list(space))
    return study


def _value(cell: Any, distribution: BaseDistribution) -> Any:
    """Return a cell of the frame as Optuna's value: a column of numbers may have become floats."""
    return distribution.to_external_repr(distribution.to_internal_repr(cell))


class ImportanceInfo(NamedTuple):
    """How much each hyperparameter decides whether a configuration is among the best.

    Attributes:
        names: Hyperparameters, the most important first.
        importances: Shares that sum to 1, with shape ``(names,)``.
        trials: Number of trials that they come from.
        top: How many of them are the best tenth, ties included.
        conditional: Those of the hyperparameters that are not set in all of them.
    """

    names: tuple[str, ...]
    importances: NDArray[np.float64]
    trials: int
    top: int
    conditional: tuple[str, ...] = ()

    @property
    def lacking(self) -> str:
        """Why nothing can be said; empty where it can."""
        if self.names:
            return ""
        return (
            "too few trials to tell" if self.trials < LEAST_TRIALS else "too many trials are alike"
        )


def importance_info(study: optuna.Study) -> ImportanceInfo:
    """Return Optuna's PED-ANOVA importances of reaching the best tenth of the trials.

    Pruned trials count with the figure of their last epoch: they were weak, and without them only
    what survived could be compared. Empty where fewer than 30 trials have a figure, since the best
    tenth of them are too few to tell anything by, or where so many figures are the same that the
    best tenth, with ties, is all of them.

    Args:
        study: A study, as `study_of` makes it.

    References:
        Watanabe, Bansal, Hutter: PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
        Arbitrary Subspaces, 2023, https://arxiv.org/abs/2304.10255
    """
    import optuna

    scored = _scored(study)
    top = _top(study, scored)
    if len(scored) < LEAST_TRIALS or top == len(scored):
        return ImportanceInfo((), np.empty(0), len(scored), top)
    with _quiet_optuna():
        whole = optuna.create_study(direction=study.direction)
    whole.add_trials(
        [
            optuna.trial.create_trial(
                value=trial.value, params=trial.params, distributions=trial.distributions
            )
            for trial in scored
        ]
    )
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_TENTH)
    with warnings.catch_warnings():
        # one trial alone has a conditional hyperparameter: it counts for nothing, as it should
        warnings.filterwarnings("ignore", message="Some regimes for parameter")
        shares = optuna.importance.get_param_importances(whole, evaluator=evaluator)
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return ImportanceInfo(
        tuple(name for name, _ in ordered),
        np.array([s for _, s in ordered]),
        len(scored),
        top,
        tuple(name for name in _tuned(study, scored) if any(name not in t.params for t in scored)),
    )


def _tuned(
    study: optuna.Study, trials: Iterable[optuna.trial.FrozenTrial]
) -> dict[str, BaseDistribution]:
    """Return the distributions of all hyperparameters that trials have, in the space's order."""
    found: dict[str, BaseDistribution] = {}
    for trial in trials:
        found |= trial.distributions
    order: list[str] = study.user_attrs.get(_ORDER, [])
    ordered = [*(name for name in order if name in found), *found]
    return {name: found[name] for name in ordered}


def _top(study: optuna.Study, scored: list[optuna.trial.FrozenTrial]) -> int:
    """Return how many trials PED-ANOVA takes for the best tenth: all as good as the last of it."""
    values = np.sort([trial.value for trial in scored if trial.value is not None])
    if study.direction.name == "MAXIMIZE":
        values = -values[::-1]
    if not values.size:
        return 0
    return int((values <= values[math.ceil(_TENTH * values.size) - 1]).sum())


def _scored(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name in ("COMPLETE", "PRUNED")
        and trial.value is not None
        and math.isfinite(trial.value)
    ]


def plot_importance(ax: Axes, info: ImportanceInfo) -> Axes:
    """Draw a bar a hyperparameter, the most important on top, with its share."""
    if info.lacking:
        return draw_no_data(ax, info.lacking)
    rows = range(len(info.names))
    ax.barh(rows, info.importances, color=_BLUE, height=0.6)
    for row, share in zip(rows, info.importances, strict=True):
        ax.annotate(
            f"{100 * share:.0f} %",
            (share, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=SIZE,
        )
    ax.set_yticks(rows, info.names)
    ax.set_ylim(len(info.names) - 0.4, -0.6)
    ax.set_xlim(0, 1.15 * float(info.importances.max() or 1))
    ax.set_xticks([])
    style_axes(ax, grid=None)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


class ParallelAxis(NamedTuple):
    """One coordinate.

    Attributes:
        name: The hyperparameter.
        places: Where each trial crosses it, 0 (its low end, the first choice) to 1, with shape
            ``(trials,)``; below 0 for a trial in which it is not set.
        ticks: Places of its marks.
        texts: What they say.
    """

    name: str
    places: NDArray[np.float64]
    ticks: tuple[float, ...]
    texts: tuple[str, ...]


class ParallelInfo(NamedTuple):
    """Configurations as lines across the hyperparameters.

    Attributes:
        axes: One a hyperparameter, in the search space's order.
        values: Objective of each trial, with shape ``(trials,)``, the best last: it is drawn last.
        complete: Whether each was completed; the others were pruned.
        metric: The objective.
    """

    axes: tuple[ParallelAxis, ...]
    values: NDArray[np.float64]
    complete: NDArray[np.bool_]
    metric: Objective


def parallel_info(study: optuna.Study, metric: Objective | str = "accuracy") -> ParallelInfo:
    """Return the trials that have a figure, as lines.

    Args:
        study: A study, as `study_of` makes it.
        metric: The question's objective, or its name.
    """
    objective = Objective.model_validate(metric)
    sign = 1 if study.direction.name == "MAXIMIZE" else -1
    trials = sorted(_scored(study), key=lambda trial: sign * (trial.value or 0.0))
    return ParallelInfo(
        tuple(
            _axis(name, space, [t.params.get(name) for t in trials])
            for name, space in _tuned(study, trials).items()
        ),
        np.array([trial.value for trial in trials], dtype=np.float64),
        np.array([trial.state.name == "COMPLETE" for trial in trials], dtype=np.bool_),
        objective,
    )


def _axis(name: str, space: BaseDistribution, values: list[Any]) -> ParallelAxis:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(space, CategoricalDistribution):
        last = max(len(space.choices) - 1, 1)
        places = [_NOT_SET if v is None else space.choices.index(v) / last for v in values]
        ticks = tuple(i / last for i in range(len(space.choices)))
        texts = tuple(map(str, space.choices))
        return _marked(ParallelAxis(name, np.array(places, dtype=np.float64), ticks, texts))
    assert isinstance(space, FloatDistribution | IntDistribution), "Optuna has these three"
    low, high = float(space.low), float(space.high)
    scale = math.log if space.log else float
    width = (scale(high) - scale(low)) or 1.0
    places = [_NOT_SET if v is None else (scale(float(v)) - scale(low)) / width for v in values]
    ends = (f"{low:g}", f"{high:g}")
    return _marked(ParallelAxis(name, np.array(places, dtype=np.float64), (0.0, 1.0), ends))


def _marked(axis: ParallelAxis) -> ParallelAxis:
    """Return an axis with a mark below its low end where some trials do not have it."""
    if not (axis.places == _NOT_SET).any():
        return axis
    return axis._replace(ticks=(_NOT_SET, *axis.ticks), texts=("not set", *axis.texts))


def plot_parallel(ax: Axes, info: ParallelInfo) -> Axes:
    """Draw a line a trial, the better the stronger, pruned ones faint; scales are log as tuned.

    Where a hyperparameter is not set in a trial, its line passes below that axis.
    """
    if not info.values.size:
        return draw_no_data(ax)
    worst, best = float(info.values[0]), float(info.values[-1])  # the best is on top
    columns = list(range(len(info.axes) + 1))
    lines = np.column_stack(
        [axis.places for axis in info.axes] + [(info.values - worst) / ((best - worst) or 1.0)]
    )
    for line, complete in zip(lines, info.complete, strict=True):
        strength = line[-1] ** 3  # the few best stand out of the many good
        ax.plot(
            columns,
            line,
            color=_BLUE if complete else INK,
            alpha=0.12 + 0.75 * strength if complete else 0.15,
            linewidth=0.8 + 1.2 * strength,
            clip_on=False,
        )
    objective = heading(info.metric, info.metric.title)
    ax.set_xticks(
        columns, [*(axis.name for axis in info.axes), objective], rotation=30, ha="right"
    )
    ax.set_yticks([])
    ax.set_xlim(-0.1, columns[-1] + 0.35)
    lowest = min(tick for axis in info.axes for tick in (0.0, *axis.ticks))
    ax.set_ylim(lowest, 1)
    style_axes(ax, grid=None)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(axis="x", length=0, pad=14)

    def short(value: float) -> str:
        return f"{value:.0f}" if info.metric.unit == "%" else number(info.metric, value)

    ends = ParallelAxis("", np.empty(0), (0.0, 1.0), tuple(map(short, (worst, best))))
    for column, axis in zip(columns, [*info.axes, ends], strict=True):
        ax.vlines(column, 0, 1, color=INK, linewidth=0.8, zorder=0, clip_on=False)
        # the ends stand clear of the lines; what is between them goes to the right
        aside = {
            min(axis.ticks): ((0, -4), "center", "top"),
            1.0: ((0, 4), "center", "bottom"),
        }
        for place, text in zip(axis.ticks, axis.texts, strict=True):
            shift, ha, va = aside.get(place, ((3, 0), "left", "center"))
            ax.annotate(
                text,
                (column, place),
                xytext=shift,
                textcoords="offset points",
                color=INK,
                fontsize=SIZE - 1,
                ha=ha,
                va=va,
            )
    return ax
