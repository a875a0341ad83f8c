"""Sweeps from Python: what the commands ``tune`` and ``resume`` do, in a script or a notebook."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ibsweep.errors import InputError, format_value, suggestion
from ibsweep.results.held_sweeps import created_sweeps
from ibsweep.results.location import fetch_results
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import find_sweep
from ibsweep.sweep.options import QUICK, SweepOptions
from ibsweep.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.load import Results

__all__ = ["resume", "tune"]


def tune(
    *targets: str | os.PathLike[str],
    results: str | os.PathLike[str] = "results",
    name: str | None = None,
    quick: bool = False,
    progress: bool = True,
    **options: Any,
) -> Results:
    """Sweep arms, confirm the leaders on fresh replicates, and return what was found.

    Args:
        *targets: Arms, questions, question files, ``FILE:ARM`` or ``"all"``.
        results: The directory, or URL, that the sweeps are stored in.
        name: Name of the sweep; of several, what their names begin with. By default arm and time.
        quick: A small budget, where ``options`` do not say otherwise.
        progress: Show how far it is: a bar in a notebook, a table on a terminal, lines elsewhere.
        **options: The fields of ``SweepOptions``, as the command's flags: ``trials=20``,
            ``replicates=8``, ``sampler="random"``, ``time_budget=300`` (seconds), ``sweeps=3``
            (repeats of every sweep, each with the next seed), ``earlier=["q7_wider-one"]`` (as
            ``--from``), ``enqueue=[{"lr": 0.01}, "best.yaml"]``, ....

    Returns:
        The frames of these sweeps (``trials``, ``curves``, ``confirmations``),
        ``best("q7_wider")``, the best configuration of an arm with its confirmed figures, and
        ``repeats("q7")``, the sweeps of each arm that differ in their seeds alone.

    Raises:
        InputError: If something given is wrong; nothing has run then.
        SweepError: If a sweep cannot go on. What it has finished is stored.
        KeyboardInterrupt: Likewise, with a note that says how to go on.

    Example:
        >>> found = ibsweep.tune("q7_wider", trials=20)  # doctest: +SKIP
        >>> found.best("q7_wider")["config"]  # doctest: +SKIP
    """
    from ibsweep.cli.run_sweeps import shown_by
    from ibsweep.sweep.manifest import make_manifests
    from ibsweep.sweep.seeds import seed_notes

    chosen = _options(options, quick=quick)
    if not targets:
        raise InputError('name what to tune: ibsweep.tune("q7_wider"), or a question file')
    folder = fetch_results(results)
    words = [os.fspath(target) for target in targets]
    manifests = make_manifests(words, chosen, name, sys.argv, folder)
    with created_sweeps(folder, manifests) as stores:
        if progress:
            for note in (*seed_notes(manifests, chosen, folder), *shown_by(stores)):
                say(note)
        return _run(stores, folder, progress=progress)


def resume(
    *sweeps: str,
    trials: int | None = None,
    time_budget: float | None = None,
    budget: int | None = None,
    max_time: float | None = None,
    results: str | os.PathLike[str] = "results",
    progress: bool = True,
) -> Results:
    """Complete or extend sweeps, and return what was found.

    Args:
        *sweeps: Their names.
        trials: How many trials each is to have in all, more than it has done; None for as many
            as it was to have. With it, or with one of the next three, a finished sweep goes on.
        time_budget: Seconds from now on in which further trials may begin; None for what is left
            of the sweep's own.
        budget: How many model-epochs each is to have in all, more than it has trained.
        max_time: Seconds from now on in which all of them may search and confirm.
        results: The directory, or URL, that they are stored in.
        progress: As for `tune`.

    Raises:
        InputError: If there is no such sweep, its code or data are not what they were, or nothing
            more would be trained.
        SweepError: If a sweep cannot go on.
        KeyboardInterrupt: Likewise, with a note that says how to go on.
    """
    from ibsweep.sweep.further import Further
    from ibsweep.sweep.resume import resumed

    if not sweeps:
        raise InputError("name the sweeps to resume; `ibsweep.load().sweeps` lists them")
    folder = fetch_results(results)
    stores = [find_sweep(folder, name) for name in dict.fromkeys(sweeps)]
    further = Further(trials, time_budget, budget, max_time)
    with resumed(stores, sys.argv, further=further):
        return _run(stores, folder, progress=progress)


def _options(given: dict[str, Any], *, quick: bool) -> SweepOptions:
    known = [field.name for field in dataclasses.fields(SweepOptions)]
    for name in given:
        if name not in known:
            raise InputError(f"tune has no option {name!r}; {suggestion(name, known)}")
    kinds = get_type_hints(SweepOptions)
    # of these one alone may be given as it is
    kinds |= {name: kinds[name] | get_args(kinds[name])[0] for name in ("earlier", "enqueue")}
    values: dict[str, Any] = dict(QUICK) if quick else {}
    faults = []
    for name, value in given.items():
        try:
            values[name] = TypeAdapter(kinds[name]).validate_python(value)
        except ValidationError as error:
            said = error.errors()[0]["msg"].replace("Input should", "must").partition(", ")[0]
            faults.append(f"`{name}` {said}, but got {format_value(value)}")
    if faults:
        raise InputError("\n".join(faults))
    return SweepOptions(**values | {"quick": quick})


def _run(stores: Sequence[SweepStore], folder: Path, *, progress: bool) -> Results:
    from ibsweep.cli.progress import make_display
    from ibsweep.cli.streams import hold_descriptors
    from ibsweep.cluster.environment import environment_restored
    from ibsweep.cluster.recovery import Recovery
    from ibsweep.cluster.session import ray_session

    class Resumption(Recovery):
        def how_to_resume(self) -> str:
            left = [s.manifest.name for s in stores if not s.paths.best_config.exists()]
            where = "" if folder == Path("results") else f", results={str(folder)!r}"
            names = ", ".join(repr(name) for name in left)
            return f"what is finished is stored; ibsweep.resume({names}{where}) goes on"

    recovery = Resumption()

    hold_descriptors()
    with environment_restored(), make_display(quiet=not progress) as display:
        try:
            with ray_session(stores[0].manifest.address, recovery):
                from ibsweep.sweep.runner import run_sweep  # torch, while Ray has started

                for store in stores:
                    run_sweep(store, display)
                    store.release()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(recovery.how_to_resume())
            raise
    from ibsweep.analysis.load import Results, StoredSweep

    return Results(folder, {}, tuple(StoredSweep.read(store.paths.root) for store in stores))
