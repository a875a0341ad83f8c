"""What a page and the terminal show of fronts: the configurations of each, and what they cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ibsweep.analysis import plots
from ibsweep.analysis.fronts import left_out_text, undominated
from ibsweep.analysis.report.cells import Cell, Table, figure_cell, interval_cell, text_cell
from ibsweep.analysis.report.figures import PageFigure, draw
from ibsweep.analysis.summary import config_text
from ibsweep.analysis.wording import capitalised, column_title, heading
from ibsweep.questions.schema import CostNeededTest

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.statistics import Interval
    from ibsweep.analysis.summary import SweepSummary
    from ibsweep.questions.schema import Objective

__all__ = [
    "front_figures",
    "front_method",
    "front_table",
    "front_tables",
    "hypervolume_figures",
]


def front_tables(evidence: Evidence) -> tuple[Table, ...]:
    """Return the front of every arm; nothing of a question with one objective."""
    if not evidence.question.further_objectives:
        return ()
    return tuple(front_table(summary) for summary in evidence.summaries.values())


def front_table(summary: SweepSummary) -> Table:
    """Return the configurations on the front of a sweep, best by the first objective first."""
    objectives = summary.question.objectives
    front = summary.front
    columns = (
        "trial",
        *(heading(metric, column_title(metric, metric.test)) for metric in objectives),
        "undominated, %",
        "configuration",
    )
    rows = [
        (
            Cell(str(one.trial.trial), one.trial.trial),
            *(_cell(metric, one.interval(metric)) for metric in objectives),
            Cell(f"{100 * chance:.0f}", chance),
            text_cell(config_text(one.trial.config)),
        )
        for one, chance in zip(front, undominated(front, objectives), strict=True)
    ]
    noun, titles = summary.data.noun, [metric.title for metric in objectives]
    note = (
        f"Of {', '.join(titles[:-1])} and {titles[-1]} none is given up for another. What no "
        f"other leader dominated on validation {noun} of fresh replicates is the front, and is "
        f"scored on held-out {noun} of others. Undominated: in how many resamples of these "
        "replicates, drawn alike for all, no other configuration is as good in all and better in "
        "one."
    )
    if summary.front_left_out:
        note += f" {capitalised(left_out_text(summary.front_left_out))}."
    return Table(
        f"front-{summary.arm.name}",
        f"Front of {summary.arm.name}",
        columns,
        tuple(rows),
        frozenset(columns[:-1]) - {"trial"},
        source="confirmations where purpose is score, by trial: "
        f"mean of {', '.join(metric.test for metric in objectives)}; results.front(arm)",
        note=note,
    )


def _cell(metric: Objective, found: Interval) -> Cell:
    """Return a mean with its interval, without one where all replicates cost the same."""
    same = metric.cost and found.low == found.high
    return figure_cell(metric, found.mean) if same else interval_cell(metric, found)


def front_figures(evidence: Evidence) -> tuple[PageFigure, ...]:
    """Return the fronts of the arms, a figure for each further objective."""
    question = evidence.question
    metric, found = question.objective, []
    for cost in question.further_objectives:
        info = plots.front_info(question, evidence.confirmations, cost.metric)
        if not info.arms:
            continue
        against = column_title(cost, cost.test)
        title = f"{capitalised(column_title(metric, metric.test))} against {against}"
        described = "; ".join(
            f"{name} from {metric.format(arm.mean[arm.front][0])} at "
            f"{cost.format(arm.cost[arm.front][0])} to {metric.format(arm.mean[arm.front][-1])} "
            f"at {cost.format(arm.cost[arm.front][-1])}"
            for name, arm in info.arms.items()
        )
        svg = draw(
            f"fig-front-{cost.metric}",
            title,
            f"{described}.",
            partial(_plot, info),
            height=2.8,
        )
        note = (
            "A point is a configuration that was scored, with the 95 % interval of its mean over "
            "fresh replicates; the line is each arm's front in these two, and hollow points lie "
            "behind it."
        )
        source = (
            f"confirmations where purpose is score, by arm and trial: {metric.test}, {cost.test}"
        )
        found.append(PageFigure(title, note, svg, source))
    return tuple(found)


def _plot(info: plots.FrontInfo, ax: Axes) -> Axes:
    return plots.plot_front(ax, info)


def front_method(evidence: Evidence) -> tuple[str, ...]:
    """Return how fronts were found and compared; nothing of a question with one objective."""
    question = evidence.question
    if not question.further_objectives:
        return ()
    text = (
        "The leaders of a sweep are its front, spread over all of it where it is larger than what "
        "was confirmed. Those that no other leader dominates on the replicates that choose are "
        f"scored; the best is the one of them with the best {question.objective.title}."
    )
    if any(isinstance(test, CostNeededTest) for c in question.claims for test in c.tests):
        text += (
            f" Two fronts are compared at every {question.objective.title} between where the "
            "later one begins and the earlier one ends, by what the cheapest configuration costs "
            "whose mean over all runs is as good or better; the ratio is averaged by its "
            "logarithm, and its interval comes from the jackknife over the replicates that both "
            "arms share."
        )
    return (text,)


def hypervolume_figures(summary: SweepSummary, trials: pd.DataFrame) -> list[PageFigure]:
    """Return how the front of a sweep grew; nothing with one objective."""
    question = summary.question
    if not question.further_objectives:
        return []
    info = plots.hypervolume_info(question, trials, summary.name)
    history = info.history
    if not history.best:
        return []
    title = "How the front grew"
    svg = draw(
        f"fig-hypervolume-{summary.arm.name}",
        f"{summary.arm.name}: {title}",
        f"{100 * history.values[-1]:.0f} % of the box after {len(history.trials)} trials.",
        lambda ax: plots.plot_hypervolume(ax, info),
        height=2.2,
    )
    corner = ", ".join(
        metric.format(worst)
        for metric, worst in zip(question.objectives, history.worst, strict=True)
    )
    note = (
        "Hypervolume that the front of the trials so far dominates, as a share of the box between "
        f"the best and the worst figures of complete trials; the reference point is {corner}. "
        "Costs count by their logarithm."
    )
    source = (
        f"trials where state is COMPLETE: {', '.join(one.valid for one in question.objectives)}"
    )
    return [PageFigure(title, note, svg, source)]
