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
    from ibsweep.errors import IbsweepError
    from ibsweep.results.store import SweepStore, list_sweeps

    console = Console()
    directories = list_sweeps(results)
    if not directories:
        console.print(f"no sweeps in {display_path(results)} yet", highlight=False, markup=False)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("sweep", "arm", "state", "trials", "best confirmed"):
        table.add_column(column)
    for directory in directories:
        try:
            found = summarise(SweepStore(directory))
        except IbsweepError as error:
            table.add_row(directory.name, "", "unreadable", "", str(error).splitlines()[0])
            continue
        best = found.best.test if found.best else None
        interval = f" [{best.low:.2f}, {best.high:.2f}]" if best and best.low is not None else ""
        table.add_row(
            found.name,
            found.arm.name,
            found.state,
            f"{sum(found.counts.values())}/{found.trials}",
            f"{best.mean:.2f} %{interval}" if best else "",
        )
    console.print(table, highlight=False, markup=False)
