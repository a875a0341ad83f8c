"""What a sweep is to have beyond what it has: checked, before anything of it changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ibsweep.errors import InputError
from ibsweep.results.spent import command_seconds, seconds_left, spent_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.results.store import SweepStore

__all__ = ["Further", "Goal", "goal_of", "only_to_confirm"]


class Further(NamedTuple):
    """What is asked for; None for as much as before, or what is left of it.

    Attributes:
        trials: How many it is to have in all.
        time_budget: For how many further seconds trials may begin.
        budget: How many model-epochs it is to have in all.
        max_time: For how many further seconds it and others may search and confirm.
    """

    trials: int | None = None
    time_budget: float | None = None
    budget: int | None = None
    max_time: float | None = None

    @property
    def words(self) -> str:
        """What of it is no number of trials, as on the command line, with a space before it."""
        return "".join(
            f" {flag} {text}"
            for flag, value, text in (
                ("--time-budget", self.time_budget, _seconds(self.time_budget)),
                ("--budget", self.budget, self.budget),
                ("--max-time", self.max_time, _seconds(self.max_time)),
            )
            if value is not None
        )


class Goal(NamedTuple):
    """What a sweep is to have in all, as its manifest says it.

    Attributes:
        trials: Trials.
        time_budget: Seconds of searching, or None.
        budget: Model-epochs, or None.
        max_time: The time of its command, or None.
    """

    trials: int
    time_budget: float | None
    budget: int | None
    max_time: dict[str, Any] | None


def goal_of(store: SweepStore, further: Further, sweeps: Sequence[str]) -> Goal:
    """Return what a sweep is to have.

    Args:
        store: The sweep.
        further: What is asked for.
        sweeps: Names of the sweeps that share ``max_time``, it among them.

    Raises:
        InputError: If nothing more would be trained; says what would be right.
    """
    manifest, name = store.manifest, store.manifest.name
    _check_numbers(store, further)
    done, spent = len(store.trials()), spent_seconds(store)
    shared = manifest.max_time
    if further.max_time is not None:
        before = command_seconds(store, sweeps)
        shared = {"seconds": before + further.max_time, "sweeps": list(sweeps)}
    goal = Goal(
        manifest.trials if further.trials is None else further.trials,
        manifest.time_budget if further.time_budget is None else spent + further.time_budget,
        manifest.budget if further.budget is None else further.budget,
        shared,
    )
    if done >= goal.trials and not only_to_confirm(store, further):
        what = "further time adds" if further.budget is None else "further model-epochs add"
        raise InputError(
            f"all {done} trials of {name} are done: {what} none; give it more, such as "
            f"`--trials {2 * done}{further.words}`"
        )
    asked = "" if further.trials is None else f"--trials {further.trials}"
    given = f"{asked}{further.words} ".lstrip()
    if goal.time_budget is not None and spent >= goal.time_budget:
        raise InputError(
            f"the time budget of {name} is spent: give it further time besides, such as "
            f"`{given}--time-budget {_seconds(goal.time_budget)}`"
        )
    trained = sum(row.model_epochs for row in store.trials())
    if goal.budget is not None and trained >= goal.budget:
        raise InputError(
            f"the {goal.budget:,} model-epochs of {name} are spent: give it more besides, such as "
            f"`{given}--budget {2 * trained}`"
        )
    left = seconds_left(store)
    if shared is not None and further.max_time is None and left is not None and left <= 0:
        raise InputError(
            f"the time of the command of {name} is over: give it further time besides, such as "
            f"`{given}--max-time {_seconds(shared['seconds'])}`"
        )
    return goal


def only_to_confirm(store: SweepStore, further: Further) -> bool:
    """Tell whether an unfinished sweep is given time, which it may need to confirm alone."""
    return further.max_time is not None and not store.paths.best_config.exists()


def _check_numbers(store: SweepStore, further: Further) -> None:
    name, done = store.manifest.name, len(store.trials())
    for flag, seconds in (
        ("--time-budget", further.time_budget),
        ("--max-time", further.max_time),
    ):
        if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
            raise InputError(f"`{flag}` must be above 0, but got {seconds:g}")
    trained = sum(row.model_epochs for row in store.trials())
    if further.budget is not None and further.budget <= trained:
        raise InputError(
            f"`--budget` is how many model-epochs {name} is to have in all: more than the "
            f"{trained:,} that it has trained, but got {further.budget}"
        )
    begun, trials = max(done, len(store.proposals())), further.trials
    if trials is not None and not max(begun + 1, store.manifest.trials) <= trials <= 1_000_000:
        least = f"more than the {begun} that it has {'done' if begun == done else 'begun'}"
        if store.manifest.trials > begun:
            least = f"at least the {store.manifest.trials} that it was asked for"
        raise InputError(
            f"`--trials` is how many {name} is to have in all: {least}, and at most 1000000, but "
            f"got {trials}"
        )


def _seconds(time: float | None) -> str:
    return f"{max(1, round(time or 0))}s"
