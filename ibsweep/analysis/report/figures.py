"""The figures of a report: evidence in, SVG for a page out, each described in words as well.

Figures are drawn narrow, at the size at which a phone shows them, so that their text stays
readable there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis import plots
from ibsweep.analysis.plots.search import LEAST_TRIALS
from ibsweep.analysis.report.svg import inline_svg, svg_settings
from ibsweep.analysis.runs_wording import runs_text
from ibsweep.analysis.wording import capitalised, column_title, sizes_heading

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from markupsafe import Markup
    from matplotlib.axes import Axes

    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.summary import SweepSummary

__all__ = [
    "PageFigure",
    "arm_figures",
    "arms_figures",
    "draw",
    "efficiency_figures",
    "profiles_figures",
    "replications_figures",
]

_MOST_CLASSES = 12
"""A confusion matrix of more has no room on a page."""
_WIDTH = 3.6
"""Inches of the axes, without the labels beside them."""


class PageFigure(NamedTuple):
    """A figure on a page.

    Attributes:
        title: What it shows.
        note: How to read it.
        svg: The drawing.
        source: The frames and columns that it is drawn from.
    """

    title: str
    note: str
    svg: Markup
    source: str


def draw(
    name: str,
    title: str,
    description: str,
    draw: Callable[[Axes], Axes],
    *,
    height: float,
    width: float = _WIDTH,
) -> Markup:
    """Return a figure as SVG, described in words.

    Args:
        name: Its id on the page.
        title: What it shows.
        description: What is to be seen in it.
        draw: Draws on axes.
        height: Of these, in inches.
        width: Of these, in inches.
    """
    from markupsafe import Markup
    from matplotlib.figure import Figure

    with svg_settings(name):
        figure = Figure(figsize=(width, height))
        draw(figure.add_axes((0.0, 0.0, 1.0, 1.0)))
        svg = inline_svg(figure, name, title, description, [plots.INK])
    return Markup(svg)


def arms_figures(evidence: Evidence) -> tuple[PageFigure, ...]:
    """Return the arms side by side; nothing where nothing is confirmed."""
    info = plots.arms_info(evidence.question, evidence.confirmations)
    if not any(info.best):
        return ()
    metric, noun = evidence.question.objective, evidence.data.noun
    title = f"{capitalised(column_title(metric, metric.test))} of every arm"
    known = [(name, best) for name, best in zip(info.families, info.best, strict=True) if best]
    description = "; ".join(f"{name} {runs_text(metric, best.figures)}" for name, best in known)
    height = 0.5 + 0.75 * len(info.families)
    svg = draw(
        "fig-arms", title, f"{description}.", lambda ax: plots.plot_arms(ax, info), height=height
    )
    note = (
        f"Fresh replicates on held-out {noun}: a dot is a run, a cross one that fails; means of "
        "the runs that train, with 95 % intervals."
    )
    source = (
        "confirmations where train_size is the arm's own and role is best, or baseline is true: "
        f"{metric.test} and trained"
    )
    if any(value is not None for value in info.published):
        note = (
            f"{note[:-1]}; the published figure is that of the question's file, on validation "
            f"{noun}."
        )
        source += "; published: the question's file"
    return (PageFigure(title, note, svg, source),)


def profiles_figures(evidence: Evidence) -> tuple[PageFigure, ...]:
    """Return which share of each arm's fresh runs reaches a figure; nothing where none ran."""
    info = plots.profiles_info(evidence.question, evidence.confirmations)
    if not info.profiles:
        return ()
    metric = info.metric
    test, bound = column_title(metric, metric.test), "least" if metric.sign > 0 else "most"
    title = f"Share of runs that reach a {test}"
    half = {
        name: metric.sign * float(np.max(metric.sign * info.at[profile.share >= 0.5]))
        for name, profile in info.profiles.items()
    }
    description = "; ".join(
        f"half of the {info.runs[name]} runs of {name} reach {metric.format(value)}"
        for name, value in half.items()
    )
    svg = draw(
        "fig-profiles",
        title,
        f"{description}.",
        lambda ax: plots.plot_profiles(ax, info),
        height=2.2,
    )
    note = (
        f"Performance profiles: the share of each arm's fresh runs whose {test} is at {bound} "
        "what the axis says, with the exact 95 % interval of the share at each figure by itself."
    )
    source = (
        "confirmations where train_size is the arm's own and role is best: share of the rows by "
        f"{metric.test}"
    )
    return (PageFigure(title, note, svg, source),)


def efficiency_figures(evidence: Evidence) -> tuple[PageFigure, ...]:
    """Return the objective by training-set size; nothing where it was not measured."""
    if not evidence.efficiency:
        return ()
    metric, data = evidence.question.objective, evidence.data
    targets = [need.target for need in evidence.sizes_needed if not need.matches]
    info = plots.efficiency_info(
        evidence.question, evidence.efficiency, targets[0] if targets else None, data
    )
    title = f"{capitalised(column_title(metric, metric.test))} by number of training {data.noun}"
    description = "; ".join(
        f"{curve.arm} from {metric.format(curve.mean[0])} with {curve.sizes[0]} "
        f"{sizes_heading(data)} to {metric.format(curve.mean[-1])} with {curve.sizes[-1]}"
        for curve in info.curves
    )
    svg = draw(
        "fig-efficiency",
        title,
        f"{description}.",
        lambda ax: plots.plot_efficiency(ax, info),
        height=2.6,
    )
    note = "Means over the fresh runs that train; bands are 95 % intervals of the mean."
    if info.target is not None:
        note += f" The dashed line is at {f'{info.target:g} {metric.unit}'.rstrip()}."
    source = f"confirmations where role is best: {metric.test} by arm and train_size"
    return (PageFigure(title, note, svg, source),)


def replications_figures(evidence: Evidence) -> tuple[PageFigure, ...]:
    """Return published figures in the spread of seeds; nothing where there are no rows."""
    info = plots.replication_info(evidence.question, evidence.replicated)
    if not info.cells:
        return ()
    title = "Published figures in the spread of seeds"
    description = "; ".join(
        f"{row.name} with {row.images} images published {row.published:.2f} %, mean of "
        f"{row.seeds} seeds {row.mean:.2f} %"
        for row in evidence.replications
    )
    svg = draw(
        "fig-replications",
        title,
        f"{description}.",
        lambda ax: plots.plot_replication(ax, info),
        height=0.5 + 0.26 * len(info.cells),
    )
    note = "A dot is a seed; numbers beside the names are training images per class."
    source = (
        "replications by arm, setting and train_size: valid_accuracy, or train_accuracy where "
        "that was published"
    )
    return (PageFigure(title, note, svg, source),)


def arm_figures(evidence: Evidence, arm: str) -> tuple[PageFigure, ...]:
    """Return what the sweep of an arm did, and how its best trial behaves."""
    summary = evidence.summaries[arm]
    trials = evidence.trials[evidence.trials["sweep"] == summary.name]
    if trials.empty:
        return ()
    figures = [
        _history(summary, trials),
        *_expected_best(summary, trials),
        *_search(summary, trials),
    ]
    if summary.best:
        figures += [*_confusion(evidence, summary), *_curves(evidence, summary)]
    return tuple(figures)


def _history(summary: SweepSummary, trials: pd.DataFrame) -> PageFigure:
    arm = summary.arm.name
    metric = summary.question.objective
    info = plots.history_info(trials, summary.name, metric)
    title = "The sweep, trial by trial"
    description = f"{info.complete.sum()} trials complete, {(~info.complete).sum()} pruned"
    if info.complete.any():
        description += f"; the best reached {metric.format(info.best[-1])}"
    svg = draw(
        f"fig-history-{arm}",
        f"{arm}: {title}",
        f"{description}.",
        lambda ax: plots.plot_history(ax, info),
        height=2.2,
    )
    note = "Blue dots are complete, grey ones were pruned early, crosses failed."
    source = f"trials: {metric.valid}, state and origin by trial"
    return PageFigure(title, note, svg, source)


def _expected_best(summary: SweepSummary, trials: pd.DataFrame) -> list[PageFigure]:
    """Return what n trials come to; nothing where there are too few to tell."""
    arm, metric = summary.arm.name, summary.question.objective
    info = plots.expected_best_info(trials, summary.name, metric)
    if info.expected is None:
        return []
    mean, count = info.expected.mean, len(info.expected.trials)
    title = "What n trials come to"
    description = "the best is expected at " + ", ".join(
        f"{metric.format(mean[n - 1])} after {n}" for n in sorted({1, (count + 1) // 2, count})
    )
    svg = draw(
        f"fig-expected-{arm}",
        f"{arm}: {title}",
        f"{description} trials.",
        lambda ax: plots.plot_expected_best(ax, info),
        height=2.2,
    )
    score = summary.best.test if summary.best else None
    several = summary.question.further_objectives  # of these the first alone says little
    verdict = "" if several else info.would_more_pay(score)
    note = (
        f"Expected best of n of the sampler's {count} trials, had they come in random order; the "
        "band is where the best lies in 95 % of the orders. The stairs are the order as it was: a "
        "sampler that learns makes its good trials late. A pruned trial, with the figure where it "
        "stopped, is the best only where none of the n is complete. Figures are on validation "
        f"{summary.data.noun}: the best of many is optimistic."
        + (f" Would more trials have paid? {verdict}." if verdict else "")
    )
    source = f"trials where origin is the sampler: {metric.valid} and state"
    return [PageFigure(title, note, svg, source)]


def _search(summary: SweepSummary, trials: pd.DataFrame) -> list[PageFigure]:
    """Return importances and parallel coordinates; nothing where the trials cannot tell."""
    arm = summary.arm.name
    metric = summary.question.objective
    study = plots.study_of(summary.question, trials, summary.name)
    importance, parallel = plots.importance_info(study), plots.parallel_info(study, metric)
    figures = []
    source = f"trials: {metric.valid} and the config_ columns"
    if importance.trials:
        title = "What mattered"
        shares = zip(importance.names, importance.importances, strict=True)
        description = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares)
        svg = draw(
            f"fig-importance-{arm}",
            f"{arm}: {title}",
            f"{description or importance.lacking}.",
            lambda ax: plots.plot_importance(ax, importance),
            height=0.3 + 0.24 * len(importance.names),
            width=2.6,
        )
        figures.append(PageFigure(title, _importance_note(importance), svg, source))
    if parallel.values.size:
        title = "All configurations"
        description = (
            f"{parallel.values.size} trials over {', '.join(a.name for a in parallel.axes)}; "
            f"{metric.title} from {metric.format(parallel.values[0])} to "
            f"{metric.format(parallel.values[-1])}."
        )
        svg = draw(
            f"fig-parallel-{arm}",
            f"{arm}: {title}",
            description,
            lambda ax: plots.plot_parallel(ax, parallel),
            height=2.2,
            width=4.2,
        )
        note = "A line is a trial; the stronger, the better. Grey ones were pruned."
        if any("not set" in axis.texts and axis.ticks[0] < 0 for axis in parallel.axes):
            note += " It passes below the hyperparameters that are not set in it."
        figures.append(PageFigure(title, note, svg, source))
    return figures


def _importance_note(info: plots.ImportanceInfo) -> str:
    share = "Share of each hyperparameter in whether a trial is among the best tenth (PED-ANOVA): "
    pruned = "Pruned trials count with their figure at the epoch where they stopped."
    if info.lacking:
        least = f"it takes {LEAST_TRIALS} trials that are not all alike, here are {info.trials}."
        return f"{share}{least}"
    if info.conditional:
        pruned += f" {', '.join(info.conditional)} count by the trials in which they are set."
    return f"{share}{info.top} of {info.trials} trials, ties included. {pruned}"


def _confusion(evidence: Evidence, summary: SweepSummary) -> list[PageFigure]:
    """Return the confusion of classes; nothing where a number is predicted."""
    arm, best = summary.arm.name, summary.best
    assert best is not None, "confirmed"
    rows = evidence.confirmations
    rows = rows[
        (rows["sweep"] == summary.name)
        & (rows["trial"] == best.trial.trial)
        & (rows["train_size"] == summary.arm.size_of(best.trial.config))
    ]
    rows = rows[rows["test_confusion"].notna()]
    classes = summary.data.classes
    if classes is None or rows.empty or len(classes) > _MOST_CLASSES:
        return []
    info = plots.confusion_info(rows, classes)
    title = "Which classes the best confuses"
    described = zip(info.names, info.values.diagonal(), strict=True)
    description = ", ".join(f"{name} {share:.1f} % right" for name, share in described)
    size = 0.5 * len(info.names) + 0.4
    svg = draw(
        f"fig-confusion-{arm}",
        f"{arm}: {title}",
        f"{description}.",
        lambda ax: plots.plot_confusion(ax, info),
        height=size,
        width=size,
    )
    note = f"Mean over {len(rows)} replicates, held-out {summary.data.noun}; rows add up to 100."
    source = "confirmations where role is best and train_size the arm's own: test_confusion"
    return [PageFigure(title, note, svg, source)]


def _curves(evidence: Evidence, summary: SweepSummary) -> list[PageFigure]:
    arm, best = summary.arm.name, summary.best
    assert best is not None, "confirmed"
    metric = summary.question.objective
    info = plots.curves_info(evidence.curves, summary.name, best.trial.trial, metric)
    if not info.epochs.size:
        return []
    title = "The best trial, epoch by epoch"
    description = (
        f"{capitalised(column_title(metric, metric.valid))} {metric.format(info.valid.mean[0])} "
        f"at epoch {info.epochs[0]}, {metric.format(info.valid.mean[-1])} at epoch "
        f"{info.epochs[-1]}."
    )
    svg = draw(
        f"fig-curves-{arm}",
        f"{arm}: {title}",
        description,
        lambda ax: plots.plot_curves(ax, info),
        height=2.2,
    )
    note = "In the sweep: mean over its replicates, the band from the lowest to the highest."
    source = f"curves where trial is the best one: {metric.valid} and {metric.train} by epoch"
    return [PageFigure(title, note, svg, source)]
