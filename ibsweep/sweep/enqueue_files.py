"""Files with configurations to be tried first: YAML, JSON, CSV, and what a sweep found best."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ibsweep.errors import InputError, format_value, suggestion
from ibsweep.questions.space import contains
from ibsweep.questions.yaml_file import read_document, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from ibsweep.questions.schema import Arm

__all__ = ["Placed", "read_configs"]

Placed = tuple[tuple[str | int, ...], Any]
"""A configuration, or what stands in its place, after the place in its file."""

_PREFIX = "config_"
"""Begins the hyperparameters' columns of ``Results.trials``."""


def read_configs(path: Path, arm: Arm, arms: Collection[str]) -> Iterator[Placed]:
    """Yield what a file holds for an arm.

    Args:
        path: A YAML or JSON list of configurations, a mapping with such a list for each of several
            arms, a sweep's ``best.yaml``, or CSV with a column for each hyperparameter.
        arm: The arm.
        arms: Names of all that are tuned.

    Raises:
        InputError: If it cannot be read, or holds something else.
    """
    if path.suffix.lower() == ".csv":
        yield from _read_csv(path, arm)
        return
    document = _read_json(path) if path.suffix.lower() == ".json" else read_document(path)
    place: tuple[str | int, ...] = ()
    if isinstance(document, Mapping) and isinstance(document.get("config"), Mapping):  # best.yaml
        if document.get("arm") == arm.name or document.get("arm") not in arms:
            yield ("config",), document["config"]
        return
    if isinstance(document, Mapping) and document:
        known = {*arms, arm.name}
        for name in document:
            if name not in known:
                raise InputError(
                    f"{path}: must hold a list of configurations, or a mapping with a list for "
                    f"each arm, but {format_value(name)} is none that is tuned; "
                    f"{suggestion(str(name), known)}"
                )
        if arm.name not in document:
            return
        place, document = (arm.name,), document[arm.name]
    if not isinstance(document, list) or not document:
        raise InputError(
            f"{path}: must hold a list of configurations, but got {format_value(document)}"
        )
    for number, config in enumerate(document):
        yield (*place, number), config


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {error}") from None


def _read_csv(path: Path, arm: Arm) -> Iterator[Placed]:
    """Yield the rows; empty cells are values that are left out."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path)), strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: is not CSV: {error}") from None
    if not rows:
        raise InputError(f"{path}: must have a line of names and one of values or more")
    exported = any(str(name).startswith(_PREFIX) for name in rows[0])
    for number, row in enumerate(rows):
        if None in row or None in row.values():
            raise InputError(f"{path}: line {number + 2} has more or fewer cells than names")
        cells = {
            name.removeprefix(_PREFIX): text.strip()
            for name, text in row.items()
            if name.startswith(_PREFIX) or not exported
        }
        yield (
            (number,),
            {name: _value(arm, name, text) for name, text in cells.items() if text},
        )


def _value(arm: Arm, name: str, text: str) -> Any:
    """Return what a cell holds: a number, true or false, unless a choice is that very text."""
    spec = arm.space.get(name)
    if spec is not None and contains(spec, text):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # what was an integer is written as 10.0 where another row of the column has none
        whole = isinstance(value, float) and value.is_integer()
        return int(value) if whole and spec is not None and spec.type != "float" else value
    return text
