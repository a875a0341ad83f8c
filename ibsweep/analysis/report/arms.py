"""The tables of configurations: the best of every arm, and all that a sweep confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ibsweep.analysis.report.cells import (
    MISSING,
    NO_PAGES,
    Cell,
    Table,
    figure_cell,
    interval_cell,
    number_cell,
    strip_cell,
    text_cell,
)
from ibsweep.analysis.runs_wording import (
    SAME_REPLICATES,
    failing_text,
    probability_text,
    share_text,
    standing,
    unseen_text,
)
from ibsweep.analysis.statistics import RunFigures, mean_interval
from ibsweep.analysis.strip import span, span_text, strip_of
from ibsweep.analysis.summary import config_text
from ibsweep.analysis.versus import over_baseline
from ibsweep.analysis.wording import (
    capitalised,
    column_title,
    difference_unit,
    heading,
    interval_text,
    number,
    sizes_heading,
)
from ibsweep.questions.schema import LevelTest

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.summary import Confirmed, SweepSummary
    from ibsweep.data.schema import DataSchema
    from ibsweep.questions.schema import Arm, Objective, Question

__all__ = [
    "arms_table",
    "arms_tables",
    "confirmed_table",
    "unfinished",
]


def arms_tables(
    gathered: Iterable[Evidence], pages: Mapping[str, str] = NO_PAGES
) -> tuple[Table, ...]:
    """Return the best configuration of every arm, a table for the questions that share a metric
    and a unit of training-set sizes.

    Args:
        gathered: One a question.
        pages: The pages to lead to, by question.
    """
    alike: dict[tuple[str, str], list[Evidence]] = {}
    for evidence in gathered:
        kind = (evidence.question.objective.metric, sizes_heading(evidence.data))
        alike.setdefault(kind, []).append(evidence)
    return tuple(
        _arms_table(group, pages, f"arms-{number}" if number else "arms")
        for number, group in enumerate(alike.values())
    )


def arms_table(evidence: Evidence) -> Table:
    """Return the best configuration of every arm of a question."""
    return _arms_table([evidence], NO_PAGES, "arms")


class _Shown(NamedTuple):
    """Which columns a table of arms has, beyond those that all have.

    Attributes:
        metric: The objective.
        failing: Whether some run of some best failed.
        training: Figures on training examples are asked for.
        baseline: Some arm has a baseline.
        published: Something is published.
        ends: Of the axis of single runs.
    """

    metric: Objective
    failing: bool
    training: bool
    baseline: bool
    published: bool
    ends: tuple[float, float]


def _arms_table(shown: Sequence[Evidence], pages: Mapping[str, str], name: str) -> Table:
    metric, data = shown[0].question.objective, shown[0].data
    train = shown[0].question.metric_of(metric.train)
    arms = [arm for evidence in shown for arm in evidence.question.arms.values()]
    summaries = [s for evidence in shown for s in evidence.summaries.values() if s.best]
    best = [s.best for s in summaries if s.best]
    has = _Shown(
        metric,
        any(runs.rate.count < runs.rate.runs for runs in map(_runs, best) if runs),
        any(_asks_training(evidence.question) for evidence in shown),
        any(arm.baseline for arm in arms),
        any(arm.published for arm in arms),
        span(strip_of(one).values for one in best),
    )
    tested = column_title(metric, metric.test)
    unit = difference_unit(metric)
    columns = (
        "arm",
        sizes_heading(data),
        "runs that train",
        heading(metric, f"{tested} of these" if has.failing else tested),
        *([heading(metric, "mean of all runs")] if has.failing else []),
        span_text(metric, has.ends),
        *([heading(train, column_title(train, metric.train))] if has.training else []),
        *([heading(metric, "baseline"), "over the baseline"] if has.baseline else []),
        heading(metric, "in its sweep"),
        *(["published, %"] if has.published else []),
        "configuration",
    )
    text = {span_text(metric, has.ends), "over the baseline", "configuration"}
    return Table(
        name,
        "Best configuration of every arm",
        columns,
        tuple(
            _arm_cells(evidence, arm, pages, has)
            for evidence in shown
            for arm in evidence.question.arms.values()
        ),
        frozenset(columns[1:]) - text,
        source=(
            "confirmations where role is best, purpose is score and train_size the arm's own: "
            f"trained, and the mean of {metric.test}, of which statistics.describe_runs; "
            + (f"{column_title(train, metric.train)} the same of {metric.train}; " * has.training)
            + (
                "baseline the same where baseline is true, compared by "
                "ibsweep.analysis.versus.over_baseline; "
            )
            * has.baseline
            + f"in its sweep: trials.{metric.valid} of that trial"
            + ("; published: the question's file" * has.published)
        ),
        note=_note(shown, summaries, has, data, unit),
    )


def _note(
    shown: Sequence[Evidence],
    summaries: Sequence[SweepSummary],
    has: _Shown,
    data: DataSchema,
    unit: str,
) -> str:
    """Return how to read a table of arms."""
    metric, noun = has.metric, data.noun
    title = capitalised(column_title(metric, metric.test))
    train = column_title(shown[0].question.metric_of(metric.train), metric.train)
    old = [s.arm.name for s in summaries if s.chosen_on_score]
    notes = [
        f"{title}: fresh replicates on held-out {noun}, mean [95 % interval], whose ends are the "
        "outer ones of Student's t and of the studentised bootstrap over the replicates.",
        f"{failing_text(data)}; the mean of all runs is not to be trusted where some fail, of "
        "which so few runs say little."
        if has.failing
        else "No run failed; below the counts how large a share of failures so many runs do not "
        "rule out.",
        "Single runs: a mark a run, a cross where it fails, all on one axis.",
    ]
    if has.training:
        notes.append(
            f"{capitalised(train)}: the same replicates on the {noun} that they were trained on."
        )
    if has.baseline:
        by = f" (in {unit})" if unit else ""
        notes.append(
            "Baseline: the setting that the question's file gives, scored on the same replicates. "
            f"Over the baseline: the paired difference{by}"
            + (" where both train" if has.failing else "")
            + ", whether it shows one to be better, and the probability that a fresh run of the "
            "best beats a fresh run of the baseline."
        )
    notes.append(
        f"In its sweep: the figure of the sweep's own replicates on validation {noun}; it is "
        "optimistic where the winner of the sweep is the best."
    )
    if has.published:
        notes.append(
            f"Published: the figure in the question's file, on validation {noun} unless it says "
            "training."
        )
    if old:
        notes.append(f"{', '.join(old)}: {SAME_REPLICATES}, so that a little optimism remains.")
    return " ".join(notes)


def _arm_cells(
    evidence: Evidence, arm: Arm, pages: Mapping[str, str], has: _Shown
) -> tuple[Cell, ...]:
    """Return the row of an arm, with the columns that its table has."""
    question, metric = evidence.question, has.metric
    summary = evidence.summaries.get(arm.name)
    best = summary.best if summary else None
    if best:
        text = config_text(best.trial.config)
        if best.trial.origin == "baseline":
            text += f" ({_BASELINE_IS_BEST})"
    elif summary:
        text = f"not confirmed yet: {unfinished(summary)}"
    else:
        text = f"not swept yet: `ibsweep tune {question.word(arm.name)}`"
    page = pages.get(question.question)
    cells = [
        Cell(arm.name, arm.name, page=page),
        number_cell(arm.size_of(best.trial.config if best else {}), "d"),
        *_run_cells(metric, best, of_all=has.failing),
        strip_cell(metric, strip_of(best, has.ends) if best else None),
    ]
    if has.training:
        cells.append(_training_cell(question, best))
    if has.baseline:
        baseline = summary.confirmed_baseline if summary else None
        cells += [_baseline_cell(metric, baseline), _over_baseline_cell(metric, summary)]
    cells.append(figure_cell(metric, best.trial.figure(metric.valid) if best else None))
    if has.published:
        cells.append(_published(arm))
    return (*cells, text_cell(text))


_BASELINE_IS_BEST = "the baseline; nothing better was found"


def _run_cells(metric: Objective, side: Confirmed | None, *, of_all: bool) -> list[Cell]:
    """Return how many runs train, how well these do, and, where wanted, the mean of all."""
    runs = _runs(side) if side else None
    if runs is None:
        return [Cell(MISSING)] * (3 if of_all else 2)
    rate = runs.rate
    text = f"{rate.count} of {rate.runs}\n"
    none = rate.count == rate.runs
    text += unseen_text(rate.runs) if none else share_text(rate.low, rate.high)
    mean = interval_cell(metric, runs.mean)
    if not none:
        mean = mean._replace(text=f"{mean.text}\nnot to be trusted")
    cells = [Cell(text, rate.share), interval_cell(metric, runs.trained)]
    return [*cells, mean] if of_all else cells


def _baseline_cell(metric: Objective, baseline: Confirmed | None) -> Cell:
    runs = _runs(baseline) if baseline else None
    if runs is None:
        return Cell(MISSING)
    cell = interval_cell(metric, runs.trained)
    if runs.rate.count == runs.rate.runs:
        return cell
    text = f"trains in {runs.rate.count} of {runs.rate.runs}"
    return cell._replace(text=f"{text}, then\n{cell.text}" if runs.rate.count else text)


def _over_baseline_cell(metric: Objective, summary: SweepSummary | None) -> Cell:
    """Return by how much the best is better than the baseline, if that is shown at all."""
    found = over_baseline(summary) if summary else None
    if found is None:
        return Cell(MISSING)
    lines = [standing(found)]
    if found.any_failed:
        first, second = found.rates
        lines.append(f"trains in {first.count}, it in {second.count} of {first.runs}")
    if found.difference:
        effect, low, high = found.difference[:3]
        ends = interval_text(metric, low, high, beside=effect, signed=True)
        lines.append(f"{number(metric, effect, signed=True)} {ends}")
    lines.append(f"beats it in {probability_text(found.probability)}")
    key = found.difference.effect if found.difference else found.probability.effect
    return Cell("\n".join(lines), key)


def _training_cell(question: Question, best: Confirmed | None) -> Cell:
    metric = question.objective
    train = question.metric_of(metric.train)
    figures = [row.figure(metric.train) for row in best.rows] if best else []
    known = [figure for figure in figures if figure is not None]
    if not _asks_training(question) or not known:
        return Cell(MISSING)
    return interval_cell(train, mean_interval(known, train.low, train.high))


def confirmed_table(evidence: Evidence, summary: SweepSummary) -> Table:
    """Return all configurations that a sweep confirmed, those alone compared without a score."""
    metric, best = evidence.question.objective, summary.best
    ends = span(strip_of(one).values for one in summary.confirmed)
    runs = [runs for runs in map(_runs, summary.confirmed) if runs]
    failing = any(one.rate.count < one.rate.runs for one in runs)
    tested = column_title(metric, metric.test)
    columns = (
        "trial",
        heading(metric, f"{column_title(metric, metric.valid)}, which chooses"),
        "runs that train",
        heading(metric, f"{tested} of these" if failing else tested),
        span_text(metric, ends),
        "configuration",
    )
    rows = []
    for one in summary.confirmed:
        was = ["best"] * (one is best) + ["baseline"] * (one.trial.origin == "baseline")
        name = ", ".join([str(one.trial.trial), *was])
        scored = _run_cells(metric, one, of_all=False)
        if not one.rows:
            scored = [Cell("only compared"), Cell(MISSING)]
        rows.append(
            (
                Cell(name, one.trial.trial),
                interval_cell(metric, one.valid),
                *scored,
                strip_cell(metric, strip_of(one, ends)),
                text_cell(config_text(one.trial.config)),
            )
        )
    noun = evidence.data.noun
    same = (
        f"Formats before 4: {SAME_REPLICATES}, so that a little optimism remains."
        if summary.chosen_on_score
        else f"What chooses is the mean on validation {noun} of replicates that do not score; "
        "those that are only compared have no score on test "
        f"{noun}."
    )
    return Table(
        f"confirmed-{summary.arm.name}",
        "Confirmed configurations",
        columns,
        tuple(rows),
        frozenset(columns[1:4]),
        source=f"confirmations by trial and purpose: {metric.valid}, {metric.test} and trained",
        note=same,
    )


def _runs(side: Confirmed) -> RunFigures | None:
    """Return what a configuration's score replicates say; None where nothing scored it."""
    return side.runs if strip_of(side).values else None


def _asks_training(question: Question) -> bool:
    """Return whether a question is about figures on training examples."""
    figures = [figure for arm in question.arms.values() for figure in arm.published]
    tests = [test for claim in question.claims for test in claim.tests]
    return any(figure.column == "train_accuracy" for figure in figures) or any(
        isinstance(test, LevelTest) and test.metric == question.objective.train for test in tests
    )


def unfinished(summary: SweepSummary) -> str:
    """Return what to do about a sweep without a best."""
    return "it is running" if summary.state == "running" else f"`ibsweep resume {summary.name}`"


def _published(arm: Arm) -> Cell:
    figure = next((f for f in arm.published if f.train_size == arm.train_size), None)
    if figure is None:
        return Cell(MISSING)
    kind = "" if figure.column == "valid_accuracy" else " (training)"
    return Cell(f"{figure.value:.2f}{kind}", figure.value)
