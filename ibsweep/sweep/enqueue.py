"""Configurations that a user wants tried first, from files or from Python, checked.

A configuration may leave hyperparameters out: the sampler adds them, as with Optuna's
``enqueue_trial``. Anything else that is no point of the search space is refused.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, InputError, fault_lines, format_value
from ibsweep.questions.conditions import condition_text, is_complete, requirements, states
from ibsweep.questions.points import canonical_config
from ibsweep.questions.space import contains, same_value
from ibsweep.questions.space_faults import config_faults
from ibsweep.questions.yaml_file import read_document, read_text

if TYPE_CHECKING:
    from ibsweep.questions.schema import Arm, Question
    from ibsweep.results.manifest import Manifest

__all__ = ["check_trainable", "enqueued_configs"]

_PREFIX = "config_"
"""Begins the hyperparameters' columns of ``Results.trials``."""


def enqueued_configs(
    given: Sequence[Mapping[str, Any] | str | os.PathLike[str]], arm: Arm
) -> tuple[dict[str, Any], ...]:
    """Return configurations as an arm's space writes them, for ``Manifest.enqueued``.

    Those that stand twice, or are the baseline, are left out: they are trained once.

    Args:
        given: Configurations, and files with some: a YAML or JSON list of mappings, a mapping
            with such a list for each arm, a sweep's ``best.yaml``, or CSV with a column for each
            hyperparameter.
        arm: The arm.

    Raises:
        InputError: If a file cannot be read, with a line for each value that is wrong.
    """
    found: list[dict[str, Any]] = []
    baseline = canonical_config(arm.space, arm.baseline or {})
    for number, one in enumerate(given):
        if isinstance(one, Mapping):
            placed: Iterator[tuple[tuple[str | int, ...], Any]] = iter([((number,), one)])
            where = "enqueue"
        else:
            placed, where = _read(Path(one), arm), str(one)
        faults: list[Fault] = []
        for path, config in placed:
            tuned = _without_fixed(config, arm) if isinstance(config, Mapping) else config
            wrong = list(_faults(tuned, arm, path))
            faults += wrong
            if not wrong and (known := canonical_config(arm.space, tuned)) not in found:
                found.append(known)
        if faults:
            raise InputError(fault_lines(faults, where))
    return tuple(config for config in found if config != baseline)


def check_trainable(manifest: Manifest, question: Question, arm: Arm) -> None:
    """Refuse configurations to be tried first that cannot be trained on a sweep's examples.

    Args:
        manifest: The sweep's, with these configurations.
        question: Its question.
        arm: Its arm.

    Raises:
        InputError: If there are some, with a line for each.
    """
    whole = [config for config in manifest.enqueued if is_complete(arm.space, config)]
    if not whole:
        return
    from ibsweep.analysis.summary import config_text
    from ibsweep.sweep.unfit import unfit_rule

    cannot = unfit_rule(manifest, question, arm)
    if cannot is not None and (unfit := [config for config in whole if cannot(config)]):
        raise InputError(
            "\n".join(
                f"enqueue: {config_text(config)}: {arm.model} cannot be made so for examples of "
                f"{arm.name}"
                for config in unfit
            )
        )


def _faults(config: Any, arm: Arm, path: tuple[str | int, ...]) -> Iterator[Fault]:
    if not isinstance(config, Mapping):
        text = f"must be a mapping of hyperparameters to values, but got {format_value(config)}"
        yield Fault(path, text)
    elif not config:
        yield Fault(path, "gives no value; give that of one hyperparameter or more")
    else:
        for fault in config_faults(arm.space, config, path):
            name = fault.path[-1]
            if name in arm.fixed:
                value = format_value(arm.fixed[str(name)])
                yield Fault(fault.path, f"is fixed to {value} in {arm.name}")
            elif name in config:
                yield fault
        active, needs = states(arm.space, config), requirements(arm.space)
        for name in config:
            if active.get(name, True) is None:  # the sampler could add what leaves it unset
                missing = ", ".join(f"`{one}`" for one in needs[name] if one not in config)
                text = f"is set only where {condition_text(needs[name])}; give {missing} as well"
                yield Fault((*path, name), text)


def _without_fixed(config: Mapping[str, Any], arm: Arm) -> dict[str, Any]:
    """Leave out what is as the arm has it fixed: complete settings are taken as well."""
    return {
        name: value
        for name, value in config.items()
        if not (name in arm.fixed and same_value(arm.fixed[name], value))
    }


def _read(path: Path, arm: Arm) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield what a file holds, each configuration with its place."""
    if path.suffix.lower() == ".csv":
        yield from _read_csv(path, arm)
        return
    document = _read_json(path) if path.suffix.lower() == ".json" else read_document(path)
    if isinstance(document, Mapping):
        if isinstance(document.get("config"), Mapping):  # best.yaml
            yield ("config",), document["config"]
            return
        if arm.name not in document:
            raise InputError(
                f"{path}: must hold a list of configurations, or a mapping with a list for "
                f"{arm.name}, but has {', '.join(map(format_value, list(document)[:5]))}"
            )
        place: tuple[str | int, ...] = (arm.name,)
        document = document[arm.name]
    else:
        place = ()
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


def _read_csv(path: Path, arm: Arm) -> Iterator[tuple[tuple[str | int, ...], Any]]:
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
