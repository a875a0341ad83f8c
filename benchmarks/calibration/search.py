"""The search of a sweep, replayed on a population: nothing is trained, all else is the library's.

The scheduler of Ray Tune that prunes a real sweep is asked at the same rungs, by the same calls,
one trial after the other. (In a sweep on several cores trials are under way side by side, so that
a rung may know a few figures fewer.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ibsweep.questions.schema import Objective
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Trial, TrialState

__all__ = ["Member", "search"]


class Member(NamedTuple):
    """A configuration of a population, with the figures of all its replicates.

    ``R`` is the number of replicates, ``V`` that of validated epochs, ``C`` that of classes.

    Attributes:
        origin: As in a sweep: ``"baseline"`` or the sampler's name.
        config: A value for every hyperparameter of the search space.
        seconds: Of training all replicates at once.
        epochs: The epochs that were validated: ASHA's rungs and the last one.
        valid: The objective on validation examples there, ``[V, R]``.
        valid_loss: The loss on them in the last epoch, ``[R]``.
        test_confusion: Counts of test examples by true class and predicted one, ``[R, C, C]``.
        diverged_epoch: Epoch at which a replicate diverged, 0 where it did not, ``[R]``.
    """

    origin: str
    config: dict[str, Any]
    seconds: float
    epochs: tuple[int, ...]
    valid: NDArray[np.float64]
    valid_loss: NDArray[np.float64]
    test_confusion: NDArray[np.int_]
    diverged_epoch: NDArray[np.int_]

    @property
    def test(self) -> NDArray[np.float64]:
        """Accuracy on test examples, ``[R]``."""
        hits = np.trace(self.test_confusion, axis1=1, axis2=2)
        return np.asarray(100 * hits / self.test_confusion.sum(axis=(1, 2)), float)


def search(
    members: Sequence[Member],
    order: Iterable[int],
    replicates: NDArray[np.int_],
    manifest: Manifest,
    objective: Objective,
) -> list[Trial]:
    """Return the finished trials of a sweep that meets these configurations in this order.

    Args:
        members: The population.
        order: Indices of ``members``: trial 0 first.
        replicates: Indices of the replicates that every trial is trained with.
        manifest: Of the sweep: how it prunes.
        objective: Of the question.
    """
    from ibsweep.sweep.scheduler import make_scheduler

    stopped: list[int] = []  # epochs at which trials were stopped
    scheduler = make_scheduler(
        manifest.pruner,
        objective.valid,
        objective.mode,
        on_prune=lambda _, epoch: stopped.append(epoch),
    )
    trials = []
    for number, index in enumerate(order):
        member = members[index]
        baseline = member.origin == "baseline"
        trial = SimpleNamespace(
            trial_id=str(number), config={"plan": {"trial": number}, "never_prune": baseline}
        )
        ends = member.diverged_epoch[replicates]
        # the epochs after which every replicate has diverged
        dead = int(ends.max()) if (ends > 0).all() else None
        stopped.clear()
        rungs: list[tuple[int, float]] = []
        scheduler.on_trial_add(None, trial)
        for epoch, values in zip(member.epochs, member.valid[:, replicates].mean(1), strict=True):
            failed = dead is not None and dead <= epoch
            rungs.append((epoch, float(values)))
            result = {"epoch": epoch, objective.valid: float(values)}
            # the result that ends a trial of itself comes with its completion alone
            if not failed and epoch != member.epochs[-1]:
                scheduler.on_trial_result(None, trial, result)
            if failed or stopped:
                break
        scheduler.on_trial_complete(None, trial, result)
        state = TrialState.PRUNED if stopped else TrialState.COMPLETE
        trials.append(
            Trial(
                trial=number,
                origin=member.origin,
                state=TrialState.FAIL if failed else state,
                config=member.config,
                epochs=rungs[-1][0],
                valid=None if failed else _figures(member, replicates, rungs[-1][1], objective),
                rungs=tuple(rungs),
                replicates=(),
                seconds=member.seconds,
                device="cpu",
                node="",
            )
        )
    return trials


def _figures(
    member: Member, replicates: NDArray[np.int_], value: float, objective: Objective
) -> dict[str, float | None]:
    loss = float(member.valid_loss[replicates].mean())
    return {objective.metric: value, "loss": loss if np.isfinite(loss) else None}
