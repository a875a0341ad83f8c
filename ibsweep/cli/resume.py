"""``ibsweep resume``: complete interrupted sweeps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibsweep.cli.check import say_left_out
from ibsweep.cli.flags import JsonFlag, QuietFlag, ResultsDir, parse_duration
from ibsweep.results.location import display_path
from ibsweep.results.reading import damage_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.results.store import SweepStore


def resume(
    sweeps: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP...|all", help="Names, see `ibsweep sweeps`; all: each unfinished one."
        ),
    ],
    address: Annotated[
        str | None,
        typer.Option(
            help="Go on in the Ray cluster there, or `local`: on this machine; default: as before."
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Extend it: configurations to train in all, more than are done."),
    ] = None,
    time_budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Further time, from now on, in which trials may begin: 90s, 5m."
        ),
    ] = None,
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Complete sweeps after Ctrl-C, a crash or a power cut; finished trials are not repeated.

    With --trials or --time-budget a sweep goes on beyond what it was asked for, also a finished
    one: its best is chosen again, among the old leaders and the new ones.
    """
    from ibsweep.cli.run_sweeps import run_and_print
    from ibsweep.results.sweeps import find_sweep
    from ibsweep.sweep.resume import resumed

    further = _further_time(sweeps, trials, time_budget)
    if sweeps == ["all"]:
        stores = _unfinished(results)
    else:
        stores = [find_sweep(results, name) for name in dict.fromkeys(sweeps)]
    with resumed(stores, sys.argv, trials=trials, time_budget=further, address=address):
        run_and_print(stores, quiet=quiet, json=json)


def check(context: typer.Context) -> None:
    """Check what the command is given, but for the sweeps, and do nothing.

    Raises:
        InputError: As the command itself would.
        typer.BadParameter: Likewise.
    """
    given = context.params
    _further_time(given["sweeps"], given["trials"], given["time_budget"])


def _further_time(
    sweeps: Sequence[str], trials: int | None, time_budget: str | None
) -> float | None:
    """Return the further seconds that are asked for, None where none are."""
    from ibsweep.errors import InputError

    further = None if time_budget is None else parse_duration(time_budget)
    if sweeps == ["all"] and (trials is not None or further is not None):
        raise InputError("--trials and --time-budget extend sweeps that are named, not all")
    return further


def _unfinished(results: Path) -> list[SweepStore]:
    """Return the sweeps that were interrupted, the oldest first, as they were asked for."""
    from ibsweep.analysis.check import check_sweep
    from ibsweep.errors import IbsweepError, InputError
    from ibsweep.results.sweeps import find_sweeps

    found = find_sweeps(results)
    stores = []
    for name, store in found.stores.items():
        if store.is_running():
            continue
        try:
            faults = check_sweep(store).faults
        except IbsweepError as error:
            found.leave_out(name, str(error))
            continue
        if any(one.remedy == "remove" for one in faults):
            found.leave_out(name, damage_text(faults))
        elif faults or not store.paths.best_config.exists():
            stores.append(store)
    say_left_out(found.left_out)
    if not stores:
        raise InputError(f"no sweep in {display_path(results)} is unfinished")
    return sorted(stores, key=lambda store: store.manifest.created)
