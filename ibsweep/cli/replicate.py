"""``ibsweep replicate``: the notebook's own settings, many seeds."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ibsweep.cli.flags import (
    CHECK_ONLY,
    Address,
    CpusPerTrial,
    GpusPerTrial,
    JsonFlag,
    QuietFlag,
    ResultsDir,
    check_shares,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.replications import ReplicationSummary
    from ibsweep.questions.schema import Arm, Question
    from ibsweep.replicate.runs import ReplicationPlan
    from ibsweep.results.store import ReplicationStore

EXAMPLES = """
Examples: ibsweep replicate q6 | ibsweep replicate all --seeds 1 | ibsweep replicate q2 q3
--seeds 40 --json
"""


def replicate(
    context: typer.Context,
    targets: Annotated[
        list[str],
        typer.Argument(metavar="QUESTION|ARM|all|FILE...", help="See `ibsweep questions`."),
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
    from ibsweep.analysis.frames import load
    from ibsweep.analysis.replications import summarise_replications
    from ibsweep.errors import InputError, SweepError
    from ibsweep.questions.files import find_arms
    from ibsweep.questions.published import published_settings
    from ibsweep.results.store import ReplicationStore

    if not 1 <= seeds <= 10_000:
        raise InputError(f"`--seeds` must be at least 1 and at most 10000, but got {seeds}")
    check_shares(cpus_per_trial, gpus_per_trial)
    questions = _questions([pair for target in targets for pair in find_arms(target)])
    wanted = [published for published, _ in published_settings(questions.values())]
    if not wanted:
        names = ", ".join(questions)
        raise InputError(f"{names}: no figures are published, so there is nothing to replicate")
    if context.obj == CHECK_ONLY:
        return
    store = ReplicationStore(results)
    numbers = range(10, 10 + seeds)
    with store.open():
        from ibsweep.replicate.runs import missing_plans

        plans = missing_plans(wanted, numbers, store.rows())
        try:
            if plans:
                _train(store, plans, cpus_per_trial, gpus_per_trial, address, quiet=quiet)
        except KeyboardInterrupt:
            left = missing_plans(wanted, numbers, store.rows())
            print(f"ibsweep: interrupted; {_how_to_go_on(plans, left)}", file=sys.stderr)
            raise typer.Exit(130) from None
        except SweepError as error:
            left = missing_plans(wanted, numbers, store.rows())
            raise SweepError(f"{error}\n{_how_to_go_on(plans, left)}") from error
    frame = load(results).replications
    frame = frame[frame["seed"].isin(numbers)]
    found = summarise_replications(questions, frame)
    if json:
        print(json_module.dumps({"replications": [one.to_json() for one in found]}))
    else:
        print_replications(found, Console())


def _questions(pairs: Sequence[tuple[Question, Arm]]) -> dict[str, Question]:
    """Return the questions by name, each with the arms that were asked for.

    Raises:
        InputError: If two files give one name to different questions.
    """
    from ibsweep.errors import InputError

    whole: dict[str, Question] = {}
    arms: dict[str, dict[str, Arm]] = {}
    for question, arm in pairs:
        if whole.setdefault(question.question, question) != question:
            raise InputError(
                f"two different questions are named {question.question!r}: replicate them one "
                "after the other, into different --results"
            )
        arms.setdefault(question.question, {})[arm.name] = arm
    return {name: q.model_copy(update={"arms": arms[name]}) for name, q in whole.items()}


def _runs(plans: Sequence[ReplicationPlan]) -> int:
    return sum(len(plan.seeds) for plan in plans)


def _how_to_go_on(plans: Sequence[ReplicationPlan], left: Sequence[ReplicationPlan]) -> str:
    return (
        f"{_runs(plans) - _runs(left)} of {_runs(plans)} runs are done and safe, the same command "
        "goes on from there"
    )


def _train(
    store: ReplicationStore,
    plans: Sequence[ReplicationPlan],
    cpus: float,
    gpus: float,
    address: str | None,
    *,
    quiet: bool,
) -> None:
    from ibsweep.cluster.nodes import Nodes
    from ibsweep.cluster.preflight import check
    from ibsweep.cluster.session import ray_session
    from ibsweep.replicate.runs import replicate as run
    from ibsweep.results.records import share_of

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("replicating {task.fields[setting]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )

    def note(text: str) -> None:
        console.print(f"replicate: {text}", highlight=False, markup=False, soft_wrap=True)

    with bar, ray_session(address):
        nodes = Nodes(share_of(cpus, gpus), note)
        check(nodes, note, local=address is None)
        task = bar.add_task("", total=_runs(plans), setting="")
        count = 0

        def done(plan: ReplicationPlan) -> None:
            nonlocal count
            count += len(plan.seeds)
            name = f"{plan.published.name}, {plan.published.images} images"
            bar.update(task, advance=len(plan.seeds), setting=name)
            if not quiet and not console.is_terminal:
                what = "the notebook itself" if plan.exact else f"{len(plan.seeds)} seeds"
                console.print(
                    f"replicate: {count}/{_runs(plans)} {name}, {what}",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )

        run(store, plans, nodes, note, done)


def print_replications(found: Sequence[ReplicationSummary], console: Console) -> None:
    """Print the table of published figures against the seeds."""
    from ibsweep.analysis.replications import LUCK, in_words

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
    console.print(table, highlight=False)
    console.print(in_words(found), highlight=False, markup=False)
    console.print(
        "Accuracies in percent on validation images (q1: on the training images), "
        f"{max((one.seeds for one in found), default=0)} seeds. `img`: training images per class; "
        "`publ.`: the notebook's published figure; `again`: the notebook itself, "
        "seed 10, run again, with = where it lands on the published figure; `others`: the least "
        "and the greatest of the other seeds; `less`: "
        f"the share of them below the published figure, ties half. {LUCK}",
        highlight=False,
        markup=False,
    )
