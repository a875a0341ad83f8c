"""How far a sweep has come of what it was asked for: trials, time, and the command for more."""

from __future__ import annotations

import json
import math
import shlex
from typing import TYPE_CHECKING

from ibsweep.errors import SweepError
from ibsweep.results.location import results_words
from ibsweep.results.reading import Damage, read_file

if TYPE_CHECKING:
    from ibsweep.results.store import SweepStore

__all__ = [
    "further_time",
    "how_to_go_on",
    "record_spent",
    "resume_words",
    "spent_damage",
    "spent_seconds",
    "time_is_spent",
]


def spent_seconds(store: SweepStore) -> float:
    """Return for how long a sweep has searched, in all of its runs.

    Sweeps up to format 4 kept no account of it: it is 0.

    Raises:
        SweepError: If the account is damaged.
    """
    if damage := spent_damage(store):
        raise SweepError(str(damage))
    try:
        return float(json.loads(read_file(store.paths.spent))["seconds"])
    except FileNotFoundError:
        return 0.0


def spent_damage(store: SweepStore) -> Damage | None:
    """Return what is wrong with the account of the time that a sweep has searched.

    Only a time budget goes by it: a sweep without one counts whatever it says.
    """
    path = store.paths.spent
    try:
        found = json.loads(read_file(path))["seconds"]
        known = isinstance(found, int | float) and not isinstance(found, bool)
        if known and math.isfinite(found) and found >= 0:
            return None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        pass
    text = "does not say how long the sweep has searched"
    if store.manifest.time_budget is None:
        return Damage(path, None, text, "none")
    return Damage(path, None, f"{text}; remove it to count from 0", "none")


def record_spent(store: SweepStore, seconds: float) -> None:
    """Write for how long a sweep has searched, durably.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    store.write(store.paths.spent, json.dumps({"seconds": round(seconds, 3)}).encode() + b"\n")


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


def how_to_go_on(store: SweepStore) -> str:
    """Return by which command a sweep is completed, or extended where it is finished."""
    done = len(store.trials())
    if not store.paths.best_config.exists():
        return f"{resume_words(store)} completes it"
    if done < store.manifest.trials and time_is_spent(store):
        return further_time(store)
    if done < store.manifest.trials:
        return f"it is finished: it has tried all {done} configurations that it could"
    time = " --time-budget TIME" if time_is_spent(store) else ""
    return (
        f"it is finished, `{_command(store)} --trials N{time}` extends it beyond its {done} trials"
    )


def further_time(store: SweepStore) -> str:
    """Return by which command a sweep is given further time, whose own is spent."""
    return (
        f"its time budget is spent with {len(store.trials())} of {store.manifest.trials} trials "
        f"done, `{_command(store)} --time-budget TIME` gives it further time"
    )


def resume_words(store: SweepStore) -> str:
    """Return the command that resumes a sweep, in backticks."""
    return f"`{_command(store)}`"


def _command(store: SweepStore) -> str:
    words = shlex.join([store.manifest.name, *results_words(store.paths.root.parent)])
    return f"ibsweep resume {words}"
