"""What a worker does for a confirmation.

It has a module of its own, since a worker imports all of the module that its function is in.
"""

from __future__ import annotations

from ibsweep.gc_control import gc_paused
from ibsweep.results.records import Confirmation

with gc_paused():
    import torch

    from ibsweep.trial.device import configure_device
    from ibsweep.trial.figures import lane_figures
    from ibsweep.trial.plan import TrialPlan
    from ibsweep.trial.run import TrialRun

__all__ = ["train_and_score"]


def train_and_score(
    plan: TrialPlan, weights: bool, resources: dict[str, float]
) -> tuple[list[Confirmation], dict[int, dict[str, torch.Tensor]]]:
    """Train a plan to its end and score every split.

    Args:
        plan: What to train.
        weights: Whether to return them.
        resources: CPUs and GPUs that there are for it, by Ray's names.

    Returns:
        A row a replicate; and state dicts by replicate seed.
    """
    run = TrialRun(plan, configure_device(resources))
    last = run.complete()
    train, test = run.score("train"), run.score("test")
    rows = [
        Confirmation(
            trial=last.trial,
            train_size=run.plan.train_size,
            seed=replicate.seed,
            epochs=last.epoch,
            valid=replicate.valid,
            train=lane_figures(train.figures, train.loss, lane),
            test=lane_figures(test.figures, test.loss, lane),
            test_confusion=None if test.confusion is None else test.confusion[lane].tolist(),
            diverged_epoch=replicate.diverged_epoch,
            seconds=run.seconds,
        )
        for lane, replicate in enumerate(last.replicates)
    ]
    kept = enumerate(last.replicates) if weights else ()
    return rows, {r.seed: run.model.lane_state_dict(i) for i, r in kept}
