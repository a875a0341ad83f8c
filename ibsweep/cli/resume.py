"""``ibsweep resume``: complete an interrupted sweep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ibsweep.cli.options import JsonFlag, QuietFlag, Results


def resume(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="Its name; see `ibsweep sweeps`.")],
    results: Results = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Complete a sweep after Ctrl-C, a crash or a power cut; finished trials are not repeated."""
    from ibsweep.cli.tune import run_and_print
    from ibsweep.questions import restore
    from ibsweep.store import SweepStore
    from ibsweep.sweep.manifest import resumption

    store = SweepStore.find(results, sweep)
    restore(store.manifest.question, store.paths.manifest)  # what is damaged is said at once
    with store.lock():
        entry = resumption(sys.argv)
        resumed = (*store.manifest.resumed, entry)
        store.update_manifest(store.manifest.model_copy(update={"resumed": resumed}))
    run_and_print([store], quiet=quiet, json=json)
