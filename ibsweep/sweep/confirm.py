"""Confirmation: the leading trials re-trained with fresh replicates, scored on held-out examples.

The sweep's winner is the luckiest of many, so its own figure flatters it. Here the leaders meet
replicate seeds that the search never used: the best configuration is the one that is best on
*their* validation examples. It is the luckiest of a few again; so the examples held out of other
replicates still score it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
import yaml

from ibsweep.analysis.summary import Confirmed, chosen, leading, summarise
from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.pool import run_tasks
from ibsweep.cluster.session import ray_session
from ibsweep.errors import SweepError
from ibsweep.questions.files import question_from_manifest
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.journal import replace_file
from ibsweep.results.location import display_path
from ibsweep.results.records import Confirmation, Manifest, Trial
from ibsweep.results.store import SweepStore
from ibsweep.sweep.nodes import check_nodes
from ibsweep.sweep.own import settings_of
from ibsweep.sweep.plans import share_data, trial_plan
from ibsweep.sweep.progress import Progress
from ibsweep.trial.parts import in_parts, kernels_fault
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import start_run
from ibsweep.trial.score import train_and_score

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["confirm", "measure_efficiency", "missing_sizes"]


class ConfirmationPlan(NamedTuple):
    """A trial to train again, with fresh replicates, at a training-set size."""

    trial: Trial
    train_size: int

    @property
    def cost(self) -> float:
        """A measure of how long it takes."""
        return self.trial.seconds * self.train_size


class Stage(NamedTuple):
    """What fresh replicates are trained for.

    Attributes:
        purpose: Of their rows.
        seeds: Theirs.
        words: What progress says.
        weights: Whether they are kept.
    """

    purpose: Literal["choice", "score"] | None
    seeds: tuple[int, ...]
    words: str
    weights: bool = False


def confirm(
    store: SweepStore,
    question: Question,
    arm: Arm,
    progress: Progress,
    nodes: Nodes,
    data: ObjectRef | None,
) -> None:
    """Confirm what is not confirmed yet, then write ``best.yaml`` and ``best.pt``.

    The leaders are compared first. The one that is chosen, the baseline, and the best of those
    that each claim speaks of are scored on replicates of their own: what was chosen for its luck
    has none of it there. A sweep of format 2 or 3 ends as it began, by one set for both.

    Args:
        store: The sweep, its trials finished.
        question: Its question.
        arm: Its arm.
        progress: Called with how far it is.
        nodes: The nodes.
        data: Where workers find the arrays of the data; None where these are generated.

    Raises:
        SweepError: If no trial was completed, or a worker was lost too often.
    """
    manifest, objective = store.manifest, question.objective
    conditions = question.conditions(arm.name)
    trials = leading(store.trials(), manifest.confirm, objective, conditions)
    if not trials:
        raise SweepError(
            f"no trial of {manifest.name} was completed, so there is nothing to confirm: "
            f"see the reasons in {display_path(store.paths.trials)}, and tune anew"
        )

    def train(trials: Sequence[Trial], stage: Stage) -> None:
        plans = [ConfirmationPlan(trial, arm.train_size) for trial in trials]
        for plan, rows, states in _train_missing(
            store, question, arm, plans, stage, progress, nodes, data
        ):
            _save_models(store, plan.trial.trial, states)
            store.add_confirmations(rows)

    purpose: Literal["score"] | None = None
    if manifest.choice_replicates is not None:
        purpose = "score"
        train(trials, Stage("choice", manifest.choice_seeds, "choosing"))
        rows = [row for row in store.confirmations() if row.train_size == arm.train_size]
        leaders = [
            Confirmed.of(trial, [row for row in rows if row.trial == trial.trial], objective)
            for trial in trials
        ]
        trials = chosen(leaders, objective, conditions)
    words = "scoring" if purpose else "confirming"
    train(trials, Stage(purpose, manifest.confirmation_seeds, words, weights=True))
    _write_best(store, question, arm)


def missing_sizes(store: SweepStore, sizes: Sequence[int]) -> list[int]:
    """Return the training-set sizes that a confirmed sweep's best was not trained at yet.

    A size of which replicates are missing, after a crash, is none that it was trained at.
    """
    best = summarise(store).best
    assert best is not None, "the sweep is confirmed"
    seeds = store.manifest.confirmation_seeds
    done = Counter(
        row.train_size
        for row in store.confirmations()
        if row.trial == best.trial.trial and row.purpose != "choice" and row.seed in seeds
    )
    return [size for size in sizes if done[size] < len(seeds)]


def measure_efficiency(
    store: SweepStore,
    sizes: Sequence[int],
    address: str | None,
    progress: Progress | None = None,
) -> None:
    """Train the best configuration of a sweep with training sets of several sizes.

    The replicates are those that score, so that an arm's figures at several sizes, and
    several arms' at one, are paired.

    Args:
        store: The sweep, confirmed.
        sizes: Sizes of the training set, in the unit of the question's split.
        address: Address of a Ray cluster, None for this machine alone.
        progress: Called with how far it is; by default nothing is shown.

    Raises:
        InputError: If another process runs the sweep, or training can be placed nowhere.
        SweepError: If a worker was lost too often.
    """
    progress = progress or Progress()
    manifest = store.manifest
    question = question_from_manifest(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    with store.lock(), ray_session(address):
        store.repair()
        nodes = check_nodes(store, progress.note, local=address is None)
        progress.sweep_started(manifest, question.objective, store.trials())
        best = summarise(store).best
        assert best is not None, "the sweep is confirmed"
        plans = [ConfirmationPlan(best.trial, size) for size in sizes]
        purpose: Literal["score"] | None = None if manifest.choice_replicates is None else "score"
        stage = Stage(purpose, manifest.confirmation_seeds, "measuring efficiency")
        loaded = share_data(manifest, question)
        for _, rows, _ in _train_missing(
            store, question, arm, plans, stage, progress, nodes, loaded
        ):
            store.add_confirmations(rows)
        progress.sweep_finished()


def _train_missing(
    store: SweepStore,
    question: Question,
    arm: Arm,
    plans: Sequence[ConfirmationPlan],
    stage: Stage,
    progress: Progress,
    nodes: Nodes,
    data: ObjectRef | None,
) -> Iterator[tuple[ConfirmationPlan, list[Confirmation], dict[int, dict[str, torch.Tensor]]]]:
    """Train the plans that have no rows yet, and yield each with its rows and weights."""
    manifest, phase, seeds = store.manifest, stage.words, stage.seeds
    stored = {
        (row.trial, row.train_size)
        for row in store.confirmations()
        if row.purpose == stage.purpose and row.seed in seeds
    }
    missing = [plan for plan in plans if (plan.trial.trial, plan.train_size) not in stored]
    parts = _in_parts(missing, question, arm, manifest, seeds, nodes)
    trained: dict[tuple[int, int], tuple[list[Confirmation], dict[int, Any]]] = {}
    for _, part in parts:
        if fault := kernels_fault(part, gpu=manifest.gpus_per_trial > 0):
            progress.kernels_failed(fault)
    done = len(plans) - len(missing)
    progress.phase(f"{phase} {done}/{len(plans)}")
    for (plan, _), (rows, states, log) in run_tasks(
        parts,
        train_and_score,
        lambda part: (part[1], stage.purpose, stage.weights, data),
        lambda part: f"{phase} trial {part[0].trial.trial} of {manifest.name}",
        nodes,
        progress.note,
    ):
        confirmed, weights_by_seed = trained.setdefault(
            (plan.trial.trial, plan.train_size), ([], {})
        )
        if log:
            header = f"--- {phase}: {len(rows)} fresh replicates ---\n"
            store.add_log(plan.trial.trial, header + log)
        confirmed += rows
        weights_by_seed |= states
        progress.add_model_epochs(sum(row.epochs for row in rows))
        if len(confirmed) == len(seeds):  # a trial's rows are one write
            # in the seeds' order, whichever part ended first
            confirmed.sort(key=lambda row: seeds.index(row.seed))
            ordered = {seed: weights_by_seed[seed] for seed in seeds if seed in weights_by_seed}
            yield plan, confirmed, ordered
            done += 1
            progress.phase(f"{phase} {done}/{len(plans)}")


def _in_parts(
    plans: Sequence[ConfirmationPlan],
    question: Question,
    arm: Arm,
    manifest: Manifest,
    seeds: Sequence[int],
    nodes: Nodes,
) -> list[tuple[ConfirmationPlan, TrialPlan]]:
    """Split plans over the cores: the longest first, and in the most parts, so that all cores end
    together.
    """
    total = sum(plan.cost for plan in plans) or 1.0
    return [
        (plan, part)
        for plan in sorted(plans, key=lambda plan: plan.cost, reverse=True)
        for part in in_parts(
            trial_plan(
                manifest,
                question,
                arm,
                trial=plan.trial.trial,
                config=plan.trial.config,
                train_size=plan.train_size,
                seeds=seeds,
            ),
            work_fraction=plan.cost / total,
            workers=nodes.slots(),
            gpu=manifest.gpus_per_trial > 0,
        )
    ]


def _save_models(
    store: SweepStore, trial: int, states: dict[int, dict[str, torch.Tensor]]
) -> None:
    if not states:
        return  # a training function may predict by something else than a module
    store.paths.models.mkdir(exist_ok=True)
    replace_file(store.paths.model(trial), _tensor_bytes(states))


def _tensor_bytes(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _write_best(store: SweepStore, question: Question, arm: Arm) -> None:
    """Write the best configuration, and its replicate that is best on validation examples."""
    summary = summarise(store)
    best = summary.best
    assert best is not None, "something was confirmed"
    row = best.best_row()
    if store.paths.model(best.trial.trial).exists():
        states = torch.load(store.paths.model(best.trial.trial), weights_only=True)
        replace_file(store.paths.best_model, _tensor_bytes(states[row.seed]))
    document = _best_document(store, arm, best, row)
    if preprocessing := _preprocessing(store, question, arm, best, row):
        document["best_pt"]["preprocessing"] = preprocessing
    text = yaml.safe_dump(document, sort_keys=False)
    replace_file(store.paths.best_config, text.encode())


def _preprocessing(
    store: SweepStore, question: Question, arm: Arm, best: Confirmed, row: Confirmation
) -> dict[str, Any]:
    """Return how an example of the source becomes what best.pt sees, and its output a prediction.

    It follows from the replicate's training set, which its seed draws again: a sweep that stopped
    before it wrote this has not lost it.
    """
    plan = trial_plan(
        store.manifest,
        question,
        arm,
        trial=best.trial.trial,
        config=best.trial.config,
        train_size=row.train_size,
        seeds=(row.seed,),
    )
    return start_run(plan).preprocessing(0)


def _best_document(
    store: SweepStore, arm: Arm, best: Confirmed, row: Confirmation
) -> dict[str, Any]:
    objective = best.objective
    return {
        "sweep": store.manifest.name,
        "arm": arm.name,
        "trial": best.trial.trial,
        "config": best.trial.config,
        "model": arm.implementation,
        "settings": settings_of(arm, best.trial.config, store.manifest.model),
        "train_size": arm.train_size,
        f"sweep_{objective.valid}": best.trial.figure(objective.valid),
        "chosen": {
            "replicates": len(best.choice),
            objective.valid: best.valid._asdict(),
        },
        "confirmed": {
            "replicates": len(best.rows),
            objective.test: best.test._asdict(),
            **best.runs_document(),
        },
        "best_pt": {
            "seed": row.seed,
            objective.valid: row.figure(objective.valid),
            objective.test: row.figure(objective.test),
        },
    }
