"""``ibsweep sweeps``: what is stored."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from ibsweep.cli.flags import ResultsDir
from ibsweep.results.location import display_path


def sweeps(results: ResultsDir = Path("results")) -> None:
    """List the stored sweeps and their state."""
    from ibsweep.analysis.summary import summarise
    from ibsweep.analysis.wording import interval_text
    from ibsweep.errors import IbsweepError
    from ibsweep.results.store import SweepStore, list_sweeps

    console = Console()
    directories = list_sweeps(results)
    if not directories:
        console.print(f"no sweeps in {display_path(results)} yet", highlight=False, markup=False)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("sweep", "arm", "state", "trials"):
        table.add_column(column, no_wrap=True, overflow="ignore")  # a name is to be copied
    table.add_column("best confirmed")
    for directory in directories:
        try:
            found = summarise(SweepStore(directory))
        except IbsweepError as error:
            table.add_row(directory.name, "", "unreadable", "", str(error).splitlines()[0])
            continue
        metric, best = found.question.objective, found.best.test if found.best else None
        shown = ""
        if best:
            ends = interval_text(metric, best.low, best.high, beside=best.mean)
            title = "" if metric.metric == "accuracy" else f"{metric.title} "
            shown = f"{title}{metric.format(best.mean)} {ends}".rstrip()
        table.add_row(
            found.name,
            found.arm.name,
            found.state,
            f"{sum(found.counts.values())}/{found.trials}",
            shown,
        )
    console.print(table, highlight=False, markup=False)
