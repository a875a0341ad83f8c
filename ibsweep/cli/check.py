"""``ibsweep check``: whether what is stored is sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibsweep.cli.flags import ResultsDir
from ibsweep.results.damage import damage_lines
from ibsweep.results.location import display_path
from ibsweep.results.names import check_name
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

    Every line by its checksum and by what it may hold, all of them against the manifest, each
    other and `best.yaml`, and whether the files of weights are whole. Exit code 1 where anything
    is wrong, with its file and line.
    """
    from ibsweep.errors import InputError
    from ibsweep.results.sweeps import find_sweeps

    found, wrong = find_sweeps(results), 0
    if "all" in sweeps:
        if not (found.stores or found.left_out or os.path.lexists(_replications(results))):
            raise InputError(f"there are no sweeps in {display_path(results)} yet")
        names = [*found.left_out, *(name for name in found.stores if name not in found.left_out)]
    else:
        names = list(dict.fromkeys(sweeps))
        for name in names:
            if name not in found.left_out and name not in found.stores:
                raise InputError(found.hint(check_name(name), results))
    for name in names:
        if name in found.left_out:
            wrong += _say_wrong(name, found.left_out[name].splitlines())
        if name in found.stores:
            wrong += _check(found.stores[name])
    if "all" in sweeps:
        from ibsweep.results.replications import ReplicationStore

        damage = ReplicationStore(results).journal().damage
        wrong += _say_wrong("replications", damage_lines(damage)) if damage else 0
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
    from ibsweep.analysis.weights import weights_damage
    from ibsweep.errors import IbsweepError

    name = store.manifest.name
    try:
        checked = check_sweep(store)
        curves, weights = check_curves(checked)[1], weights_damage(store)
        lines = damage_lines((*checked.damage, *curves, *weights))
    except IbsweepError as error:
        lines = str(error).splitlines()
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
