"""The tables of figures: arms, pairs of arms, training-set sizes, published settings."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ibsweep.analysis.replications import LUCK, describe_replications
from ibsweep.analysis.report.cells import (
    MISSING,
    Cell,
    Table,
    figure_cell,
    interval_cell,
    number_cell,
    p_value_cell,
    text_cell,
)
from ibsweep.analysis.statistics import Interval, mean_interval
from ibsweep.analysis.summary import config_text
from ibsweep.analysis.wording import (
    column_title,
    difference_unit,
    heading,
    interval_text,
    number,
    sizes_heading,
)
from ibsweep.questions.schema import LevelTest, Objective

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.replications import ReplicationSummary
    from ibsweep.analysis.summary import SweepSummary
    from ibsweep.questions.schema import Arm, Question

__all__ = [
    "arms_table",
    "arms_tables",
    "efficiency_table",
    "pairs_table",
    "replications_table",
    "sizes_needed_table",
    "unfinished",
]


def arms_tables(gathered: Iterable[Evidence], pages: Collection[str] = ()) -> tuple[Table, ...]:
    """Return the best configuration of every arm, a table for the questions that share a metric
    and a unit of training-set sizes.

    Args:
        gathered: One a question.
        pages: Questions that have a page to lead to.
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
    return _arms_table([evidence], (), "arms")


def _arms_table(shown: Sequence[Evidence], pages: Collection[str], name: str) -> Table:
    metric, data = shown[0].question.objective, shown[0].data
    train = shown[0].question.metric_of(metric.train)
    arms = [arm for evidence in shown for arm in evidence.question.arms.values()]
    training = any(_asks_training(evidence.question) for evidence in shown)
    has_baseline = any(arm.baseline for arm in arms)
    has_published = any(arm.published for arm in arms)
    rows = [
        _arm_cells(evidence, arm, pages, training, has_baseline, has_published)
        for evidence in shown
        for arm in evidence.question.arms.values()
    ]
    columns = (
        "arm",
        sizes_heading(data),
        heading(metric, column_title(metric, metric.test)),
        *([heading(train, column_title(train, metric.train))] if training else []),
        "replicates",
        heading(metric, "in its sweep"),
        *([heading(metric, "baseline")] if has_baseline else []),
        *(["published, %"] if has_published else []),
        "configuration",
    )
    noun = data.noun
    return Table(
        name,
        "Best configuration of every arm",
        columns,
        tuple(rows),
        frozenset(columns[1:-1]),
        source=(
            "confirmations where role is best and train_size the arm's own: mean of "
            f"{metric.test} with Student's t interval; "
            + (f"{column_title(train, metric.train)} the same of {metric.train}; " * training)
            + ("baseline the same where baseline is true; " * has_baseline)
            + f"in its sweep: trials.{metric.valid} of that trial"
            + ("; published: the question's file" * has_published)
        ),
        note=(
            f"{_capital(column_title(metric, metric.test))}: fresh replicates on held-out {noun}, "
            "mean [95 % interval]. The "
            "interval's ends are the outer ones of Student's t and of the studentised bootstrap "
            "over the replicates, as in the verdicts. "
            + (
                f"{_capital(column_title(train, metric.train))}: the same replicates on the "
                f"{noun} that they were trained on. "
            )
            * training
            + f"In its sweep: the figure of the sweep's own replicates on validation {noun}; it "
            "is optimistic where the winner of the sweep is the best."
            + (
                " Baseline: the setting that the question's file gives, confirmed in the same way."
                * has_baseline
            )
            + (
                f" Published: the figure in the question's file, on validation {noun} unless it "
                "says training."
            )
            * has_published
        ),
    )


def _arm_cells(
    evidence: Evidence,
    arm: Arm,
    pages: Collection[str],
    training: bool,
    has_baseline: bool,
    has_published: bool,
) -> tuple[Cell, ...]:
    """Return the row of an arm, with the columns that its table has."""
    question, metric = evidence.question, evidence.question.objective
    train = question.metric_of(metric.train)
    summary = evidence.summaries.get(arm.name)
    best = summary.best if summary else None
    baseline = summary.confirmed_baseline if summary else None
    trained = None
    if best:
        text = config_text(best.trial.config)
        if best.trial.origin == "baseline":
            text += f" ({_BASELINE_IS_BEST})"
        if _asks_training(question):
            figures = [row.figure(metric.train) for row in best.rows]
            known = [figure for figure in figures if figure is not None]
            trained = mean_interval(known, train.low, train.high) if known else None
    elif summary:
        text = f"not confirmed yet: {unfinished(summary)}"
    else:
        text = f"not swept yet: `ibsweep tune {question.word(arm.name)}`"
    cells = [
        Cell(arm.name, arm.name, page=question.question if question.question in pages else None),
        number_cell(arm.train_size, "d"),
        interval_cell(metric, best.test if best else None),
    ]
    if training:
        cells.append(interval_cell(train, trained))
    cells.append(number_cell(len(best.rows) if best else None, "d"))
    cells.append(figure_cell(metric, best.trial.figure(metric.valid) if best else None))
    if has_baseline:
        cells.append(interval_cell(metric, baseline.test if baseline else None))
    if has_published:
        cells.append(_published(arm))
    return (*cells, text_cell(text))


_BASELINE_IS_BEST = "the baseline; nothing better was found"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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


def pairs_table(evidence: Evidence) -> Table:
    """Return the arms compared two by two."""
    metric = evidence.question.objective
    rows = tuple(
        (
            text_cell(f"{pair.first} over {pair.second}"),
            Cell(number(metric, pair.comparison.effect, signed=True), pair.comparison.effect),
            Cell(
                interval_text(
                    metric,
                    pair.comparison.low,
                    pair.comparison.high,
                    beside=pair.comparison.effect,
                    signed=True,
                ),
                pair.comparison.low,
            ),
            p_value_cell(pair.comparison.p),
            p_value_cell(pair.adjusted_p),
            text_cell("yes" if pair.settled else "open"),
            number_cell(pair.comparison.replicates, "d"),
            number_cell(pair.train_size, "d"),
        )
        for pair in evidence.pairs
    )
    unit = difference_unit(metric)
    columns = (
        "arms",
        f"difference, {unit}" if unit else "difference",
        "95 % interval",
        "p",
        "p, Holm",
        "settled",
        "replicates",
        sizes_heading(evidence.data),
    )
    lower = "" if metric.sign > 0 else f"; positive where the first arm's {metric.title} is lower"
    return Table(
        "pairs",
        "Arms compared two by two",
        columns,
        rows,
        frozenset(columns[1:]) - {"settled"},
        source=(
            f"confirmations where role is best: {metric.test} of the two arms joined by seed; "
            "ibsweep.analysis.statistics.paired_difference and holm"
        ),
        note=(
            f"Differences of {column_title(metric, metric.test)} on common replicates: the two "
            f"arms saw the same {evidence.data.noun}{lower}. "
            "Interval and p are the wider and the larger ones of Student's t and the studentised "
            "bootstrap; p, Holm is adjusted over the rows of this table; the verdicts above are "
            "adjusted over the claims' tests. Settled: p, Holm is below 0.05."
        ),
    )


def efficiency_table(evidence: Evidence) -> Table:
    """Return the objective of each arm's best configuration by training-set size."""
    metric = evidence.question.objective
    sizes = sorted({int(size) for curve in evidence.efficiency for size in curve.sizes})
    rows = []
    for curve in evidence.efficiency:
        values = {
            int(size): Interval(float(mean), float(low), float(high))
            for size, mean, low, high in zip(*curve[1:], strict=True)
        }
        cells = [interval_cell(metric, values.get(size), "\n") for size in sizes]
        rows.append((text_cell(curve.arm), *cells))
    in_unit = f" in {metric.unit}" if metric.unit else ""
    return Table(
        "efficiency",
        f"{_capital(column_title(metric, metric.test))}{in_unit} by training "
        f"{sizes_heading(evidence.data)}",
        ("arm", *map(str, sizes)),
        tuple(rows),
        frozenset(map(str, sizes)),
        source=(
            f"confirmations where role is best, grouped by arm and train_size: mean of "
            f"{metric.test}; ibsweep.analysis.efficiency.efficiency_curves"
        ),
        note=(
            f"The configuration is the one found at the arm's own number of {evidence.data.noun}."
        ),
    )


def sizes_needed_table(evidence: Evidence) -> Table:
    """Return the training-set sizes that reach a figure."""
    metric, noun = evidence.question.objective, evidence.data.noun
    rows = []
    for arm, target, size, low, high, matches in evidence.sizes_needed:
        sizes = next(curve.sizes for curve in evidence.efficiency if curve.arm == arm)
        first, last = int(min(sizes)), int(max(sizes))
        reason = ""
        if matches:
            reason = f"as good as {matches} with {evidence.question.arms[matches].train_size}"
        rows.append(
            (
                text_cell(arm),
                Cell(f"{number(metric, target)}\n{reason}".strip(), target),
                Cell(_size(size, first, last), size),
                Cell(f"[{_size(low, first, last)}, {_size(high, first, last)}]", low),
            )
        )
    columns = (
        "arm",
        heading(metric, f"{metric.title} to reach"),
        sizes_heading(evidence.data),
        "95 % interval",
    )
    return Table(
        "wanted",
        f"Training {noun} needed",
        columns,
        tuple(rows),
        frozenset(columns[1:]),
        source=(
            f"confirmations where role is best: mean of {metric.test} by train_size, "
            "interpolated; ibsweep.analysis.efficiency.size_needed"
        ),
        note=(
            f"Interpolated between the measured numbers of {noun}, on a logarithmic scale. This "
            f"table says where the mean curve over the replicates first reaches the figure. The "
            "ratio of two arms in a claim is another estimate: each replicate's own curve has its "
            "own first crossing, and the ratio is the (geometric) mean over the replicates."
        ),
    )


def _size(value: float, first: int, last: int) -> str:
    if math.isinf(value):
        return f"> {last}"
    return f"{first} or fewer" if value <= first else f"{value:.0f}"


def replications_table(evidence: Evidence) -> Table:
    """Return the published settings over many seeds: accuracies, of images."""
    rows = tuple(_replication(row) for row in evidence.replications)
    columns = (
        "setting",
        "images per class",
        "epochs",
        "figure",
        "published, %",
        "seed 10, %",
        "mean, %",
        "lowest to highest, %",
        "seeds",
        "below the published",
        "looks like luck",
    )
    return Table(
        "replications",
        "The notebook's settings over many seeds",
        columns,
        rows,
        frozenset({*columns[1:3], *columns[4:10]}),
        source=(
            "replications grouped by arm, setting and images; seed 10 is the row with that seed; "
            "ibsweep.analysis.replications.summarise_replications"
        ),
        note=(
            f"{describe_replications(evidence.replications)} Seed 10 is the notebook itself, run "
            "again; = says that it lands on the published figure to the digits printed. Lowest to "
            f"highest, and the share of seeds below the published figure, leave it out. {LUCK}"
        ).strip(),
    )


_ACCURACY = Objective.model_validate("accuracy")
"""All that is published."""


def _replication(row: ReplicationSummary) -> tuple[Cell, ...]:
    luck = {None: Cell("too few seeds"), "typical": text_cell("no")}
    low, high = row.spread if row.spread else (None, None)
    spread = MISSING if low is None else f"{low:.2f} to {high:.2f}"
    share = row.share_below
    again = " =" if row.reproduced else ""
    return (
        text_cell(row.name),
        number_cell(row.images, "d"),
        number_cell(row.epochs, "d"),
        text_cell("training" if row.metric == "train_accuracy" else "validation"),
        number_cell(row.published),
        Cell(MISSING) if row.seed10 is None else Cell(f"{row.seed10:.2f}{again}", row.seed10),
        interval_cell(_ACCURACY, Interval(row.mean, row.low, row.high)),
        Cell(spread, low),
        number_cell(row.seeds, "d"),
        Cell(MISSING) if share is None else Cell(f"{100 * share:.0f} %", share),
        luck.get(row.luck) or text_cell(f"yes: {row.luck}"),
    )
