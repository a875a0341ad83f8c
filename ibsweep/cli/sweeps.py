"""``ibsweep sweeps``: what is stored."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import ResultsDir
from ibsweep.results.location import display_path


def sweeps(results: ResultsDir = Path("results")) -> None:
    """List the stored sweeps and their state."""
    from ibsweep.analysis.check import check_sweep
    from ibsweep.analysis.runs_wording import mean_text, runs_text
    from ibsweep.analysis.strip import strip_of
    from ibsweep.errors import IbsweepError
    from ibsweep.results.sweeps import find_sweeps

    console = PlainConsole()
    stored = find_sweeps(results)
    if not stored.stores and not stored.left_out:
        console.print(f"no sweeps in {display_path(results)} yet")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("sweep", "arm", "state", "trials"):
        table.add_column(column, no_wrap=True, overflow="ignore")  # a name is to be copied
    table.add_column("best confirmed")
    for name, store in stored.stores.items():
        try:
            found = check_sweep(store).summary()
        except IbsweepError as error:
            stored.leave_out(name, str(error))
            continue
        metric, shown = found.question.objective, ""
        if found.best and strip_of(found.best).values:
            runs = found.best.runs
            title = "" if metric.metric == "accuracy" else f"{metric.title} "
            all_train = runs.rate.count == runs.rate.runs
            shown = mean_text(metric, runs.mean) if all_train else runs_text(metric, runs)
            shown = f"{title}{shown}"
        table.add_row(
            found.name,
            found.arm.name,
            found.state,
            f"{sum(found.counts.values())}/{found.trials}",
            shown,
        )
    for name, why in sorted(stored.left_out.items()):
        table.add_row(name, "", "unreadable", "", why.splitlines()[0])
    console.print(table)
