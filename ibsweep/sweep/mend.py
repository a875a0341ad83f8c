"""Records are sound before anything is added to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.analysis.check import check_curves, check_sweep
from ibsweep.errors import SweepError
from ibsweep.results.damage import damage_text
from ibsweep.results.extent import resume_words
from ibsweep.results.repair import repair
from ibsweep.results.spent import spent_damage

if TYPE_CHECKING:
    from pathlib import Path

    from ibsweep.results.store import SweepStore

__all__ = ["mend", "mend_finished"]


def mend(store: SweepStore) -> None:
    """Make the records of a sweep that this process holds ready to be added to.

    What can be read in one way alone is written so. Where records of a sweep that was done are
    gone, or contradict its best, it is done no more: they are trained again, and the best is
    decided anew.

    Args:
        store: The sweep, locked.

    Raises:
        SweepError: If a line cannot be counted on, or the account of the time that a time budget
            goes by; they are left as they are.
    """
    checked = check_sweep(store)
    damage = [*checked.damage, *check_curves(checked)[1]]
    if lost := [one for one in damage if one.remedy == "remove"]:
        raise SweepError(damage_text(lost))
    if spent := spent_damage(store):
        if store.manifest.time_budget is not None:
            raise SweepError(str(spent))
        _remove(spent.path)
    if checked.faults:
        _remove(store.paths.best_config)
    repair(store)


def mend_finished(store: SweepStore) -> None:
    """Mend a sweep whose best is to be trained further.

    Args:
        store: The sweep, locked.

    Raises:
        SweepError: As ``mend`` does, and if it is finished no more.
    """
    mend(store)
    if not store.paths.best_config.exists():
        raise SweepError(
            f"records of {store.manifest.name} are gone, or contradict its best: "
            f"{resume_words(store)} completes it"
        )


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SweepError(f"{path}: cannot be removed: {reason}; remove it") from error
