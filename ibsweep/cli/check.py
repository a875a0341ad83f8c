"""``ibsweep check``: whether what is stored is sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibsweep.cli.flags import ResultsDir
from ibsweep.results.location import display_path
from ibsweep.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ibsweep.results.store import SweepStore

__all__ = ["check", "say_left_out"]


def check(
    sweeps: Annotated[
        list[str], typer.Argument(metavar="SWEEP...|all", help="Names, see `ibsweep sweeps`.")
    ],
    results: ResultsDir = Path("results"),
) -> None:
    """Check that sweeps' records are whole, unchanged and agree with each other.

    Every line by its checksum and by what it may hold, and all of them against the manifest, each
    other and `best.yaml`. Exit code 1 where anything is wrong, with its file and line.
    """
    from ibsweep.errors import InputError
    from ibsweep.results.sweeps import find_sweep, find_sweeps

    wrong = 0
    if "all" in sweeps:
        found = find_sweeps(results)
        if not (found.stores or found.left_out or os.path.lexists(_replications(results))):
            raise InputError(f"there are no sweeps in {display_path(results)} yet")
        for name, why in found.left_out.items():
            wrong += _say_wrong(name, [why])
        stores = list(found.stores.values())
    else:
        stores = [find_sweep(results, name) for name in dict.fromkeys(sweeps)]
    for store in stores:
        wrong += _check(store)
    if "all" in sweeps:
        from ibsweep.results.replications import ReplicationStore

        damage = ReplicationStore(results).journal().damage
        wrong += _say_wrong("replications", map(str, damage)) if damage else 0
    if wrong:
        raise typer.Exit(1)


def say_left_out(sweeps: Mapping[str, str]) -> None:
    """Say on standard error which sweeps are not counted, and why.

    Args:
        sweeps: Why, by name.
    """
    for name, why in sweeps.items():
        say(f"left out: {name}: {why}")


def _replications(results: Path) -> Path:
    from ibsweep.results.layout import REPLICATIONS

    return results / REPLICATIONS


def _check(store: SweepStore) -> bool:
    """Print what is wrong with a sweep, and return whether anything is."""
    from ibsweep.analysis.check import check_curves, check_sweep
    from ibsweep.errors import IbsweepError

    name = store.manifest.name
    try:
        checked = check_sweep(store)
        lines = [str(one) for one in (*checked.damage, *check_curves(checked)[1])]
    except IbsweepError as error:
        lines = [str(error)]
    if lines:
        return _say_wrong(name, lines)
    counts = f"{len(checked.trials)} trials, {len(checked.confirmations)} confirmed replicates"
    say(f"{name}: sound: {counts}", to="stdout")
    return False


def _say_wrong(name: str, lines: Iterable[str]) -> bool:
    say(f"{name}: wrong", to="stdout")
    for line in lines:
        say(f"  {line}", to="stdout")
    return True
