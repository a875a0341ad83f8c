"""More trials, model-epochs or time for a sweep, whether it is finished or not.

What it has stays: the new leaders are compared with those that were compared before, on the same
fresh replicates, and only what has no rows yet is trained. The manifest keeps what was asked for
before, since a sweep that was extended after its result was seen is another procedure than one
that was as large from the beginning.

Of what an uninterrupted sweep of the larger budget would have done, this holds: the rungs and the
pruner's arguments are the same, since they follow from the space; the pruner has seen all finished
trials again, in the order in which they finished, so that its next decision is the one that it
would have made; Hyperband's brackets follow from the trial's number; a grid has the same points;
the sampler draws what it would have drawn when so many trials had ended. But the first new trials
are proposed when all earlier ones have ended, not while the last of these still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ibsweep.errors import InputError
from ibsweep.questions.files import question_from_manifest
from ibsweep.sweep.further import Further, Goal, goal_of, only_to_confirm
from ibsweep.sweep.manifest import resumption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.results.manifest import Manifest
    from ibsweep.results.store import SweepStore

__all__ = ["Extension", "extension"]


class Extension(NamedTuple):
    """A sweep's manifest with more to do, checked and not written yet.

    Attributes:
        store: The sweep.
        manifest: What it is to have.
        before: What it has.
        best: Its ``best.yaml``, where it is finished.
        proposed: How many trials were proposed.
    """

    store: SweepStore
    manifest: Manifest
    before: Manifest
    best: bytes | None
    proposed: int

    def write(self) -> None:
        """Have the sweep go on: it has no best until that is decided again.

        Stopped in between, it is a sweep whose best is yet to be written: resumed, it has it back.
        """
        self.store.paths.best_config.unlink(missing_ok=True)
        self.store.update_manifest(self.manifest)

    def undo(self) -> None:
        """Have the sweep as it was, unless it has gone on: it was refused before it could."""
        paths = self.store.paths
        if paths.best_config.exists() or len(self.store.proposals()) > self.proposed:
            return
        self.store.update_manifest(self.before)
        if self.best is not None:
            self.store.write(paths.best_config, self.best)


def extension(
    store: SweepStore,
    further: Further,
    command: Sequence[str],
    sweeps: Sequence[str] = (),
) -> Extension | None:
    """Return a sweep's extension; nothing is written yet.

    Args:
        store: The sweep, which this process holds.
        further: What it is to have.
        command: The command line, for the record.
        sweeps: Names of the sweeps that are extended together, it among them.

    Returns:
        None where it has as much to do as before.

    Raises:
        InputError: If nothing more would be trained; says what would be right.
    """
    if further == Further():
        return None
    from ibsweep.sweep.proposals import Proposer  # Optuna
    from ibsweep.sweep.unfit import unfit_rule

    manifest = store.manifest
    goal = goal_of(store, further, sweeps)
    finished = store.paths.best_config.exists()
    before = Goal(manifest.trials, manifest.time_budget, manifest.budget, manifest.max_time)
    if goal == before and not finished:
        return None
    entry: dict[str, Any] = {
        key: value for key, value in resumption(command).items() if key in ("when", "command")
    }
    entry |= {
        "trials": [before.trials, goal.trials],
        "time_budget": before.time_budget,
        "further_time": further.time_budget,
        "budget": [before.budget, goal.budget],
        "max_time": further.max_time,
        "done": len(store.trials()),
        "finished": finished,
    }
    update = {**goal._asdict(), "ended": None, "extended": (*manifest.extended, entry)}
    extended = manifest.model_copy(update=update)
    question = question_from_manifest(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    cannot = unfit_rule(manifest, question, arm)
    proposals = store.proposals()
    proposer = Proposer(
        arm,
        question.objective,
        extended,
        proposals,
        store.trials(),
        cannot,
        question.further_objectives,
    )
    why = proposer.nothing_left()
    if why and not only_to_confirm(store, further):
        raise InputError(f"{manifest.name} cannot be extended: {why}")
    best = store.paths.best_config.read_bytes() if finished else None
    return Extension(store, extended, manifest, best, len(proposals))
