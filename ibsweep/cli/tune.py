"""``ibsweep tune``: sweep, confirm, print the best."""

from __future__ import annotations

import datetime
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ibsweep.cli.flags import (
    CHECK_ONLY,
    Address,
    CpusPerTrial,
    GpusPerTrial,
    JsonFlag,
    QuietFlag,
    ResultsDir,
    parse_duration,
)
from ibsweep.results.location import display_path, remove
from ibsweep.sweep.options import PRUNERS, QUICK, SAMPLERS, SweepOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.results.store import SweepStore

EXAMPLES = """
Examples: ibsweep tune q7_wider | ibsweep tune q7 --trials 100 | ibsweep tune my_question.yaml
--sampler random --pruner none | ibsweep tune all --quick | ibsweep tune q7 --time-budget 5m
--json
"""


def tune(
    context: typer.Context,
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="ARM|QUESTION|all|FILE...", help="What to tune; see `ibsweep questions`."
        ),
    ],
    trials: Annotated[int, typer.Option(help="Configurations to train.")] = SweepOptions.trials,
    replicates: Annotated[
        int, typer.Option(help="Replicates of every trial.")
    ] = SweepOptions.replicates,
    confirm: Annotated[
        int, typer.Option(help="Leading trials to confirm, besides the baseline.")
    ] = SweepOptions.confirm,
    confirm_replicates: Annotated[
        int, typer.Option(help="Fresh replicates of each confirmed trial.")
    ] = SweepOptions.confirm_replicates,
    sampler: Annotated[
        str, typer.Option(help=f"One of {', '.join(SAMPLERS)}.")
    ] = SweepOptions.sampler,
    pruner: Annotated[
        str, typer.Option(help=f"One of {', '.join(PRUNERS)}.")
    ] = SweepOptions.pruner,
    seed: Annotated[
        int,
        typer.Option(help="Seed of the sampler and first replicate seed; 10 is the notebook's."),
    ] = SweepOptions.seed,
    time_budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Of each sweep: start no trial after this: 90s, 5m, 1h. Running ones end.",
        ),
    ] = None,
    cpus_per_trial: CpusPerTrial = SweepOptions.cpus_per_trial,
    gpus_per_trial: GpusPerTrial = SweepOptions.gpus_per_trial,
    address: Address = None,
    every_epoch: Annotated[
        bool, typer.Option("--every-epoch", help="Validate after every epoch, for curves.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A small budget: "
            + ", ".join(f"--{k.replace('_', '-')} {v}" for k, v in QUICK.items())
            + ", where these are not given.",
        ),
    ] = False,
    results: ResultsDir = Path("results"),
    name: Annotated[
        str | None, typer.Option(help="Name of the sweep; default: arm and time.")
    ] = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Sweep an arm, confirm the leaders on fresh replicates, print the best configuration."""
    from ibsweep.errors import IbsweepError, InputError
    from ibsweep.questions.files import find_arms
    from ibsweep.results.store import SweepStore, check_name
    from ibsweep.sweep.manifest import make_manifest

    budget = {
        "trials": trials,
        "replicates": replicates,
        "confirm": confirm,
        "confirm_replicates": confirm_replicates,
    }
    if quick:
        budget |= {k: v for k, v in QUICK.items() if not _is_given(context, k)}
    options = SweepOptions(
        **budget,
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        time_budget=parse_duration(time_budget) if time_budget else None,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        address=address,
        every_epoch=every_epoch,
    )
    pairs = [pair for target in targets for pair in find_arms(target)]
    arms = [arm.name for _, arm in pairs]
    if len(set(arms)) < len(arms):
        twice = next(arm for arm in arms if arms.count(arm) > 1)
        raise InputError(f"arm {twice!r} is named twice: name each arm once")
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    manifests = []
    for question, arm in pairs:
        if name is None:
            sweep_name = f"{arm.name}-{stamp}"
        else:
            sweep_name = name if len(pairs) == 1 else f"{name}-{arm.name}"
        manifests.append(make_manifest(check_name(sweep_name), question, arm, options, sys.argv))
    if context.obj == CHECK_ONLY:
        return
    stores: list[SweepStore] = []
    try:
        for manifest in manifests:
            stores.append(SweepStore.create(results, manifest))
    except IbsweepError:
        for store in stores:  # all of them or none: half of them would be in the way
            remove(store.paths.root)
        raise
    try:
        run_and_print(stores, quiet=quiet, json=json)
    except InputError:
        if not any(store.proposals() for store in stores):  # refused before it began
            for store in stores:
                remove(store.paths.root)
        raise


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def run_and_print(stores: Sequence[SweepStore], *, quiet: bool, json: bool) -> None:
    """Run sweeps one after another in one display and one Ray, and print what they found."""
    from ibsweep.cli.progress import make_progress
    from ibsweep.cluster.session import ray_session
    from ibsweep.errors import SweepError

    progress = make_progress(Console(stderr=True), quiet=quiet)
    current = stores[0]
    done = all(store.paths.best_config.exists() for store in stores)

    def how_to_go_on() -> str:
        return _how_to_go_on(stores, current)

    session = nullcontext() if done else ray_session(stores[0].manifest.address, how_to_go_on)
    try:
        with progress, session:
            # here, since the session has imported what this imports while Ray started
            from ibsweep.sweep.runner import run_sweep

            for store in stores:
                current = store
                run_sweep(store, progress)
    except KeyboardInterrupt:
        print(f"ibsweep: interrupted; {how_to_go_on()}", file=sys.stderr)
        raise typer.Exit(130) from None
    except SweepError as error:
        rows = current.trials()
        if len(rows) == current.manifest.trials and all(row.state == "FAIL" for row in rows):
            raise  # to go on would not help
        raise SweepError(f"{error}\n{how_to_go_on()}") from error
    from ibsweep.analysis.summary import summarise
    from ibsweep.cli.output import print_json, print_summary

    summaries = [summarise(store) for store in stores]
    if json:
        print_json(summaries, progress.tallies)
        return
    for summary, tally in zip(summaries, progress.tallies, strict=True):
        print_summary(summary, tally, Console())


def _how_to_go_on(stores: Sequence[SweepStore], current: SweepStore) -> str:
    folder, manifest = current.paths.root.parent, current.manifest
    flag = "" if folder == Path("results") else f" --results {shlex.quote(display_path(folder))}"
    left = [store.manifest.name for store in stores if not store.paths.best_config.exists()]
    done = f"{len(current.trials())} of {manifest.trials} trials of {manifest.name} are done"
    if len(stores) > 1:
        done += f" and {len(stores) - len(left)} of {len(stores)} sweeps"
    names = " ".join(left) if len(left) <= 3 else "all"
    return f"{done}, all of it safe, go on with: ibsweep resume {names or manifest.name}{flag}"
