"""From a manifest to what a worker trains: plans, and the data and code that go with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.cluster.pool import share
from ibsweep.data import open_dataset
from ibsweep.errors import InputError
from ibsweep.models.settings import resolve
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.records import Manifest
from ibsweep.trial.plan import TrialPlan
from ibsweep.user_code import verify

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["own_code", "settings_of", "share_data", "trial_plan"]


def settings_of(
    arm: Arm, config: Mapping[str, Any], model: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a configuration's complete settings.

    Args:
        arm: The arm.
        config: A value for each hyperparameter of its space.
        model: What the manifest keeps of a model of the user's own.
    """
    if arm.train:
        return {**arm.fixed, **config}  # what the function makes of the rest is its own affair
    return resolve(arm.model, arm.fixed, config, model)


def own_code(
    folder: str | None,
    code: Mapping[str, str],
    model: Mapping[str, Any] | None,
    *,
    elsewhere: bool = False,
) -> dict[str, Any] | None:
    """Return the ``own`` part of a plan, None where a question needs nothing of the user's.

    Args:
        folder: The folder of the question's file.
        code: sha256 by path of the user's code.
        model: What the manifest keeps of a model of the user's own.
        elsewhere: Whether workers may be on other machines: the code goes along then.
    """
    if folder is None and not code:
        return None
    own: dict[str, Any] = {"folder": folder, "code": dict(code), "model": model}
    own["fused"] = model.get("fused") if model else None
    if elsewhere and folder is not None:
        files = [name for name in code if name.endswith(".py")]
        own["sources"] = {name: Path(folder, name).read_text("utf-8") for name in files}
    return own


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
        own=own_code(
            manifest.folder, manifest.code, manifest.model, elsewhere=manifest.address is not None
        ),
    )


def share_data(manifest: Manifest, question: Question) -> ObjectRef | None:
    """Load a sweep's data, make sure that they are what they were, and share them with workers.

    Args:
        manifest: The sweep's manifest.
        question: Its question.

    Returns:
        Where workers find the arrays; None where data are generated.

    Raises:
        InputError: If the data or code of the user's own have changed or are missing, with both
            sha256s and what can be done.
    """
    folder = None if manifest.folder is None else Path(manifest.folder)
    advice = (
        "put back what the sweep began with to resume it, or tune anew: what it has found stays "
        f"in its directory, {manifest.name}"
    )
    try:
        verify(manifest.code, folder)
    except InputError as error:
        raise InputError(f"{error}\n{advice}") from None
    dataset = open_dataset(question.data, folder)
    if manifest.data is not None:
        before, now = manifest.data["fingerprint"], dataset.fingerprint()
        if before != now:
            raise InputError(
                f"the data of {question.data['from']} have changed: their sha256 was {before} and "
                f"is {now}\n{advice}"
            )
    arrays = dataset.arrays()
    return None if arrays is None else share(arrays)
