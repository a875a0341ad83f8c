"""What a user sees while sweeps run: a live table on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ibsweep.results.records import Trial, TrialState
from ibsweep.sweep.progress import Progress

__all__ = [
    "LineProgress",
    "LiveProgress",
    "QuietProgress",
    "make_progress",
]


class QuietProgress(Progress):
    """Nothing but what goes wrong."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def note(self, text: str) -> None:
        """Print the line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


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
        figure = f" {_percent(row.valid_accuracy)}" if row.valid_accuracy is not None else ""
        why = f" ({row.reason})" if row.reason else ""
        best = f", best {_percent(tally.best.valid_accuracy)}" if tally.best else ""
        eta = f", {_clock(tally.eta)} left" if tally.eta else ""
        self.note(
            f"{tally.name}: {tally.done}/{tally.total} trial {row.trial} "
            f"{row.state}{figure}{why}{best}{eta}"
        )


class LiveProgress(Progress):
    """One table in place, a row a sweep."""

    def __init__(self, console: Console) -> None:
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
        self._console.print(text, highlight=False, markup=False)

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
                _percent(tally.best.valid_accuracy if tally.best else None),
                _percent(tally.baseline.valid_accuracy if tally.baseline else None),
                _clock(tally.elapsed),
                _clock(tally.eta) if tally.phase == "training" else "",
                f"{tally.rate:,.0f}",
            )
        return table


def make_progress(console: Console, *, quiet: bool) -> Progress:
    """Return the progress display that suits a console.

    Args:
        console: Where it is shown; the standard error stream, so that pipes get results alone.
        quiet: Show nothing but what goes wrong.
    """
    if quiet:
        return QuietProgress(console)
    return LiveProgress(console) if console.is_terminal else LineProgress(console)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
