"""From a manifest to what a worker trains: plans, and the data that go with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ibsweep.cluster.pool import share
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.manifest import Manifest
from ibsweep.sweep.own import folder_of, load_data, own_code, settings_of
from ibsweep.trial.plan import TrialPlan

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["share_data", "trial_plan"]


def trial_plan(
    manifest: Manifest,
    question: Question,
    arm: Arm,
    *,
    trial: int,
    config: Mapping[str, Any],
    train_size: int,
    seeds: Sequence[int],
    rungs: Sequence[int] = (),
    every_epoch: bool = False,
) -> TrialPlan:
    """Return what a worker needs to train a configuration of a sweep."""
    return TrialPlan(
        trial=trial,
        model=arm.model,
        train=arm.train,
        data=question.data,
        train_size=train_size,
        settings=settings_of(arm, config, manifest.model),
        seeds=tuple(seeds),
        rungs=tuple(rungs),
        every_epoch=every_epoch,
        metrics=question.metric_keys,
        own=own_code(manifest.folder, manifest.code, manifest.model),
    )


def share_data(manifest: Manifest, question: Question) -> ObjectRef | None:
    """Load a sweep's data, in this process too, and share them with workers.

    Args:
        manifest: The sweep's manifest.
        question: Its question.

    Returns:
        Where workers find the arrays; None where data are generated.
    """
    arrays = load_data(question, folder_of(manifest))
    return None if arrays is None else share(arrays)
