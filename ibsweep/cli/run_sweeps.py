"""What ``tune`` and ``resume`` share: sweeps run to their end, and what they found is printed."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import typer

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.interruption import HowToResume
from ibsweep.cli.restart import CommandRecovery
from ibsweep.questions.files import question_from_manifest
from ibsweep.results.extent import how_to_go_on
from ibsweep.results.location import results_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.repeats import Repeats
    from ibsweep.results.store import SweepStore
    from ibsweep.sweep.progress import Progress

__all__ = ["run_and_print", "shown_by"]


def run_and_print(stores: Sequence[SweepStore], *, quiet: bool, json: bool) -> None:
    """Run sweeps one after another in one display and one Ray, and print what they found.

    Whoever calls this holds them; each is given back when it is finished.

    Args:
        stores: The sweeps; finished ones are printed alone.
        quiet: Show no progress.
        json: Print one JSON document in place of tables.

    Raises:
        SweepError: If a sweep cannot go on; says how to resume where that helps.
        typer.Exit: With code 130 on Ctrl-C.
    """
    from ibsweep.cli.progress import make_progress
    from ibsweep.cluster.session import ray_session
    from ibsweep.errors import SweepError, SweepGoneError

    progress = make_progress(PlainConsole(stderr=True), quiet=quiet)
    current = stores[0]
    done = all(store.paths.best_config.exists() for store in stores)

    def how_to_resume() -> HowToResume:
        return _how_to_resume(stores, current)

    flags = [flag for flag, given in (("--quiet", quiet), ("--json", json)) if given]
    names = [store.manifest.name for store in stores]
    again = ["resume", *names, *results_words(current.paths.root.parent), *flags]
    recovery = CommandRecovery(progress, how_to_resume, lambda: again)
    session = nullcontext() if done else ray_session(stores[0].manifest.address, recovery)
    try:
        with progress, session:
            for line in () if quiet else shown_by(stores):
                progress.note(line)
            for store in stores:
                current = store
                if store.paths.best_config.exists():
                    if not quiet:
                        progress.note(f"{store.manifest.name}: {how_to_go_on(store)}")
                    _pass_over(store, progress)
                else:
                    # here, since the session has imported what this imports while Ray started
                    from ibsweep.sweep.runner import run_sweep

                    run_sweep(store, progress)
                store.release()
    except KeyboardInterrupt:
        how_to_resume().report_interruption()
        raise typer.Exit(130) from None
    except SweepGoneError:
        raise  # without how to go on
    except SweepError as error:
        rows = current.trials()
        if len(rows) == current.manifest.trials and all(row.state == "FAIL" for row in rows):
            raise  # to go on would not help
        raise SweepError(f"{error}\n{how_to_resume().text()}") from error
    from ibsweep.analysis.summary import summarise  # SciPy: after the session, for the same reason
    from ibsweep.cli.output import print_json, print_repeats, print_summary

    summaries = [summarise(store) for store in stores]
    repeats = _repeats(stores)
    if json:
        print_json(summaries, progress.tallies, repeats)
        return
    for summary, tally in zip(summaries, progress.tallies, strict=True):
        print_summary(summary, tally, PlainConsole())
    print_repeats(repeats, PlainConsole())


def _repeats(stores: Sequence[SweepStore]) -> list[Repeats]:
    """Return what the sweeps found together with those that they repeat, once a design."""
    from ibsweep.analysis.load import load
    from ibsweep.analysis.repeats import summarise_repeats

    results = load(stores[0].paths.root.parent)
    names = {store.manifest.name for store in stores}
    ran = {one.design: one for one in results.stored if one.summary.name in names}
    found = (summarise_repeats(results.repeats_of(one)) for one in ran.values())
    return [repeats for repeats in found if repeats is not None]


def shown_by(stores: Sequence[SweepStore]) -> list[str]:
    """Return what the budgets of sweeps that begin can show, a line a question, what of their
    spaces fails or does nothing, and what they begin with.
    """
    lines = {}
    for store in stores:
        if not store.proposals():
            from ibsweep.analysis.beginnings import earlier_notes
            from ibsweep.analysis.budget import what_shows  # SciPy: as the runner below
            from ibsweep.analysis.wording import schema_of
            from ibsweep.questions.arm_fitting import space_notes

            manifest = store.manifest
            question = question_from_manifest(manifest.question, store.paths.manifest)
            shown = what_shows(question, manifest.confirm_replicates)
            lines[f"{question.question}: {shown}"] = shown
            arm = question.arms[manifest.arm]
            data, stops = schema_of(question, manifest), manifest.pruner["rungs"]
            for note in space_notes(question, arm, data, manifest.model, stops):
                lines[f"{arm.name}: {note}"] = note
            for note in earlier_notes(manifest):
                lines[f"{arm.name}: {note}"] = note
    return [line for line, shown in lines.items() if shown]


def _pass_over(store: SweepStore, progress: Progress) -> None:
    """Show that a sweep is finished, without what it takes to run one."""
    from ibsweep.sweep.artefacts import complete_artefacts
    from ibsweep.sweep.mend import mend

    question = question_from_manifest(store.manifest.question, store.paths.manifest)
    with store.lock():
        mend(store)
        complete_artefacts(store, question)
        progress.sweep_started(store.manifest, question.objective, store.trials())
        progress.sweep_finished()


def _how_to_resume(stores: Sequence[SweepStore], current: SweepStore) -> HowToResume:
    folder, manifest = current.paths.root.parent, current.manifest
    left = [store.manifest.name for store in stores if not store.paths.best_config.exists()]
    done = f"{len(current.trials())} of {manifest.trials} trials of {manifest.name} are done"
    if len(stores) > 1:
        done += f" and {len(stores) - len(left)} of {len(stores)} sweeps"
    names = (left or [manifest.name]) if len(left) <= 3 else ["all"]
    return HowToResume(f"{done}, all of it safe", (*names, *results_words(folder)))
