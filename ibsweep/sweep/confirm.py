"""Confirmation: the leading trials re-trained with fresh replicates, scored on held-out examples.

The sweep's winner is the luckiest of many, so its own figure flatters it. Here the leaders meet
replicate seeds that the search never used: the best configuration is the one that is best on
*their* validation examples. It is the luckiest of a few again; so the examples held out of other
replicates still score it.

Of several objectives the leaders are the sweep's front, as many of it as are to be confirmed,
spread over all of it; where it has fewer, the next front joins. Those that no other leader
dominates on the replicates that choose are the front, and all of them are scored on others: which
points make the front was decided by their luck, and their score has none of it. The best
configuration, whose weights ``best.pt`` has, is the one of them that is best by the first
objective. What of the sweep's front was left out is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ibsweep.analysis.fronts import front_left_out, left_out_text
from ibsweep.analysis.summary import Confirmed, chosen, leading
from ibsweep.cluster.nodes import Nodes
from ibsweep.errors import SweepError
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.extent import further_time, limit_reached
from ibsweep.results.location import display_path
from ibsweep.results.records import Trial
from ibsweep.results.store import SweepStore
from ibsweep.sweep.best import save_models, write_best
from ibsweep.sweep.fresh_replicates import Purpose, Retraining, Stage, train_missing
from ibsweep.sweep.progress import Progress

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["confirm"]


def confirm(
    store: SweepStore,
    question: Question,
    arm: Arm,
    progress: Progress,
    nodes: Nodes,
    data: ObjectRef | None,
    tick: Callable[[], None] = lambda: None,
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
        tick: Called as time goes by.

    Raises:
        SweepError: If no trial was completed, or a worker was lost too often.
    """
    manifest, objective = store.manifest, question.objective
    conditions = question.conditions(arm.name)
    further = question.further_objectives
    finished = store.trials()
    trials = leading(finished, manifest.confirm, objective, conditions, further)
    if not trials:
        if limit_reached(store):
            raise SweepError(f"no trial of {manifest.name} was completed: {further_time(store)}")
        raise SweepError(
            f"no trial of {manifest.name} was completed, so there is nothing to confirm: "
            f"see the reasons in {display_path(store.paths.trials)}, and tune anew"
        )

    if left := front_left_out(finished, trials, question.objectives):
        progress.note(f"{manifest.name}: {left_out_text(left)}")

    def train(trials: Sequence[Trial], seeds: tuple[int, ...], stage: Stage) -> None:
        plans = [Retraining(trial, arm.size_of(trial.config), seeds) for trial in trials]
        for plan, rows, states in train_missing(
            store, question, arm, plans, stage, progress, nodes, data
        ):
            save_models(store, plan.trial.trial, states)
            store.add_confirmations(rows)
            tick()

    purpose: Purpose = None
    if manifest.choice_replicates is not None:
        purpose = "score"
        train(trials, manifest.choice_seeds, Stage("choice", "choosing"))
        sizes = {trial.trial: arm.size_of(trial.config) for trial in finished}
        rows = [row for row in store.confirmations() if row.train_size == sizes.get(row.trial)]
        # who was compared before a sweep was extended is still in the running
        compared = {row.trial for row in rows if row.purpose == "choice"}
        compared -= {trial.trial for trial in trials}
        trials += [trial for trial in finished if trial.trial in compared]
        leaders = [
            Confirmed.of(trial, [row for row in rows if row.trial == trial.trial], objective)
            for trial in trials
        ]
        trials = chosen(leaders, objective, conditions, further)
    words = "scoring" if purpose else "confirming"
    train(trials, manifest.confirmation_seeds, Stage(purpose, words, weights=True))
    write_best(store, question, arm)
