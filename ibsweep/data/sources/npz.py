"""Arrays in an ``.npz`` file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ibsweep.data.faults import DataError
from ibsweep.data.pool import Loaded
from ibsweep.data.sources.files import data_file
from ibsweep.errors import Fault

__all__ = ["by_part", "load"]

_FORMS = "x and y, or train_x and train_y with valid_x, valid_y, test_x and test_y as there are"
_PARTS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}


def load(document: Mapping[str, Any], folder: Path | None) -> Loaded:
    """Load ``x`` and ``y``, or ``train_x``, ``train_y`` and so on, from an ``.npz`` file.

    Raises:
        DataError: There is no such file, or it holds other arrays.
    """
    path = data_file(document["from"], folder)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        text = f"{path} cannot be read as arrays of numbers or texts: {error}"
        raise DataError([Fault(("from",), text)]) from error
    return Loaded(by_part(arrays, str(path)))


def by_part(arrays: Mapping[str, Any], what: str) -> dict[str, tuple[Any, Any]]:
    """Return the inputs and targets of each part, from ``x`` and ``y`` or ``train_x`` and so on.

    Args:
        arrays: By name; ``x_train`` is as good as ``train_x``.
        what: What has them, for the message.

    Raises:
        DataError: There are others, or one of a pair is missing.
    """
    found: dict[str, dict[str, Any]] = {}
    wrong = []
    for name, array in arrays.items():
        words = name.lower().split("_")
        role = next((word for word in words if word in ("x", "y")), None)
        part = " ".join(word for word in words if word != role) or "train"
        if role is None or part not in _PARTS:
            wrong.append(name)
        else:
            found.setdefault(_PARTS[part], {})[role] = array
    if wrong or "train" not in found or any(len(pair) < 2 for pair in found.values()):
        text = f"{what} must have {_FORMS}, but has {', '.join(arrays) or 'nothing'}"
        raise DataError([Fault(("from",), text)])
    order = [part for part in ("train", "valid", "test") if part in found]
    return {part: (found[part]["x"], found[part]["y"]) for part in order}
