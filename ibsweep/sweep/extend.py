"""More trials or further time for a sweep, whether it is finished or not.

What it has stays: the new leaders are compared with those that were compared before, on the same
fresh replicates, and only what has no rows yet is trained. The manifest keeps what was asked for
before, since a sweep that was extended after its result was seen is another procedure than one
that was as large from the beginning.

Of what an uninterrupted sweep of the larger budget would have done, this holds: the rungs and the
pruner's arguments are the same, since they follow from the space; the pruner has seen all finished
trials again, in the order in which they finished, so that its next decision is the one that it
would have made; Hyperband's brackets follow from the trial's number; a grid has the same points.
What the sampler draws next is another draw, as after every resumption, and the first new trials
are proposed when all earlier ones have ended, not while the last of these still run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ibsweep.errors import InputError
from ibsweep.questions.files import question_from_manifest
from ibsweep.results.extent import spent_seconds
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
    trials: int | None,
    time_budget: float | None,
    command: Sequence[str],
) -> Extension | None:
    """Return a sweep's extension; nothing is written yet.

    Args:
        store: The sweep, which this process holds.
        trials: How many it is to have in all; None for as many as before.
        time_budget: For how many further seconds trials may begin; None for what is left.
        command: The command line, for the record.

    Returns:
        None where it has as much to do as before.

    Raises:
        InputError: If nothing more would be trained; says what would be right.
    """
    if trials is None and time_budget is None:
        return None
    from ibsweep.sweep.proposals import Proposer  # Optuna
    from ibsweep.sweep.unfit import unfit_rule

    manifest, done, spent = store.manifest, len(store.trials()), spent_seconds(store)
    name, proposals = manifest.name, store.proposals()
    if time_budget is not None and not (time_budget > 0 and math.isfinite(time_budget)):
        raise InputError(f"`--time-budget` must be above 0, but got {time_budget:g}")
    finished = store.paths.best_config.exists()
    begun = max(done, len(proposals))
    if trials is not None and not max(begun + 1, manifest.trials) <= trials <= 1_000_000:
        least = f"more than the {begun} that it has {'done' if begun == done else 'begun'}"
        if manifest.trials > begun:
            least = f"at least the {manifest.trials} that it was asked for"
        raise InputError(
            f"`--trials` is how many {name} is to have in all: {least}, and at most 1000000, but "
            f"got {trials}"
        )
    total = manifest.trials if trials is None else trials
    budget = manifest.time_budget if time_budget is None else spent + time_budget
    if done >= total:
        raise InputError(
            f"all {done} trials of {name} are done: further time adds none; give it more, such as "
            f"`--trials {2 * done} --time-budget {_seconds(time_budget)}`"
        )
    if budget is not None and spent >= budget:
        more = "" if trials is None else f"--trials {trials} "
        raise InputError(
            f"the time budget of {name} is spent: give it further time besides, such as "
            f"`{more}--time-budget {_seconds(budget)}`"
        )
    if (total, budget) == (manifest.trials, manifest.time_budget) and not finished:
        return None
    entry: dict[str, Any] = {
        key: value for key, value in resumption(command).items() if key in ("when", "command")
    }
    entry |= {
        "trials": [manifest.trials, total],
        "time_budget": manifest.time_budget,
        "further_time": time_budget,
        "done": done,
        "finished": finished,
    }
    extended = manifest.model_copy(
        update={
            "trials": total,
            "time_budget": budget,
            "extended": (*manifest.extended, entry),
        }
    )
    question = question_from_manifest(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    cannot = unfit_rule(manifest, question, arm)
    proposer = Proposer(arm, question.objective, extended, proposals, store.trials(), cannot)
    if why := proposer.nothing_left():
        raise InputError(f"{name} cannot be extended: {why}")
    best = store.paths.best_config.read_bytes() if finished else None
    return Extension(store, extended, manifest, best, len(proposals))


def _seconds(time: float | None) -> str:
    return f"{max(1, round(time or 0))}s"
