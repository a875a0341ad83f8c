"""``ibsweep resume``: complete interrupted sweeps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ibsweep.cli.flags import JsonFlag, QuietFlag, ResultsDir
from ibsweep.results.location import display_path

if TYPE_CHECKING:
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
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Complete sweeps after Ctrl-C, a crash or a power cut; finished trials are not repeated."""
    from ibsweep.cli.run_sweeps import run_and_print
    from ibsweep.errors import InputError
    from ibsweep.questions.files import question_from_manifest
    from ibsweep.results.store import SweepStore, held_sweeps
    from ibsweep.sweep.manifest import resumption
    from ibsweep.sweep.own import check_unchanged

    if sweeps == ["all"]:
        stores = _unfinished(results)
    else:
        stores = [SweepStore.find(results, name) for name in dict.fromkeys(sweeps)]
    with held_sweeps(stores):
        for store in stores:
            question_from_manifest(
                store.manifest.question, store.paths.manifest
            )  # what is damaged is said at once
            if not store.paths.best_config.exists():
                check_unchanged(store)
        before = [store.manifest.address for store in stores]
        for store in stores:
            entry = resumption(sys.argv)
            update: dict[str, Any] = {"resumed": (*store.manifest.resumed, entry)}
            if address is not None:
                update["address"] = None if address == "local" else address
            store.update_manifest(store.manifest.model_copy(update=update))
        try:
            run_and_print(stores, quiet=quiet, json=json)
        except InputError:  # it was refused there: next time it is to go where it went before
            for store, old in zip(stores, before, strict=True):
                with store.lock():
                    store.update_manifest(store.manifest.model_copy(update={"address": old}))
            raise


def _unfinished(results: Path) -> list[SweepStore]:
    """Return the sweeps that were interrupted, the oldest first, as they were asked for."""
    from ibsweep.errors import InputError
    from ibsweep.results.store import SweepStore, list_sweeps

    stores = [SweepStore(directory) for directory in list_sweeps(results)]
    stores = [s for s in stores if not s.paths.best_config.exists() and not s.is_running()]
    if not stores:
        raise InputError(f"no sweep in {display_path(results)} is unfinished")
    return sorted(stores, key=lambda store: store.manifest.created)
