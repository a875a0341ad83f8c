"""What a user sees while sweeps and replications run: a live display on a terminal, lines
elsewhere, or nothing.
"""

from __future__ import annotations

import html
import sys
import time
from typing import Any, Self

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as ProgressBar
from rich.table import Table

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.formats import clock
from ibsweep.results.records import Curve, Proposal, Trial, TrialState
from ibsweep.sweep.progress import Progress, Tally

__all__ = [
    "LineProgress",
    "LiveProgress",
    "NotebookProgress",
    "QuietProgress",
    "RunsProgress",
    "make_display",
    "make_progress",
]


class QuietProgress(Progress):
    """Nothing but what goes wrong."""

    def __init__(self, console: PlainConsole) -> None:
        super().__init__()
        self._console = console

    def note(self, text: str) -> None:
        """Print the line."""
        self._console.print(text, soft_wrap=True)


class LineProgress(QuietProgress):
    """One plain line a finished trial: for files, pipes and logs."""

    def phase(self, text: str) -> None:
        """Print what the sweep does now."""
        super().phase(text)
        self.note(f"{self.tally.name}: {text}")

    def trial_finished(self, row: Trial) -> None:
        """Print the trial with the best so far."""
        super().trial_finished(row)
        tally = self.tally
        figure = "" if row.valid is None else f" {_figure(tally, row)}"
        why = f" ({row.reason})" if row.reason else ""
        best = f", best {_figure(tally, tally.best)}" if tally.best else ""
        eta = f", {clock(tally.eta)} left" if tally.eta else ""
        self.note(
            f"{tally.name}: {tally.done}/{tally.total} trial {row.trial} "
            f"{row.state}{figure}{why}{best}{eta}"
        )


class LiveProgress(Progress):
    """One table in place, a row a sweep."""

    def __init__(self, console: PlainConsole) -> None:
        super().__init__()
        self._console = console
        self._live = Live(
            console=console, get_renderable=self._table, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        """Print the line above the table."""
        self._console.print(text)

    def _table(self) -> Table:
        columns = ("sweep", "done", "running", "pruned", "failed", "best", "baseline")
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for column in (*columns, "elapsed", "left", "model-epochs/s"):
            table.add_column(column, justify="left" if column == "sweep" else "right")
        for tally in self.tallies:
            doing = "" if tally.phase in ("done", "training") else f" ({tally.phase})"
            table.add_row(
                tally.name + doing,
                f"{tally.done}/{tally.total}",
                str(len(tally.running)),
                str(tally.counts[TrialState.PRUNED]),
                str(tally.counts[TrialState.FAIL]),
                _figure(tally, tally.best),
                _figure(tally, tally.baseline),
                clock(tally.elapsed),
                clock(tally.eta) if tally.phase == "training" else "",
                f"{tally.rate:,.0f}",
            )
        return table


def _figure(tally: Tally, row: Trial | None) -> str:
    """Return a trial's objective as people read it."""
    return tally.objective.format(row.figure(tally.objective.valid) if row else None)


def make_progress(console: PlainConsole, *, quiet: bool) -> Progress:
    """Return the progress display that suits a console.

    Args:
        console: Where it is shown; the standard error stream, so that pipes get results alone.
        quiet: Show nothing but what goes wrong.
    """
    if quiet:
        return QuietProgress(console)
    return LiveProgress(console) if console.is_terminal else LineProgress(console)


class NotebookProgress(QuietProgress):
    """A bar in the output of a notebook's cell."""

    def __init__(self, console: PlainConsole) -> None:
        super().__init__(console)
        self._shown: Any = None
        self._drawn = 0.0

    def phase(self, text: str) -> None:
        """Show what the sweep does now."""
        super().phase(text)
        self._draw()

    def trial_advanced(self, proposal: Proposal, curve: Curve) -> None:
        """Redraw, twice a second at most: a notebook keeps up with no more."""
        super().trial_advanced(proposal, curve)
        if time.monotonic() - self._drawn > 0.5:
            self._draw()

    def trial_finished(self, row: Trial) -> None:
        """Move the bar on."""
        super().trial_finished(row)
        self._draw()

    def sweep_finished(self) -> None:
        """Show the sweep's last state."""
        super().sweep_finished()
        self._draw()

    def _draw(self) -> None:
        show: Any = sys.modules["IPython"].display  # there is a kernel

        self._drawn = time.monotonic()
        drawn = show.HTML("".join(self._bar(tally) for tally in self.tallies))
        if self._shown is None:
            self._shown = show.display(drawn, display_id=True)
        else:
            self._shown.update(drawn)

    @staticmethod
    def _bar(tally: Tally) -> str:
        best = f", best {_figure(tally, tally.best)}" if tally.best else ""
        eta = f", {clock(tally.eta)} left" if tally.eta and tally.phase == "training" else ""
        text = f"{tally.name}: {tally.phase}, {tally.done} of {tally.total} trials{best}{eta}"
        bar = f'<progress value="{tally.done}" max="{tally.total}"></progress>'
        return f"<div>{bar} {html.escape(text)}</div>"


def make_display(*, quiet: bool) -> Progress:
    """Return the display for sweeps that Python code runs; a notebook has one of its own."""
    console = PlainConsole(stderr=True)
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if not quiet and shell is not None and getattr(shell, "kernel", None) is not None:
        return NotebookProgress(console)
    return make_progress(console, quiet=quiet)


class RunsProgress:
    """How far runs are that belong to no search: a bar on a terminal, a line a part elsewhere.

    Args:
        console: Where it is shown; the standard error stream, so that pipes get results alone.
        command: The command that trains them.
        doing: What it does, such as ``replicating``.
        total: Runs to train, as far as is known.
        quiet: Show nothing but what goes wrong.
    """

    def __init__(
        self, console: PlainConsole, command: str, doing: str, total: int = 0, *, quiet: bool
    ) -> None:
        self._console, self._command, self._total = console, command, total
        self._lines = not quiet and not console.is_terminal
        self._done = 0
        self._bar = ProgressBar(
            TextColumn(f"{doing} {{task.fields[what]}}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, what="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def extend(self, runs: int) -> None:
        """Show that so many runs more are to be trained."""
        self._total += runs
        self._bar.update(self._task, total=self._total)

    def advance(self, runs: int, what: str, which: str) -> None:
        """Show that a part is done.

        Args:
            runs: How many runs it had.
            what: What was trained.
            which: Which seeds of it.
        """
        self._done += runs
        self._bar.update(self._task, advance=runs, what=what)
        if self._lines:
            self.note(f"{self._done}/{self._total} {what}, {which}")

    def note(self, text: str) -> None:
        """Print a line that matters whatever is shown besides."""
        line = f"{self._command}: {text}"
        self._console.print(line, soft_wrap=True)
