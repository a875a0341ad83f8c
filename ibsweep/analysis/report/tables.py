"""The tables of figures: pairs of arms, training-set sizes, published settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ibsweep.analysis.replications import LUCK, describe_replications
from ibsweep.analysis.report.cells import (
    MISSING,
    Cell,
    Table,
    interval_cell,
    number_cell,
    p_value_cell,
    text_cell,
)
from ibsweep.analysis.runs_wording import probability_text
from ibsweep.analysis.statistics import Interval
from ibsweep.analysis.wording import (
    capitalised,
    column_title,
    difference_unit,
    heading,
    interval_text,
    number,
    sizes_heading,
)
from ibsweep.questions.schema import Objective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.pairs import Pair
    from ibsweep.analysis.replications import ReplicationSummary

__all__ = [
    "efficiency_table",
    "pairs_table",
    "replications_table",
    "sizes_needed_table",
]


def pairs_table(evidence: Evidence) -> Table:
    """Return the arms compared two by two."""
    metric = evidence.question.objective
    failing = any(pair.versus.any_failed for pair in evidence.pairs)
    rows = tuple(_pair_cells(metric, pair, failing) for pair in evidence.pairs)
    unit = difference_unit(metric)
    columns = (
        "arms",
        f"difference, {unit}" if unit else "difference",
        "95 % interval",
        *(["first trains", "second trains"] if failing else []),
        "a fresh run of the first is better",
        "p",
        "p, Holm",
        "first is",
        "replicates",
        sizes_heading(evidence.data),
    )
    lower = "" if metric.sign > 0 else f"; positive where the first arm's {metric.title} is lower"
    return Table(
        "pairs",
        "Arms compared two by two",
        columns,
        rows,
        frozenset(columns[1:]) - {"first is"},
        source=(
            f"confirmations where role is best: {metric.test} and trained of the two arms joined "
            "by seed; ibsweep.analysis.versus.versus and statistics.holm"
        ),
        note=(
            f"Differences of {column_title(metric, metric.test)} on common replicates: the two "
            f"arms saw the same {evidence.data.noun}{lower}. "
            + "Where runs failed it is that of the replicates on which both train. "
            * failing
            + "Beside it the probability that a fresh run of the first arm beats a fresh run of "
            "the second, with its 95 % interval. Interval and p are the wider and the larger ones "
            "of Student's t and the studentised bootstrap; p, Holm is adjusted over looks and the "
            "rows of this table; the verdicts above are adjusted over the claims' tests. An arm "
            "is called better where p, Holm is below 0.05"
            + (
                " of how often it trains or of the difference where both do, and neither speaks "
                "against it"
            )
            * failing
            + "."
        ),
    )


def _pair_cells(metric: Objective, pair: Pair, failing: bool) -> tuple[Cell, ...]:
    """Return the row of a pair of arms, with the columns that its table has."""
    found = pair.versus
    effect = low = high = None
    if found.difference:
        effect, low, high = found.difference[:3]
    ends = interval_text(metric, low, high, beside=effect, signed=True)
    rates = [Cell(f"{rate.count} of {rate.runs}", rate.share) for rate in found.rates]
    return (
        text_cell(f"{pair.first} over {pair.second}"),
        Cell(MISSING if effect is None else number(metric, effect, signed=True), effect),
        Cell(ends or MISSING, low),
        *(rates if failing else []),
        Cell(probability_text(found.probability), found.probability.effect),
        p_value_cell(found.p),
        p_value_cell(pair.adjusted_p),
        text_cell(pair.standing),
        number_cell(found.replicates, "d"),
        number_cell(pair.train_size, "d"),
    )


def efficiency_table(evidence: Evidence) -> Table:
    """Return the objective of each arm's best configuration by training-set size."""
    metric = evidence.question.objective
    sizes = sorted({int(size) for curve in evidence.efficiency for size in curve.sizes})
    rows = []
    for curve in evidence.efficiency:
        points = {int(point[0]): point[1:] for point in zip(*curve[1:], strict=True)}
        cells = [_efficiency_cell(metric, points.get(size)) for size in sizes]
        rows.append((text_cell(curve.arm), *cells))
    in_unit = f" in {metric.unit}" if metric.unit else ""
    return Table(
        "efficiency",
        f"{capitalised(column_title(metric, metric.test))}{in_unit} by training "
        f"{sizes_heading(evidence.data)}",
        ("arm", *map(str, sizes)),
        tuple(rows),
        frozenset(map(str, sizes)),
        source=(
            f"confirmations where role is best and trained, by arm and train_size: mean of "
            f"{metric.test}; ibsweep.analysis.efficiency.efficiency_curves"
        ),
        note=(
            f"The configuration is the one found at the arm's own number of {evidence.data.noun}. "
            "Means are of the runs that train; where some fail, how many do is said."
        ),
    )


def _efficiency_cell(metric: Objective, point: Sequence[float] | None) -> Cell:
    """Return the mean of the runs that train with one training-set size, and how many do."""
    if point is None:
        return Cell(MISSING)
    mean, low, high, trained, runs = point
    cell = interval_cell(metric, Interval(mean, low, high), "\n")
    if trained == runs:
        return cell
    text = f"{trained} of {runs} train"
    return cell._replace(text=f"{cell.text}\n{text}" if trained else text)


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
            "Means are of the runs that train. "
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
