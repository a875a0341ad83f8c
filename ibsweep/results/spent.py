"""The account of the time that a sweep has searched and confirmed, over all of its runs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal

from ibsweep.errors import SweepError
from ibsweep.results.damage import Damage
from ibsweep.results.layout import SweepPaths
from ibsweep.results.reading import read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.results.store import SweepStore

__all__ = [
    "Account",
    "command_seconds",
    "record_spent",
    "seconds_left",
    "spent_damage",
    "spent_seconds",
]

Account = Literal["seconds", "confirming"]
"""What time was spent on: ``seconds`` of searching, or of confirming."""


def spent_seconds(store: SweepStore, account: Account = "seconds") -> float:
    """Return for how long a sweep has searched, or confirmed, in all of its runs.

    Sweeps up to format 4 kept no account of it: it is 0.

    Raises:
        SweepError: If the account is damaged.
    """
    return _spent(store.paths)[account]


def spent_damage(store: SweepStore) -> Damage | None:
    """Return what is wrong with the account of the time that a sweep has spent.

    Only limits of time go by it: a sweep without one counts whatever it says.
    """
    try:
        _spent(store.paths)
    except SweepError as error:
        text = str(error).removeprefix(f"{store.paths.spent}: ")
        limited = store.manifest.time_budget is not None or store.manifest.max_time is not None
        kept = text if limited else text.partition(";")[0]
        return Damage(store.paths.spent, None, kept, "none")
    return None


def _spent(paths: SweepPaths) -> dict[Account, float]:
    path = paths.spent
    spent: dict[Account, float] = {"seconds": 0.0, "confirming": 0.0}
    try:
        document = json.loads(read_file(path))
        for account in spent:
            # up to format 5 the time of confirming was not counted
            found = document[account] if account == "seconds" else document.get(account, 0.0)
            known = isinstance(found, int | float) and not isinstance(found, bool)
            if not (known and math.isfinite(found) and found >= 0):
                raise ValueError("no time")
            spent[account] = float(found)
    except FileNotFoundError:
        pass
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise SweepError(
            f"{path}: does not say how long the sweep has searched; remove it to count from 0"
        ) from error
    return spent


def record_spent(store: SweepStore, seconds: float, account: Account = "seconds") -> None:
    """Write for how long a sweep has searched, or confirmed, durably.

    Raises:
        SweepError: If the disk is full or refuses.
    """
    spent = {**_spent(store.paths), account: seconds}
    rounded = {name: round(value, 3) for name, value in spent.items()}
    store.write(store.paths.spent, json.dumps(rounded).encode() + b"\n")


def command_seconds(store: SweepStore, sweeps: Sequence[str]) -> float:
    """Return for how long sweeps beside this one have searched and confirmed, in all runs.

    Args:
        store: One of them.
        sweeps: Their names; those that are gone have spent nothing.

    Raises:
        SweepError: If an account is damaged.
    """
    folder = store.paths.root.parent
    return sum(sum(_spent(SweepPaths(folder / name)).values()) for name in sweeps)


def seconds_left(store: SweepStore) -> float | None:
    """Return what is left of the time of a sweep's command; None where it has no limit.

    Raises:
        SweepError: If an account is damaged.
    """
    limit = store.manifest.max_time
    if limit is None:
        return None
    return float(limit["seconds"]) - command_seconds(store, limit["sweeps"])
