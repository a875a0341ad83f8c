"""How far a sweep has come of what it was asked for, and the command for more."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ibsweep.results.location import results_words
from ibsweep.results.spent import seconds_left, spent_seconds

if TYPE_CHECKING:
    from ibsweep.results.store import SweepStore

__all__ = ["further_time", "how_to_go_on", "limit_reached", "resume_words", "time_is_spent"]

_MORE = {
    "time": "--time-budget TIME` gives it further time",
    "max_time": "--max-time TIME` gives it further time",
    "budget": "--budget N` gives it a larger one",
    "patience": "--trials N` has it go on",
}
"""By what a sweep goes on that was ended by a limit."""


def time_is_spent(store: SweepStore) -> bool:
    """Tell whether a sweep has a time budget and it is spent.

    A finished sweep of up to format 4 that has one and lacks trials ended by it.
    """
    budget = store.manifest.time_budget
    if budget is None:
        return False
    if not store.paths.spent.exists():
        finished = store.paths.best_config.exists()
        return finished and len(store.trials()) < store.manifest.trials
    return spent_seconds(store) >= budget


def limit_reached(store: SweepStore) -> str | None:
    """Return which limit ended a sweep's search before it had all of its trials.

    Returns:
        ``time``, ``max_time``, ``budget`` or ``patience``; None where it has its trials, the space
        is used up, or the search has not ended.
    """
    if len(store.trials()) >= store.manifest.trials:
        return None
    if store.manifest.ended is None:  # formats 2 to 5
        return "time" if time_is_spent(store) else None
    why: str = store.manifest.ended["why"]
    return why if why in _MORE else None


def how_to_go_on(store: SweepStore) -> str:
    """Return by which command a sweep is completed, or extended where it is finished."""
    done = len(store.trials())
    if not store.paths.best_config.exists():
        return f"{resume_words(store)} completes it"
    if limit_reached(store):
        return further_time(store)
    if done < store.manifest.trials:
        return f"it is finished: it has tried all {done} configurations that it could"
    budget, left = store.manifest.budget, seconds_left(store)
    trained = sum(row.model_epochs for row in store.trials())
    more = "".join(
        f" {flag}"
        for flag, is_spent in (
            ("--time-budget TIME", time_is_spent(store)),
            ("--budget N", budget is not None and trained >= budget),
            ("--max-time TIME", left is not None and left <= 0),
        )
        if is_spent
    )
    return (
        f"it is finished, `{_command(store)} --trials N{more}` extends it beyond its {done} trials"
    )


def further_time(store: SweepStore) -> str:
    """Return which limit ended a sweep's search, and by which command it goes on."""
    ended, why = store.manifest.ended, limit_reached(store) or "time"
    words = ended["words"] if ended and ended["why"] == why else "its time budget is spent"
    done = f"{len(store.trials())} of {store.manifest.trials} trials done"
    return f"{words} with {done}, `{_command(store)} {_MORE[why]}"


def resume_words(store: SweepStore) -> str:
    """Return the command that resumes a sweep, in backticks."""
    return f"`{_command(store)}`"


def _command(store: SweepStore) -> str:
    words = shlex.join([store.manifest.name, *results_words(store.paths.root.parent)])
    return f"ibsweep resume {words}"
