"""``ibsweep train``: one configuration, trained here and now, with curves and kernels."""

from __future__ import annotations

import datetime
import json as json_module
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import JsonFlag, OutDir, QuietFlag, ResultsDir
from ibsweep.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibsweep.questions.files import Found
    from ibsweep.questions.schema import Arm, Objective
    from ibsweep.questions.space import Spec
    from ibsweep.results.records import Curve
    from ibsweep.trial.plan import TrialPlan

EXAMPLES = """
Examples: ibsweep train q7_wider | ibsweep train q7_wider --from q7_wider-20261123-101500
| ibsweep train q7_wider --config mine.yaml --replicates 4
"""


def train(
    arm: Annotated[
        str, typer.Argument(metavar="ARM|FILE:ARM", help="An arm; see `ibsweep questions`.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML with settings that replace the baseline's."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="SWEEP", help="Train a sweep's best.")
    ] = None,
    seed: Annotated[int, typer.Option(help="First replicate seed.")] = 10,
    replicates: Annotated[int, typer.Option(help="Replicates, with seeds counting up.")] = 1,
    cpus: Annotated[int, typer.Option(help="Threads.")] = 1,
    out: OutDir = None,
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train one configuration of an arm; save its model, its curves and its kernels.

    Trains the arm's baseline unless told otherwise, and validates after every epoch.
    """
    from ibsweep.errors import InputError
    from ibsweep.questions.binding import bind
    from ibsweep.questions.files import find_arms
    from ibsweep.sweep.own import load_data, own_code
    from ibsweep.trial.plan import TrialPlan

    found = find_arms(arm)
    if len(found) != 1:
        names = ", ".join(one.target for one in found)
        raise InputError(f"{arm!r} has several arms, train takes one: {names}")
    if config is not None and from_ is not None:
        raise InputError("--config and --from exclude each other: give one of them")
    if not 0 <= seed < 2**53 - replicates:
        raise InputError(f"`--seed` must lie in 0 to 2**53 - 1, but got {seed}")
    if replicates < 1 or cpus < 1:
        raise InputError("`--replicates` and `--cpus` must be at least 1")
    if found[0].arm.train:
        raise InputError(f"{arm!r} has a training function of its own: train takes a model")
    chosen: dict[str, Any] | None = None
    space: Mapping[str, Spec] = found[0].arm.space
    if from_ is not None:
        chosen, space = _best_config(found[0], results, from_)
    bound = bind(found)
    question, meant = bound.question, bound.question.arms[found[0].arm.name]
    model = bound.models.get(meant.name)
    folder = None if bound.folder is None else str(bound.folder)
    settings, given = _settings(meant, model, config, chosen, space)
    plan = TrialPlan(
        trial=0,
        model=meant.model,
        data=question.data,
        train_size=meant.size_of(given),
        settings=settings,
        seeds=tuple(range(seed, seed + replicates)),
        every_epoch=True,
        metrics=question.metric_keys,
        own=own_code(folder, bound.code, model),
    )
    load_data(question, bound.folder)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    directory = out or results / f"train-{found[0].sweep_name}-{stamp}"
    objective = question.objective
    outcome = _train(meant.name, objective, plan, directory, cpus, quiet=quiet)
    _print(outcome, objective, as_json=json)


def _settings(
    arm: Arm,
    model: Mapping[str, Any] | None,
    config: Path | None,
    chosen: dict[str, Any] | None,
    space: Mapping[str, Spec],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the complete settings to train, and what of them was given: the baseline's where
    nothing else is asked for.

    Args:
        arm: The arm.
        model: What is known of a model of the user's own.
        config: A file with settings that replace others.
        chosen: The configuration of a sweep; None for the baseline.
        space: The space that it, or the baseline, is of: an earlier version of the arm may have
            had another.

    Raises:
        InputError: If a setting is wrong, or missing.
    """
    from ibsweep.errors import InputError, format_value
    from ibsweep.models.settings import resolve
    from ibsweep.questions.conditions import changed
    from ibsweep.questions.yaml_file import read_yaml

    # the user's own settings go before fixed ones too: this is one run, not a comparison
    own = read_yaml(config) if config else {}
    fixed = {name: value for name, value in arm.fixed.items() if name not in own}
    if arm.baseline is None and chosen is None and not own:
        raise InputError(
            f"{arm.name} has no baseline to train: give --config FILE with its settings, or "
            "--from SWEEP for a sweep's best"
        )
    given = arm.baseline or {} if chosen is None else chosen
    given = changed(space, given, own)
    size = arm.size_of(given)
    if size not in arm.sizes:
        listed = " or ".join(map(str, arm.sizes))
        raise InputError(f"train_size must be {listed}, but got {format_value(size)}")
    return resolve(arm.model, fixed, given, model), given


def _best_config(
    found: Found, results: Path, sweep: str
) -> tuple[dict[str, Any], Mapping[str, Spec]]:
    """Return a sweep's best configuration and its space, if it is of this arm, code and data."""
    from ibsweep.analysis.check import check_sweep
    from ibsweep.errors import InputError
    from ibsweep.results.location import results_words
    from ibsweep.results.sweeps import find_sweep
    from ibsweep.sweep.own import check_unchanged

    store = find_sweep(results, sweep)
    manifest = store.manifest
    of = (manifest.question["question"], manifest.arm)
    if of != (found.question.question, found.arm.name):
        raise InputError(
            f"sweep {sweep!r} is of arm {of[1]} of {of[0]}, not {found.arm.name} of "
            f"{found.question.question}"
        )
    if not store.paths.best_config.exists():
        words = shlex.join(["ibsweep", "resume", manifest.name, *results_words(results)])
        raise InputError(f"sweep {sweep!r} has no best yet: `{words}`")
    check_unchanged(store)
    summary = check_sweep(store).summary()
    assert summary.best is not None, "the records are sound"
    return dict(summary.best.trial.config), summary.arm.space


def _train(
    arm: str, objective: Objective, plan: TrialPlan, directory: Path, cpus: int, *, quiet: bool
) -> dict[str, Any]:
    """Train with a line that says how far it is, on a terminal."""
    from ibsweep.models.backend import cache_note
    from ibsweep.trial.train_one import train_one

    if note := cache_note():
        say(f"ibsweep: {note}")
    console = PlainConsole(stderr=True)
    if quiet or not console.is_terminal:
        return train_one(arm, plan, directory, cpus=cpus)
    epochs = plan.settings["epochs"]
    with console.status(Text(f"training {arm}")) as status:

        def show(curve: Curve) -> None:
            figure = objective.format(curve.mean(objective.valid))
            status.update(Text(f"{arm}: epoch {curve.epoch}/{epochs}, {figure} valid"))

        return train_one(arm, plan, directory, cpus=cpus, on_epoch=show)


def _print(outcome: dict[str, Any], objective: Objective, *, as_json: bool) -> None:
    if as_json:
        say(json_module.dumps(outcome), to="stdout")
        return
    for row in outcome["replicates"]:
        say(
            f"seed {row['seed']}: validation {objective.format(row[objective.valid])}, "
            f"test {objective.format(row[objective.test])}"
            + (f", diverged in epoch {row['diverged_epoch']}" if row["diverged_epoch"] else ""),
            to="stdout",
        )
    where = f"saved in {outcome['directory']}"
    say(f"{where}: model-SEED.pt, curves.jsonl, kernels.pt, config.yaml", to="stdout")
