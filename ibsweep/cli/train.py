"""``ibsweep train``: one configuration, trained here and now, with curves and kernels."""

from __future__ import annotations

import datetime
import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ibsweep.cli.flags import JsonFlag, QuietFlag, Results

EXAMPLES = """
Examples: ibsweep train q7_wider | ibsweep train q7_wider --from q7_wider-20261123-101500
| ibsweep train q7_wider --config mine.yaml --replicates 4
"""


def train(
    arm: Annotated[str, typer.Argument(metavar="ARM", help="An arm; see `ibsweep questions`.")],
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML with settings that replace the baseline's."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="SWEEP", help="Train a sweep's best.")
    ] = None,
    seed: Annotated[int, typer.Option(help="First replicate seed; 10 is the notebook's.")] = 10,
    replicates: Annotated[int, typer.Option(help="Replicates, with seeds counting up.")] = 1,
    cpus: Annotated[int, typer.Option(help="Threads.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to save; default: under --results.")
    ] = None,
    results: Results = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train one configuration of an arm; save its model, its curves and its kernels.

    Trains the notebook's own setting unless told otherwise, and validates after every epoch.
    """
    from ibsweep.errors import InputError
    from ibsweep.questions.files import check_task, find_arms
    from ibsweep.questions.yaml_file import read_yaml
    from ibsweep.trial.train_one import TrainOne, chosen_config

    pairs = find_arms(arm)
    if len(pairs) != 1:
        names = ", ".join(found.name for _, found in pairs)
        raise InputError(f"{arm!r} has several arms, train takes one: {names}")
    if config is not None and from_ is not None:
        raise InputError("--config and --from exclude each other: give one of them")
    if replicates < 1 or cpus < 1:
        raise InputError("`--replicates` and `--cpus` must be at least 1")
    question, found = pairs[0]
    check_task(question)
    settings = chosen_config(
        found, read_yaml(config) if config else None, (results, from_) if from_ else None
    )
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    directory = out or results / f"train-{found.name}-{stamp}"
    job = TrainOne(
        question, found, settings, tuple(range(seed, seed + replicates)), cpus, directory
    )
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        outcome = job.run()
    else:
        with console.status(f"training {found.name}") as status:

            def show(epoch: int, accuracy: float) -> None:
                status.update(f"{found.name}: epoch {epoch}/{job.epochs}, {accuracy:.2f} % valid")

            outcome = job.run(show)
    _print(outcome, as_json=json)


def _print(outcome: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json_module.dumps(outcome))
        return
    for row in outcome["replicates"]:
        print(
            f"seed {row['seed']}: validation {row['valid_accuracy']:.2f} %, "
            f"test {row['test_accuracy']:.2f} %"
            + (f", diverged in epoch {row['diverged_epoch']}" if row["diverged_epoch"] else "")
        )
    print(f"saved in {outcome['directory']}: model-SEED.pt, curves.jsonl, kernels.pt, config.yaml")
