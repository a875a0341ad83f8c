"""What is known of running sweeps; the displays that show it are the command line's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from ibsweep.questions.schema import Objective
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Curve, Proposal, Trial, TrialState

__all__ = ["Progress", "Tally"]


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
        model_epochs: Trained in this run, over all replicates.
        phase: What it does now.
        kernels_failed: Whether a process that trains has no compiled kernels, and that is noted.
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
    model_epochs: int = 0
    phase: str = "starting"
    kernels_failed: bool = False
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
        return self.model_epochs / self.elapsed if self.elapsed else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until the last trial, at the mean pace of this run so far."""
        done = self.done - self.earlier
        return self.elapsed / done * (self.total - self.done) if done else None


class Progress:
    """Keeps the tallies of sweeps, which call it as they go on. Subclasses show them."""

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
        """A trial validated an epoch."""
        before = self.tally.running.get(proposal.trial, 0)
        self.tally.model_epochs += (curve.epoch - before) * len(curve.replicates)
        self.tally.running[proposal.trial] = curve.epoch

    def trial_finished(self, row: Trial) -> None:
        """A trial is on disk."""
        self.tally.running.pop(row.trial, None)
        self.tally.add(row)

    def add_model_epochs(self, model_epochs: int) -> None:
        """Count training outside of trials: the confirmation's."""
        self.tally.model_epochs += model_epochs

    def kernels_failed(self, fault: str) -> None:
        """Note, once a sweep, why training is slower than it should be."""
        if not self.tally.kernels_failed:
            self.tally.kernels_failed = True
            self.note(f"{self.tally.name}: {fault}")

    def sweep_finished(self) -> None:
        """End the sweep."""
        self.tally.phase = "done"
        self.tally.seconds = self.tally.elapsed

    def note(self, text: str) -> None:
        """Show a line that matters whatever is shown besides."""
