"""``ibsweep tune``: sweep, confirm, print the best."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ibsweep.cli.flags import JsonFlag, QuietFlag, ResultsDir
from ibsweep.cli.sweep_flags import sweep_options, with_sweep_flags
from ibsweep.sweep.options import SweepOptions
from ibsweep.terminal import say

EXAMPLES = """
Examples: ibsweep tune q7_wider | ibsweep tune q7 --trials 100 | ibsweep tune my_question.yaml
--sampler random --pruner none | ibsweep tune all --quick | ibsweep tune q7 --sweeps 3
--time-budget 5m --json
"""


@with_sweep_flags
def tune(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="ARM|QUESTION|all|FILE[:ARM]...", help="What to tune; see `ibsweep questions`."
        ),
    ],
    options: SweepOptions,
    results: ResultsDir = Path("results"),
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the sweep, or how those of several begin; default: arm and time."
        ),
    ] = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Sweep an arm, confirm the leaders on fresh replicates, print the best configuration."""
    from ibsweep.cli.run_sweeps import run_and_print
    from ibsweep.results.held_sweeps import created_sweeps
    from ibsweep.sweep.manifest import make_manifests
    from ibsweep.sweep.seeds import seed_notes

    manifests = make_manifests(targets, options, name, sys.argv, results)
    with created_sweeps(results, manifests) as stores:
        for note in () if quiet else seed_notes(manifests, options, results):
            say(f"ibsweep: {note}")
        run_and_print(stores, quiet=quiet, json=json)


def check(context: typer.Context) -> None:
    """Check what the command is given, but for code and data, and do nothing.

    Raises:
        InputError: As the command itself would.
        typer.BadParameter: Likewise.
    """
    from ibsweep.sweep.enqueue import enqueued_configs
    from ibsweep.sweep.manifest import named_arms

    options = sweep_options(context)
    found = named_arms(context.params["targets"], context.params["name"])
    arms = [one.arm.name for one in found.values()]
    for one in found.values():
        enqueued_configs(options.enqueue, one.arm, arms)
