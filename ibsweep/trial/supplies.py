"""What a worker is supplied with besides its plan: arrays of the data, and the user's own code."""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ibsweep.data import attach
from ibsweep.errors import InputError
from ibsweep.own_directory import make_own_directory, remove_abandoned
from ibsweep.trial.plan import TrialPlan
from ibsweep.user_code import verify

__all__ = ["supplied"]

_PREFIX = "ibsweep-code-"


def supplied(plan: TrialPlan, data: Mapping[str, NDArray[Any]] | None) -> TrialPlan:
    """Return a plan that can be trained in this process.

    Args:
        plan: A plan, which may come from another machine.
        data: The arrays of its data, perhaps read-only; None where these are generated.
    """
    if data is not None:
        attach(plan.data, data)
    own = plan.own
    if own is None:
        return plan
    if "sources" in own:
        try:
            verify(own["code"], plan.folder)
        except InputError:  # another machine, on which the folder is not, or is another one
            own = {**own, "folder": str(_written(own["sources"]))}
    return dataclasses.replace(plan, own=own)


def _written(sources: Mapping[str, str]) -> Path:
    """Return a folder of this machine with code in it, the same one for the same code."""
    return _folder_of(tuple(sorted(sources.items())))


@lru_cache
def _folder_of(sources: tuple[tuple[str, str], ...]) -> Path:
    # A directory of this process alone: nobody else may have put code into it.
    base = tempfile.gettempdir()
    remove_abandoned(base, _PREFIX)  # of workers that were killed
    folder, _ = make_own_directory(base, _PREFIX)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path, text in sources:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
