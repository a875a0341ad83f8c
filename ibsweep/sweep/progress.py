"""What a user sees while sweeps run: a live table on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ibsweep.questions import Objective
from ibsweep.records import Curve, Manifest, Proposal, Trial, TrialState

__all__ = ["LineProgress", "LiveProgress", "Progress", "QuietProgress", "make_progress"]


@dataclass
class Tally:
    """What is known of a running sweep.

    Attributes:
        name: The sweep's name.
        total: Trials it is to have.
        objective: Says what is better.
        counts: Finished trials by how they ended.
        best: The leading complete trial.
        baseline: The baseline's trial, once it is finished.
        earlier: How many trials an earlier run finished.
        running: Last validated epoch by running trial.
        trained: Model-epochs of this run, over all replicates.
        phase: What it does now.
        started: ``time.monotonic()`` of its start.
        seconds: How long it took, once it is over.
    """

    name: str
    total: int
    objective: Objective
    counts: Counter[TrialState] = field(default_factory=Counter)
    best: Trial | None = None
    baseline: Trial | None = None
    earlier: int = 0
    running: dict[int, int] = field(default_factory=dict)
    trained: int = 0
    phase: str = "starting"
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    def add(self, row: Trial) -> None:
        """Count a finished trial."""
        self.counts[row.state] += 1
        if row.origin == "baseline":
            self.baseline = row
        if row.state == TrialState.COMPLETE:
            leaders = [row] if self.best is None else [self.best, row]
            self.best = min(leaders, key=self.objective.rank)

    @property
    def done(self) -> int:
        """Number of finished trials."""
        return self.counts.total()

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or until the end."""
        return self.seconds if self.seconds is not None else time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Model-epochs per second of this run."""
        return self.trained / self.elapsed if self.elapsed else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until the last trial, at the mean pace of this run so far."""
        done = self.done - self.earlier
        return self.elapsed / done * (self.total - self.done) if done else None


class Progress:
    """Keeps the tallies and shows nothing; subclasses show."""

    def __init__(self) -> None:
        self.tallies: list[Tally] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    @property
    def tally(self) -> Tally:
        """The sweep that runs now."""
        return self.tallies[-1]

    def sweep_started(
        self, manifest: Manifest, objective: Objective, finished: Iterable[Trial]
    ) -> None:
        """Begin a sweep, perhaps one with finished trials."""
        tally = Tally(manifest.name, manifest.trials, objective)
        for row in finished:
            tally.add(row)
        tally.earlier = tally.done
        self.tallies.append(tally)

    def phase(self, text: str) -> None:
        """Say what the sweep does now."""
        self.tally.phase = text

    def trial_started(self, proposal: Proposal) -> None:
        """A trial is handed to Ray."""
        self.tally.running[proposal.trial] = 0

    def trial_advanced(self, proposal: Proposal, curve: Curve) -> None:
        """A trial passed a rung."""
        before = self.tally.running.get(proposal.trial, 0)
        self.tally.trained += (curve.epoch - before) * len(curve.replicates)
        self.tally.running[proposal.trial] = curve.epoch

    def trial_finished(self, row: Trial) -> None:
        """A trial is on disk."""
        self.tally.running.pop(row.trial, None)
        self.tally.add(row)

    def trained(self, model_epochs: int) -> None:
        """Count training outside of trials: the confirmation's."""
        self.tally.trained += model_epochs

    def sweep_finished(self) -> None:
        """End the sweep."""
        self.tally.phase = "done"
        self.tally.seconds = self.tally.elapsed

    def note(self, text: str) -> None:
        """Show a line that matters whatever is shown besides."""


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
