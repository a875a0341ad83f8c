"""``ibsweep resume``: complete interrupted sweeps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibsweep.cli.check import say_left_out
from ibsweep.cli.flags import JsonFlag, QuietFlag, ResultsDir, parse_duration
from ibsweep.results.damage import damage_text
from ibsweep.results.location import display_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.results.store import SweepStore
    from ibsweep.sweep.further import Further


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
    budget: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Extend it: model-epochs in all, more than it has trained."
        ),
    ] = None,
    max_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Further time of all of them together, confirmation included."
        ),
    ] = None,
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Complete sweeps after Ctrl-C, a crash or a power cut; finished trials are not repeated.

    With --trials, --time-budget, --budget or --max-time a sweep goes on beyond what it was asked
    for, also a finished one: its best is chosen again, among the old leaders and the new ones.
    """
    from ibsweep.cli.run_sweeps import run_and_print
    from ibsweep.results.sweeps import find_sweep
    from ibsweep.sweep.resume import resumed

    further = _further(sweeps, trials, time_budget, budget, max_time)
    if sweeps == ["all"]:
        stores = _unfinished(results)
    else:
        stores = [find_sweep(results, name) for name in dict.fromkeys(sweeps)]
    with resumed(stores, sys.argv, further=further, address=address):
        run_and_print(stores, quiet=quiet, json=json)


def check(context: typer.Context) -> None:
    """Check what the command is given, but for the sweeps, and do nothing.

    Raises:
        InputError: As the command itself would.
        typer.BadParameter: Likewise.
    """
    given = context.params
    names = ("sweeps", "trials", "time_budget", "budget", "max_time")
    _further(*(given[name] for name in names))


def _further(
    sweeps: Sequence[str],
    trials: int | None,
    time_budget: str | None,
    budget: int | None,
    max_time: str | None,
) -> Further:
    """Return what is asked for beyond what the sweeps were to have."""
    from ibsweep.errors import InputError
    from ibsweep.sweep.further import Further

    seconds = [None if text is None else parse_duration(text) for text in (time_budget, max_time)]
    further = Further(trials, seconds[0], budget, seconds[1])
    if sweeps == ["all"] and further._replace(max_time=None) != Further():
        raise InputError(
            "--trials, --time-budget and --budget extend sweeps that are named, not all"
        )
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
