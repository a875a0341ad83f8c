"""Running a sweep from its directory: the same call starts it and resumes it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ibsweep.cluster.session import ray_session
from ibsweep.errors import SweepError
from ibsweep.models.settings import resolve
from ibsweep.questions.files import restore
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.records import Proposal
from ibsweep.results.store import SweepStore
from ibsweep.sweep.progress import Progress
from ibsweep.trial.plan import TrialPlan

if TYPE_CHECKING:
    from ibsweep.cluster.nodes import Nodes

__all__ = ["check_nodes", "run_sweep"]


def run_sweep(store: SweepStore, progress: Progress) -> None:
    """Bring a sweep to its end: train what is missing, confirm, write the best.

    Args:
        store: A new sweep, or one that was interrupted at any moment.
        progress: Is told everything.

    Raises:
        InputError: If another process runs it, or its trials can be placed nowhere.
        SweepError: If it cannot go on; what is finished is on disk.
        KeyboardInterrupt: On Ctrl-C; likewise.
    """
    manifest = store.manifest
    question = restore(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    with store.lock():
        store.repair()
        progress.sweep_started(manifest, question.objective, store.trials())
        if store.paths.best_config.exists():
            progress.sweep_finished()
            return
        with ray_session(manifest.address):
            nodes = check_nodes(store, progress, local=manifest.address is None)
            try:
                _train(store, question, arm, progress, nodes)
                from ibsweep.sweep.confirm import confirm

                confirm(store, question, arm, progress, nodes)
            finally:
                store.clean()
                _export(store, question, arm)
        progress.sweep_finished()


def check_nodes(store: SweepStore, progress: Progress, *, local: bool) -> Nodes:
    """Check the nodes on which a sweep is to run, and note them in its manifest.

    Args:
        store: The sweep.
        progress: Is told what a user should know.
        local: Whether Ray runs on this machine alone.

    Returns:
        The record of how nodes do; one that is to get no more is told, and named in the manifest.

    Raises:
        InputError: If nothing can be placed, or a node would train otherwise than this one.
    """
    from ibsweep.cluster.nodes import Nodes
    from ibsweep.cluster.preflight import check, no_gpu

    def note(line: str) -> None:
        progress.note(f"{store.manifest.name}: {line}")

    def exclude(line: str) -> None:
        excluded = (*store.manifest.excluded, line)
        store.update_manifest(store.manifest.model_copy(update={"excluded": excluded}))
        note(line)

    def remember(records: Iterable[dict[str, Any]]) -> None:
        known = {one["node"]: one for one in (*store.manifest.nodes, *records)}
        if (all_nodes := tuple(known.values())) != store.manifest.nodes:
            store.update_manifest(store.manifest.model_copy(update={"nodes": all_nodes}))

    def join(record: dict[str, Any]) -> None:
        remember([record])
        if record["gpus"] and store.manifest.gpus_per_trial and not record["gpu_names"]:
            note(no_gpu(record["node"]))

    nodes = Nodes(store.manifest.share, exclude, join)
    remember(check(nodes, note, local=local))
    return nodes


def _train(
    store: SweepStore, question: Question, arm: Arm, progress: Progress, nodes: Nodes
) -> None:
    """Train until the budget is spent, the space exhausted or the time over."""
    manifest, objective = store.manifest, question.objective
    trials = store.trials()
    if len(trials) >= manifest.trials:
        return
    progress.phase("training")
    from ray import tune

    from ibsweep.cluster.placement import PlacementWatch
    from ibsweep.cluster.preflight import mine
    from ibsweep.sweep.attempts import Attempts, resource_request
    from ibsweep.sweep.proposals import Proposer
    from ibsweep.sweep.pruning import make_scheduler, replay
    from ibsweep.sweep.searcher import SweepSearcher
    from ibsweep.sweep.trainable import TrialTrainable
    from ibsweep.sweep.tune_controller import steady_starts

    software = mine() if manifest.address else None

    def configure(proposal: Proposal) -> dict[str, Any]:
        plan = TrialPlan(
            trial=proposal.trial,
            model=arm.model,
            task=question.task,
            images=arm.images,
            settings=resolve(arm.model, arm.fixed, proposal.config),
            seeds=manifest.replicate_seeds,
            stops=manifest.pruner["rungs"],
            every_epoch=manifest.every_epoch,
        )
        return {
            "plan": asdict(plan),
            "spared": proposal.origin == "baseline",
            "software": software,
        }

    proposer = Proposer(arm, objective, manifest, store.proposals(), trials)
    scheduler = make_scheduler(manifest.pruner, objective.metric, objective.mode)
    replay(scheduler, objective.metric, trials, store.curves())
    deadline = time.monotonic() + (manifest.time_budget or math.inf)
    searcher = SweepSearcher(
        proposer,
        store,
        configure,
        nodes,
        objective,
        progress,
        deadline,
    )
    watch = PlacementWatch(nodes, lambda line: progress.note(f"{manifest.name}: {line}"))
    try:
        tuner = tune.Tuner(
            tune.with_resources(
                TrialTrainable,
                lambda config: resource_request(config["reserved"], config["avoided"]),
            ),
            tune_config=tune.TuneConfig(
                search_alg=searcher, scheduler=scheduler, num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(store.paths.tune.resolve()),
                verbose=0,
                callbacks=[Attempts(searcher.attempt_lost, watch)],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        with steady_starts():
            tuner.fit()
    except Exception:
        if searcher.failure is None:
            raise
    if searcher.failure:
        raise searcher.failure
    if proposer.exhausted:
        progress.note(
            f"{manifest.name}: the search space holds fewer than {manifest.trials} "
            f"configurations; all {len(store.trials())} are tried"
        )


def _export(store: SweepStore, question: Question, arm: Arm) -> None:
    """Write the study for Optuna's tools; a full disk must not hide why the sweep ended."""
    from ibsweep.sweep.proposals import export_study

    with contextlib.suppress(OSError, SweepError):
        export_study(
            store.paths.study, store.manifest.name, arm, question.objective, store.trials()
        )
