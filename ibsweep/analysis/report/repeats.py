"""The table of what repeated sweeps found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.analysis.report.cells import Table, figure_cell, interval_cell, text_cell
from ibsweep.analysis.wording import column_title, difference_unit, heading, interval_text, number

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence

__all__ = ["repeats_table"]


def repeats_table(evidence: Evidence) -> Table:
    """Return what the sweeps of each arm found that differ in their seeds alone; empty where no
    arm has two.
    """
    metric = evidence.question.objective
    unit = difference_unit(metric)
    between, within = (
        f"{word}{f', {unit}' * bool(unit)}" for word in ("between sweeps", "within")
    )
    columns = (
        "arm",
        heading(metric, column_title(metric, metric.test)),
        "each sweep",
        "seeds",
        "a single new one",
        between,
        within,
    )
    rows = tuple(
        (
            text_cell(arm),
            interval_cell(metric, found.average),
            text_cell(", ".join(number(metric, mean) for mean in found.means)),
            text_cell(", ".join(map(str, found.seeds))),
            text_cell(interval_text(metric, found.predicted.low, found.predicted.high)),
            figure_cell(metric, found.between_sd),
            figure_cell(metric, found.within_sd),
        )
        for arm, found in evidence.repeats.items()
    )
    return Table(
        "repeats",
        "Repeated sweeps",
        columns,
        rows,
        frozenset((columns[1], between, within)),
        source=(
            f"Results.repeats: mean of confirmations.{metric.test} where role is best and "
            "train_size the arm's own, a sweep; then mean and Student's t interval over the sweeps"
        ),
        note=(
            "A sweep's outcome is itself a draw: each of these differs in its seeds alone, and "
            "each reports the best configuration that it found. Their mean is what sweeps give on "
            "average, with its 95 % interval; a single new one lies in the other, with 95 % "
            "probability. Between sweeps: standard deviation of "
            "their figures; within: of one sweep's replicates."
        ),
    )
