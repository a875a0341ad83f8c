"""Running a sweep from its directory: the same call starts it and resumes it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ray import tune

from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.placement import PlacementWatch
from ibsweep.cluster.preflight import process_environment
from ibsweep.cluster.ray_internals.tune_controller import sweep_tune_controller
from ibsweep.cluster.session import ray_session
from ibsweep.errors import SweepError
from ibsweep.models.backend import cache_note
from ibsweep.questions.files import question_from_manifest
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.extent import further_time, limit_reached
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.results.working_files import make_working_directory, remove_working_files
from ibsweep.sweep.artefacts import complete_artefacts, export
from ibsweep.sweep.attempts import AttemptCallback, resource_request
from ibsweep.sweep.clock import Clock, SearchClock
from ibsweep.sweep.confirm import confirm
from ibsweep.sweep.ending import SearchEnd
from ibsweep.sweep.keeper import checkpoint_keeper
from ibsweep.sweep.mend import mend
from ibsweep.sweep.nodes import check_nodes
from ibsweep.sweep.plans import share_data, trial_plan
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.scheduler import make_scheduler, replay
from ibsweep.sweep.searcher import SweepSearcher
from ibsweep.sweep.trainable import TrialTrainable
from ibsweep.sweep.unfit import unfit_rule

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["run_sweep"]


def run_sweep(store: SweepStore, progress: Progress | None = None) -> None:
    """Bring a sweep to its end: train what is missing, confirm, write the best.

    Args:
        store: A new sweep, or one that was interrupted at any moment.
        progress: Called with all that happens; by default nothing is shown.

    Raises:
        InputError: If another process runs it, or its trials can be placed nowhere.
        SweepError: If it cannot go on; what is finished is on disk.
        KeyboardInterrupt: On Ctrl-C; likewise.
    """
    progress = progress or Progress()
    manifest = store.manifest
    question = question_from_manifest(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    with store.lock():
        mend(store)
        progress.sweep_started(manifest, question.objective, store.trials())
        if store.paths.best_config.exists():
            complete_artefacts(store, question)
            progress.sweep_finished()
            return
        if _is_too_late(store, question, progress):
            progress.sweep_finished()
            return
        if alike := (manifest.model or {}).get("alike"):
            progress.note(
                f"{manifest.name}: {arm.model} has the layers of `{alike}`, which is built in and "
                "several times faster on a CPU"
            )
        if manifest.address is None and (note := cache_note()):
            progress.note(f"{manifest.name}: {note}")
        with ray_session(manifest.address):
            nodes = check_nodes(store, progress.note, local=manifest.address is None)
            own = manifest.question["arms"][arm.name].get("train")
            keeper = checkpoint_keeper() if own else contextlib.nullcontext()
            try:
                data = share_data(manifest, question)
                with keeper:
                    _search(store, question, arm, progress, nodes, data)
                clock = Clock(store, "confirming")
                try:
                    confirm(store, question, arm, progress, nodes, data, clock.tick)
                finally:
                    _record(clock)
            finally:
                remove_working_files(store)
                export(store, question)
        progress.sweep_finished()


def _search(
    store: SweepStore,
    question: Question,
    arm: Arm,
    progress: Progress,
    nodes: Nodes,
    data: ObjectRef | None,
) -> None:
    """Train until the budget is spent, the space exhausted or the time over."""
    manifest, objective = store.manifest, question.objective
    trials = store.trials()
    clock = SearchClock(store)
    end = SearchEnd(manifest, question.objectives, clock, trials)
    if len(trials) >= manifest.trials:
        _record_end(store, end, None)
        return
    progress.phase("training")

    def note(line: str) -> None:
        progress.note(f"{manifest.name}: {line}")

    cannot = unfit_rule(manifest, question, arm)
    further = question.further_objectives
    proposer = Proposer(arm, objective, manifest, store.proposals(), trials, cannot, further)
    searcher = SweepSearcher(
        proposer,
        store,
        plan=lambda proposal: trial_plan(
            manifest,
            question,
            arm,
            trial=proposal.trial,
            config=proposal.config,
            train_size=arm.size_of(proposal.config),
            seeds=manifest.replicate_seeds,
            rungs=manifest.pruner["rungs"],
            every_epoch=manifest.every_epoch,
        ),
        data=data,
        software=process_environment() if manifest.address else None,
        nodes=nodes,
        objective=objective,
        progress=progress,
        end=end,
        further=further,
    )
    scheduler = make_scheduler(
        manifest.pruner, objective.valid, objective.mode, searcher.record_pruned
    )
    replay(scheduler, objective.valid, trials, store.curves())
    try:
        _run_tune(store, searcher, scheduler, PlacementWatch(nodes, note), clock)
    except Exception:
        if searcher.failure is None:
            raise
    finally:
        _record(clock)
    if searcher.failure:
        raise searcher.failure
    _record_end(store, end, proposer.exhausted)
    if proposer.exhausted:
        note(proposer.exhausted)
    elif limit_reached(store):
        note(further_time(store))


def _is_too_late(store: SweepStore, question: Question, progress: Progress) -> bool:
    """Tell, and say, whether the time of a command is over before a sweep has anything."""
    trials = store.trials()
    clock = SearchClock(store)
    if clock.over != "max_time" or any(row.state == TrialState.COMPLETE for row in trials):
        return False
    _record_end(store, SearchEnd(store.manifest, question.objectives, clock, trials), None)
    progress.note(f"{store.manifest.name}: {further_time(store)}")
    return True


def _record(clock: Clock) -> None:
    with contextlib.suppress(SweepError):  # it must not hide why the sweep ended
        clock.record()


def _record_end(store: SweepStore, end: SearchEnd, exhausted: str | None) -> None:
    """Write why the search has ended, unless that is written."""
    ended = end.record(exhausted)
    if store.manifest.ended is None or store.manifest.ended["trials"] != ended["trials"]:
        store.update_manifest(store.manifest.model_copy(update={"ended": ended}))


class _NoReporter(tune.ProgressReporter):  # type: ignore[misc]
    """In place of Tune's own, which clears the output of a notebook even where it is silent."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        """Never: the sweep has a display of its own."""
        return False

    def report(self, trials: list[Any], done: bool, *sys_info: dict[str, Any]) -> None:
        """Report nothing."""


def _run_tune(
    store: SweepStore,
    searcher: SweepSearcher,
    scheduler: tune.schedulers.TrialScheduler,
    watch: PlacementWatch,
    clock: SearchClock,
) -> None:
    """Have Ray Tune train whatever the searcher suggests."""

    def resources(config: dict[str, Any]) -> tune.PlacementGroupFactory:
        return resource_request(config["resources"], config["nodes_to_avoid"])

    tuner = tune.Tuner(
        tune.with_resources(TrialTrainable, resources),
        tune_config=tune.TuneConfig(
            search_alg=searcher, scheduler=scheduler, num_samples=-1, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(make_working_directory(store)),
            verbose=0,
            progress_reporter=_NoReporter(),
            callbacks=[AttemptCallback(searcher.attempt_failed, watch, clock.tick)],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    with sweep_tune_controller():
        tuner.fit()
