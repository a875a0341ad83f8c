"""``ibsweep efficiency``: what training images are worth to the best configurations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ibsweep.cli.options import QuietFlag, Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.efficiency import Efficiency
    from ibsweep.store import SweepStore

EXAMPLES = """
Examples: ibsweep efficiency q2 | ibsweep efficiency q3_mlp | ibsweep efficiency all
"""


def efficiency(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="QUESTION|ARM|all...", help="Of what is stored; see `sweeps`."),
    ],
    results: Results = Path("results"),
    quiet: QuietFlag = False,
) -> None:
    """Train the confirmed best of each arm at 10 to 500 images per class.

    Of every arm the newest finished sweep counts. Its best configuration is trained at each number
    of images of the question's list, on the replicates of its confirmation. What is stored already
    is not trained again, so the same command goes on after an interruption.
    """
    from ibsweep.analysis.efficiency import efficiency_curves
    from ibsweep.analysis.frames import load
    from ibsweep.errors import InputError, SweepError, suggestion
    from ibsweep.store import SweepStore

    current = load(results).sweeps
    current = current[current["current"]] if len(current) else current
    names = {"all", *current["question"], *current["arm"]} if len(current) else set()
    for target in targets:
        if target not in names:
            hint = suggestion(target, names) if names else "`ibsweep tune` comes first"
            raise InputError(f"no finished sweep of {target!r} in {results}: {hint}")
    chosen = [
        SweepStore.find(results, row["sweep"])
        for row in current.sort_values("arm").to_dict("records")
        if {"all", row["question"], row["arm"]} & set(targets)
    ]
    try:
        _run(chosen, quiet=quiet)
    except KeyboardInterrupt:
        print(f"ibsweep: interrupted; {_GO_ON}", file=sys.stderr)
        raise typer.Exit(130) from None
    except SweepError as error:
        raise SweepError(f"{error}\n{_GO_ON}") from error
    loaded = load(results)
    trained = loaded.confirmations["sweep"].isin([store.manifest.name for store in chosen])
    for name, question in loaded.questions().items():
        rows = loaded.confirmations[trained & (loaded.confirmations["question"] == name)]
        if len(rows):
            print_efficiency(efficiency_curves(question, rows), Console())


_GO_ON = "what is trained is safe, the same command goes on from there"


def _run(stores: Sequence[SweepStore], *, quiet: bool) -> None:
    from ibsweep.confirm import measure_efficiency
    from ibsweep.questions import restore
    from ibsweep.sweep.progress import make_progress
    from ibsweep.sweep.session import ray_session

    progress = make_progress(Console(stderr=True), quiet=quiet)
    with progress, ray_session(stores[0].manifest.address):
        for store in stores:
            manifest = store.manifest
            question = restore(manifest.question, store.paths.manifest)
            with store.lock():
                store.repair()
                progress.sweep_started(manifest, question.objective, store.trials())
                measure_efficiency(store, question, question.arms[manifest.arm], progress)
                progress.sweep_finished()


def print_efficiency(curves: Sequence[Efficiency], console: Console) -> None:
    """Print accuracies by number of images, a line an arm."""
    sizes = sorted({int(images) for curve in curves for images in curve.images})
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("test accuracy in % at images per class:")
    for size in sizes:
        table.add_column(str(size), justify="right")
    for curve in curves:
        means = dict(zip(curve.images.tolist(), curve.mean.tolist(), strict=True))
        table.add_row(curve.arm, *(f"{means[s]:.2f}" if s in means else "-" for s in sizes))
    console.print(table, highlight=False)
