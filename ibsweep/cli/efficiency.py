"""``ibsweep efficiency``: what larger training sets are worth to the best configurations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibsweep.cli.check import say_left_out
from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import Address, QuietFlag, ResultsDir
from ibsweep.cli.interruption import HowToResume
from ibsweep.cli.restart import CommandRecovery
from ibsweep.results.location import display_path

if TYPE_CHECKING:
    from ibsweep.questions.schema import Question
    from ibsweep.results.store import SweepStore

EXAMPLES = """
Examples: ibsweep efficiency q2 | ibsweep efficiency q3_mlp | ibsweep efficiency all
--train-size 10 --train-size 100
"""

_HOW_TO_RESUME = HowToResume("what is trained is safe")


def efficiency(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="QUESTION|ARM|FILE[:ARM]|all...", help="Of what is stored; see `sweeps`."
        ),
    ],
    sizes: Annotated[
        list[int] | None,
        typer.Option(
            "--train-size",
            "--images",
            metavar="N",
            help="Size of the training set in the unit of the question's split, may be repeated; "
            "default: the question's list.",
        ),
    ] = None,
    address: Address = None,
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
) -> None:
    """Train the confirmed best of each arm with training sets of other sizes.

    Of every arm the newest finished sweep counts. Its best configuration is trained at each size
    of the question's list, on the replicates of its confirmation. What is stored already is not
    trained again, so the same command goes on after an interruption.
    """
    from ibsweep.analysis.evidence import gather
    from ibsweep.analysis.load import load
    from ibsweep.analysis.report.tables import efficiency_table, sizes_needed_table
    from ibsweep.cli.report import print_table
    from ibsweep.errors import InputError, SweepError, SweepGoneError

    if any(size < 1 for size in sizes or ()):
        raise InputError(f"`--train-size` must be at least 1, but got {min(sizes or ())}")
    if twice := sorted(size for size, count in Counter(sizes or ()).items() if count > 1):
        raise InputError(f"`--train-size {twice[0]}` is given twice; name each size once")
    chosen = _chosen(results, targets)
    for store, _ in chosen:
        largest = (store.manifest.data or {}).get("largest")
        if largest is not None and max(sizes or (0,)) > largest:
            raise InputError(
                f"`--train-size` must be at most {largest} for {store.manifest.name}, whose data "
                f"have no more rows to train on, but got {max(sizes or (0,))}"
            )
    try:
        _measure(chosen, sizes, address, quiet=quiet)
    except KeyboardInterrupt:
        _HOW_TO_RESUME.report_interruption()
        raise typer.Exit(130) from None
    except SweepGoneError:
        raise
    except SweepError as error:
        raise SweepError(f"{error}\n{_HOW_TO_RESUME.text()}") from error
    evidence = gather(load(results))
    console = PlainConsole()
    for name in sorted({question.question for _, question in chosen}):
        print_table(sizes_needed_table(evidence[name]), console)
        print_table(efficiency_table(evidence[name]), console)


def _chosen(results: Path, targets: list[str]) -> list[tuple[SweepStore, Question]]:
    """Return the newest finished sweep of each arm that is meant."""
    from ibsweep.analysis.load import load
    from ibsweep.errors import InputError, suggestion
    from ibsweep.questions.files import question_from_manifest
    from ibsweep.results.sweeps import find_sweep

    loaded = load(results)
    say_left_out(loaded.unreadable)
    sweeps = loaded.sweeps
    unfinished = sweeps[sweeps["state"] == "interrupted"]["sweep"].tolist()
    current = sweeps[sweeps["current"].astype(bool)]
    names = {"all", *current["question"], *current["arm"]} if len(current) else set()
    meant: list[tuple[str | None, str | None]] = []
    for target in targets:
        question, arm = _question_and_arm(target)
        meant.append((question, arm))
        if not {question, arm} & names:
            hint = suggestion(target, names) if names else "`ibsweep tune` comes first"
            if unfinished and not names:
                hint = "`ibsweep resume all` comes first"
            raise InputError(f"no finished sweep of {target!r} in {display_path(results)}: {hint}")
    stores = [
        find_sweep(results, row["sweep"])
        for row in current.sort_values("arm").to_dict("records")
        if "all" in targets
        or any(
            (question in (None, row["question"]) and arm in (None, row["arm"]))
            or (question == arm and arm in (row["question"], row["arm"]))
            for question, arm in meant
        )
    ]
    return [
        (store, question_from_manifest(store.manifest.question, store.paths.manifest))
        for store in stores
    ]


def _question_and_arm(target: str) -> tuple[str | None, str | None]:
    """Return the question and the arm that a target names; twice the same where it may be either,
    no arm where a whole question file is meant.
    """
    from ibsweep.questions.files import file_of, load_file

    file, arm = file_of(target)
    return (target, target) if file is None else (load_file(file).question, arm)


def _measure(
    chosen: list[tuple[SweepStore, Question]],
    sizes: list[int] | None,
    address: str | None,
    *,
    quiet: bool,
) -> None:
    from ibsweep.cli.progress import make_progress
    from ibsweep.cluster.session import ray_session
    from ibsweep.results.held_sweeps import held_sweeps
    from ibsweep.sweep.efficiency import measure_efficiency, missing_sizes
    from ibsweep.sweep.own import check_unchanged

    missing = [
        (store, lacking)
        for store, question in chosen
        if (lacking := missing_sizes(store, sizes or question.efficiency))
    ]
    if not missing:
        return
    progress = make_progress(PlainConsole(stderr=True), quiet=quiet)
    with held_sweeps(store for store, _ in missing):
        for store, _ in missing:
            check_unchanged(store)
        recovery = CommandRecovery(progress, lambda: _HOW_TO_RESUME)
        with progress, ray_session(address, recovery):
            for store, sizes in missing:
                measure_efficiency(store, sizes, address, progress)
                store.release()
