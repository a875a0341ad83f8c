"""A sweep's own code and data, on the driver: still what they were, and ready to train with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ibsweep.data import Dataset, attach, open_dataset
from ibsweep.data.faults import DataError
from ibsweep.errors import Fault, InputError
from ibsweep.models.settings import resolve
from ibsweep.questions.files import question_from_manifest
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.location import results_words
from ibsweep.results.manifest import Manifest
from ibsweep.results.store import SweepStore
from ibsweep.sweep.sampler_choice import check_sampler_code
from ibsweep.user_code import verify

__all__ = ["check_unchanged", "folder_of", "load_data", "own_code", "settings_of"]


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
) -> dict[str, Any] | None:
    """Return the ``own`` part of a plan, None where a question needs nothing of the user's.

    Args:
        folder: The folder of the question's file.
        code: sha256 by path of the user's code.
        model: What the manifest keeps of a model of the user's own.
    """
    if folder is None and not code:
        return None
    own: dict[str, Any] = {"folder": folder, "code": dict(code), "model": model}
    own["fused"] = model.get("fused") if model else None
    if folder is not None:  # workers may be on other machines
        files = [name for name in code if name.endswith(".py")]
        own["sources"] = {name: Path(folder, name).read_text("utf-8") for name in files}
    return own


def check_unchanged(store: SweepStore) -> None:
    """Make sure that a sweep's code and data are what they were, before anything of it runs.

    Raises:
        InputError: With both sha256s of what has changed, and what can be done.
    """
    manifest = store.manifest
    question = question_from_manifest(manifest.question, store.paths.manifest)
    try:
        check_sampler_code(manifest.sampler)
    except InputError as error:
        raise InputError(f"{error}\n{_advice(store, question)}") from None
    if manifest.data is None or (manifest.data["source"] == "edges" and not manifest.code):
        return
    try:
        verify(manifest.code, folder_of(manifest))
        now = _opened(question, manifest).fingerprint()
        before = manifest.data["fingerprint"]
        if now != before:
            raise InputError(
                f"the data of {question.data['from']} have changed: their sha256 was {before} and "
                f"is {now}"
            )
    except InputError as error:
        raise InputError(f"{error}\n{_advice(store, question)}") from None


def _opened(question: Question, manifest: Manifest) -> Dataset:
    try:
        return open_dataset(question.data, folder_of(manifest))
    except DataError as error:
        lines = (str(Fault(("data", *fault.path), fault.text)) for fault in error.faults)
        raise InputError("\n".join(lines)) from None


def _advice(store: SweepStore, question: Question) -> str:
    manifest = store.manifest
    advice = f"put back what {manifest.name} began with to go on with it"
    if manifest.question_file is None:
        return advice
    target = question.of_file(manifest.question_file).word(manifest.arm)
    words = shlex.join(["--from", manifest.name, *results_words(store.paths.root.parent)])
    return f"{advice}, or start anew from what it has found: `ibsweep tune {target} {words}`"


def load_data(question: Question, folder: Path | None) -> Mapping[str, Any] | None:
    """Load a question's data, so that this process can train on them.

    Args:
        question: The question.
        folder: The folder of its file.

    Returns:
        The arrays, for other processes; None where data are generated.
    """
    arrays = open_dataset(question.data, folder).arrays()
    attach(question.data, arrays)
    return arrays


def folder_of(manifest: Manifest) -> Path | None:
    """Return the folder of a sweep's question file."""
    return None if manifest.folder is None else Path(manifest.folder)
