"""``ibsweep replicate``: the notebook's own settings, many seeds."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import (
    Address,
    CpusPerTrial,
    GpusPerTrial,
    JsonFlag,
    QuietFlag,
    ResultsDir,
    check_resources,
)
from ibsweep.cli.interruption import HowToResume
from ibsweep.cli.restart import CommandRecovery
from ibsweep.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from ibsweep.analysis.replications import ReplicationSummary
    from ibsweep.questions.schema import Arm, Question
    from ibsweep.replicate.runs import ReplicationPlan
    from ibsweep.results.replications import ReplicationStore

EXAMPLES = """
Examples: ibsweep replicate q6 | ibsweep replicate all --seeds 1 | ibsweep replicate q2 q3
--seeds 40 --json
"""


def replicate(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="QUESTION|ARM|all|FILE[:ARM]...", help="See `ibsweep questions`."),
    ],
    seeds: Annotated[
        int, typer.Option(help="Seeds from 10 on; 10 is the notebook itself, draw for draw.")
    ] = 20,
    cpus_per_trial: CpusPerTrial = 1,
    gpus_per_trial: GpusPerTrial = 0,
    address: Address = None,
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train the notebook's exact settings with many seeds: which published figures were luck?

    Every setting and number of images that the notebook published a figure for is trained. What is
    stored already is not trained again, so the same command goes on after an interruption, and
    more seeds can be asked for later.
    """
    from ibsweep.errors import SweepError
    from ibsweep.questions.published import published_settings
    from ibsweep.results.replications import ReplicationStore

    questions, folders = _checked(targets, seeds, cpus_per_trial, gpus_per_trial)
    wanted = [published for published, _ in published_settings(questions.values())]
    store = ReplicationStore(results)
    numbers = range(10, 10 + seeds)
    with store.open():
        from ibsweep.replicate.runs import missing_plans

        plans = missing_plans(wanted, numbers, store.rows())

        def how_to_resume() -> HowToResume:
            return _how_to_resume(plans, missing_plans(wanted, numbers, store.rows()))

        try:
            if plans:
                shares = cpus_per_trial, gpus_per_trial
                _train(store, plans, folders, *shares, address, how_to_resume, quiet=quiet)
        except KeyboardInterrupt:
            how_to_resume().report_interruption()
            raise typer.Exit(130) from None
        except SweepError as error:
            raise SweepError(f"{error}\n{how_to_resume().text()}") from error
    # here, since pandas takes a while to import and a wrong file is to be told at once
    from ibsweep.analysis.load import load
    from ibsweep.analysis.replications import summarise_replications

    frame = load(results).replications
    frame = frame[frame["seed"].isin(numbers)]
    found = summarise_replications(questions, frame)
    if json:
        say(json_module.dumps({"replications": [one.to_json() for one in found]}), to="stdout")
    else:
        print_replications(found, PlainConsole())


def check(context: typer.Context) -> None:
    """Check what the command is given, and do nothing.

    Raises:
        InputError: As the command itself would.
    """
    given = context.params
    _checked(given["targets"], given["seeds"], given["cpus_per_trial"], given["gpus_per_trial"])


def _checked(
    targets: Sequence[str], seeds: int, cpus: float, gpus: float
) -> tuple[dict[str, Question], dict[str, Path | None]]:
    """Return the questions by name, each with the arms that were asked for, and their folders.

    Raises:
        InputError: If a target is unknown or wrong, two files give one name to different
            questions, nothing is published to compare with, or a number is out of its range.
    """
    from ibsweep.errors import InputError
    from ibsweep.questions.files import find_arms
    from ibsweep.questions.published import published_settings

    if not 1 <= seeds <= 10_000:
        raise InputError(f"`--seeds` must be at least 1 and at most 10000, but got {seeds}")
    check_resources(cpus, gpus)
    whole: dict[str, Question] = {}
    arms: dict[str, dict[str, Arm]] = {}
    folders: dict[str, Path | None] = {}
    for one in (one for target in targets for one in find_arms(target)):
        question, arm = one.question, one.arm
        folders[question.question] = one.folder
        if whole.setdefault(question.question, question) != question:
            raise InputError(
                f"two different questions are named {question.question!r}: replicate them one "
                "after the other, into different --results"
            )
        arms.setdefault(question.question, {})[arm.name] = arm
    questions = {name: q.model_copy(update={"arms": arms[name]}) for name, q in whole.items()}
    if not published_settings(questions.values()):
        names = ", ".join(questions)
        raise InputError(
            f"{names}: no figures are published of a baseline of ibsweep's own models, so there "
            "is nothing to replicate"
        )
    return questions, folders


def _runs(plans: Sequence[ReplicationPlan]) -> int:
    return sum(len(plan.seeds) for plan in plans)


def _how_to_resume(
    plans: Sequence[ReplicationPlan], left: Sequence[ReplicationPlan]
) -> HowToResume:
    return HowToResume(f"{_runs(plans) - _runs(left)} of {_runs(plans)} runs are done and safe")


def _train(
    store: ReplicationStore,
    plans: Sequence[ReplicationPlan],
    folders: Mapping[str, Path | None],
    cpus: float,
    gpus: float,
    address: str | None,
    how_to_resume: Callable[[], HowToResume],
    *,
    quiet: bool,
) -> None:
    from ibsweep.cli.progress import RunsProgress
    from ibsweep.cluster.nodes import Nodes
    from ibsweep.cluster.preflight import check_cluster as check_nodes
    from ibsweep.cluster.session import ray_session
    from ibsweep.replicate.runs import replicate as run
    from ibsweep.results.manifest import trial_resources

    console, runs = PlainConsole(stderr=True), _runs(plans)
    progress = RunsProgress(console, "replicate", "replicating", runs, quiet=quiet)

    def on_done(part: ReplicationPlan) -> None:
        what = "the notebook itself" if part.exact else f"{len(part.seeds)} seeds"
        setting = f"{part.published.name}, {part.published.train_size} images"
        progress.advance(len(part.seeds), setting, what)

    with progress, ray_session(address, CommandRecovery(progress, how_to_resume)):
        from ibsweep.models.backend import cache_note  # torch, while Ray has started

        if address is None and (note := cache_note()):
            progress.note(note)
        nodes = Nodes(trial_resources(cpus, gpus), progress.note)
        check_nodes(nodes, progress.note, local=address is None)
        run(store, plans, nodes, progress.note, on_done, folders)


def print_replications(found: Sequence[ReplicationSummary], console: Console) -> None:
    """Print the table of published figures against the seeds."""
    from ibsweep.analysis.replications import LUCK, describe_replications

    # eighty columns hold it
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("setting", no_wrap=True)
    for column in ("img", "publ.", "again", "mean [95 %]", "others", "less"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("luck?", no_wrap=True)
    for one in found:
        interval = "" if one.low is None else f" [{one.low:.1f}, {one.high:.1f}]"
        table.add_row(
            one.name,
            str(one.images),
            f"{one.published:.2f}",
            "-" if one.seed10 is None else f"{one.seed10:.2f} {'=' if one.reproduced else ' '}",
            f"{one.mean:.1f}{interval}",
            "-" if one.spread is None else f"{one.spread[0]:.0f}-{one.spread[1]:.0f}",
            "-" if one.share_below is None else f"{one.share_below:.0%}",
            {"typical": "no", None: "-"}.get(one.luck, one.luck),
        )
    console.print(table)
    console.print(describe_replications(found))
    console.print(
        "Accuracies in percent on validation images (q1: on the training images), "
        f"{max((one.seeds for one in found), default=0)} seeds. `img`: training images per class; "
        "`publ.`: the notebook's published figure; `again`: the notebook itself, "
        "seed 10, run again, with = where it lands on the published figure; `others`: the least "
        "and the greatest of the other seeds; `less`: "
        f"the share of them below the published figure, ties half. {LUCK}",
    )
