"""The tables of figures: arms, pairs of arms, numbers of images, replications of the notebook."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ibsweep.analysis.replications import LUCK, describe_replications
from ibsweep.analysis.report.cells import (
    MISSING,
    Cell,
    Table,
    interval_cell,
    interval_text,
    number_cell,
    p_value_cell,
    text_cell,
)
from ibsweep.analysis.statistics import Interval, mean_interval
from ibsweep.analysis.summary import config_text
from ibsweep.questions.schema import LevelTest

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.replications import ReplicationSummary
    from ibsweep.analysis.summary import SweepSummary
    from ibsweep.questions.schema import Arm, Question

__all__ = [
    "arms_table",
    "efficiency_table",
    "images_needed_table",
    "pairs_table",
    "replications_table",
    "unfinished",
]


def arms_table(gathered: Iterable[Evidence], pages: Collection[str] = ()) -> Table:
    """Return the best configuration of every arm.

    Args:
        gathered: One a question.
        pages: Questions that have a page to lead to.
    """
    shown = list(gathered)
    training = {
        evidence.question.question for evidence in shown if _asks_training(evidence.question)
    }
    rows = []
    for evidence in shown:
        name = evidence.question.question
        for arm in evidence.question.arms.values():
            summary = evidence.summaries.get(arm.name)
            best = summary.best if summary else None
            baseline = summary.confirmed_baseline if summary else None
            trained = None
            if best:
                text = config_text(best.trial.config)
                if best.trial.origin == "baseline":
                    text += f" ({_BASELINE_IS_BEST})"
                if name in training:
                    values = [row.figure("train_accuracy") for row in best.rows]
                    trained = mean_interval([value for value in values if value is not None])
            elif summary:
                text = f"not confirmed yet: {unfinished(summary)}"
            else:
                text = f"not swept yet: `ibsweep tune {arm.name}`"
            rows.append(
                (
                    Cell(arm.name, arm.name, page=name if name in pages else None),
                    number_cell(arm.images, "d"),
                    interval_cell(best.test if best else None),
                    *([interval_cell(trained)] if training else []),
                    number_cell(len(best.rows) if best else None, "d"),
                    number_cell(best.trial.figure(best.objective.valid) if best else None),
                    interval_cell(baseline.test if baseline else None),
                    _published(arm),
                    text_cell(text),
                )
            )
    columns = (
        "arm",
        "images per class",
        "test accuracy, %",
        *(["training accuracy, %"] if training else []),
        "replicates",
        "in its sweep, %",
        "baseline, %",
        "published, %",
        "configuration",
    )
    return Table(
        "arms",
        "Best configuration of every arm",
        columns,
        tuple(rows),
        frozenset(columns[1:-1]),
        source=(
            "confirmations where role is best and images the arm's own: mean of test_accuracy "
            "with Student's t interval; "
            + ("training accuracy the same of train_accuracy; " if training else "")
            + "baseline the same where baseline is true; in its sweep: "
            "trials.valid_accuracy of that trial; published: the question's file"
        ),
        note=(
            "Test accuracy: fresh replicates on held-out images, mean [95 % interval]. The "
            "interval is Student's t over the replicates; verdicts use a bootstrap interval, "
            "which differs most where one replicate lies far from the others. "
            + (
                "Training accuracy: the same replicates on the images that they were trained on. "
                if training
                else ""
            )
            + "In its sweep: the figure of the sweep's own replicates on validation images; it is "
            "optimistic where the winner of the sweep is the best. Baseline: the notebook's "
            "setting, confirmed in the same way. Published: the notebook's own figure, of one "
            "seed, on validation images unless it says training."
        ),
    )


_BASELINE_IS_BEST = "the notebook's setting; nothing better was found"


def _asks_training(question: Question) -> bool:
    """Return whether a question is about accuracies on training images."""
    figures = [figure for arm in question.arms.values() for figure in arm.notebook]
    tests = [test for claim in question.claims for test in claim.tests]
    return any(figure.metric == "train_accuracy" for figure in figures) or any(
        isinstance(test, LevelTest) and test.metric == "train_accuracy" for test in tests
    )


def unfinished(summary: SweepSummary) -> str:
    """Return what to do about a sweep without a best."""
    return "it is running" if summary.state == "running" else f"`ibsweep resume {summary.name}`"


def _published(arm: Arm) -> Cell:
    figure = next((f for f in arm.notebook if f.images == arm.images), None)
    if figure is None:
        return Cell(MISSING)
    kind = "" if figure.metric == "valid_accuracy" else " (training)"
    return Cell(f"{figure.percent:.2f}{kind}", figure.percent)


def pairs_table(evidence: Evidence) -> Table:
    """Return the arms compared two by two."""
    rows = tuple(
        (
            text_cell(f"{pair.first} over {pair.second}"),
            number_cell(pair.comparison.effect, "+.2f"),
            Cell(
                interval_text(pair.comparison.low, pair.comparison.high, "+.2f"),
                pair.comparison.low,
            ),
            p_value_cell(pair.comparison.p),
            p_value_cell(pair.adjusted_p),
            text_cell("yes" if pair.settled else "open"),
            number_cell(pair.comparison.replicates, "d"),
            number_cell(pair.images, "d"),
        )
        for pair in evidence.pairs
    )
    columns = (
        "arms",
        "difference, points",
        "95 % interval",
        "p",
        "p, Holm",
        "settled",
        "replicates",
        "images per class",
    )
    return Table(
        "pairs",
        "Arms compared two by two",
        columns,
        rows,
        frozenset(columns[1:]) - {"settled"},
        source=(
            "confirmations where role is best: test_accuracy of the two arms joined by seed; "
            "ibsweep.analysis.statistics.paired_difference and holm"
        ),
        note=(
            "Differences of test accuracy on common replicates: the two arms saw the same images. "
            "Bootstrap interval and sign-flip test; p, Holm is adjusted over the rows of this "
            "table; the verdicts above are adjusted over the claims' tests. Settled: the "
            "interval excludes 0 and p, Holm is below 0.05; one can hold without the other, and "
            "then it is open which arm is better."
        ),
    )


def efficiency_table(evidence: Evidence) -> Table:
    """Return the test accuracy of each arm's best configuration by number of images."""
    sizes = sorted({int(images) for curve in evidence.efficiency for images in curve.images})
    rows = []
    for curve in evidence.efficiency:
        values = {
            int(images): (float(mean), float(low), float(high))
            for images, mean, low, high in zip(*curve[1:], strict=True)
        }
        cells = [interval_cell(Interval(*values[n]) if n in values else None, "\n") for n in sizes]
        rows.append((text_cell(curve.arm), *cells))
    return Table(
        "efficiency",
        "Test accuracy in % by training images per class",
        ("arm", *map(str, sizes)),
        tuple(rows),
        frozenset(map(str, sizes)),
        source=(
            "confirmations where role is best, grouped by arm and images: mean of test_accuracy; "
            "ibsweep.analysis.efficiency.efficiency_curves"
        ),
        note="The configuration is the one found at the arm's own number of images.",
    )


def images_needed_table(evidence: Evidence) -> Table:
    """Return the numbers of images that reach an accuracy."""
    rows = []
    for arm, target, images, low, high, matches in evidence.images_needed:
        sizes = next(curve.images for curve in evidence.efficiency if curve.arm == arm)
        first, last = int(min(sizes)), int(max(sizes))
        reason = ""
        if matches:
            reason = f"as good as {matches} with {evidence.question.arms[matches].images}"
        rows.append(
            (
                text_cell(arm),
                Cell(f"{target:.2f}\n{reason}".strip(), target),
                Cell(_images(images, first, last), images),
                Cell(f"[{_images(low, first, last)}, {_images(high, first, last)}]", low),
            )
        )
    columns = ("arm", "accuracy to reach, %", "images per class", "95 % interval")
    return Table(
        "wanted",
        "Training images needed",
        columns,
        tuple(rows),
        frozenset(columns[1:]),
        source=(
            "confirmations where role is best: mean of test_accuracy by images, interpolated; "
            "bootstrap over seeds; ibsweep.analysis.efficiency.images_needed"
        ),
        note=(
            "Interpolated between the measured numbers of images, on a logarithmic scale. This "
            "table says where the mean curve over the replicates first reaches the accuracy. The "
            "ratio of two arms in a claim is another estimate: each replicate's own curve has its "
            "own first crossing, and the ratio is the (geometric) mean over the replicates."
        ),
    )


def _images(value: float, first: int, last: int) -> str:
    if math.isinf(value):
        return f"> {last}"
    return f"{first} or fewer" if value <= first else f"{value:.0f}"


def replications_table(evidence: Evidence) -> Table:
    """Return the notebook's settings over many seeds."""
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
        Cell(f"{row.mean:.2f} {interval_text(row.low, row.high)}".strip(), row.mean),
        Cell(spread, low),
        number_cell(row.seeds, "d"),
        Cell(MISSING) if share is None else Cell(f"{100 * share:.0f} %", share),
        luck.get(row.luck) or text_cell(f"yes: {row.luck}"),
    )
