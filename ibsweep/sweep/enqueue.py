"""Configurations that a user wants tried first, from files or from Python, checked.

A configuration may leave hyperparameters out: the sampler adds them, as with Optuna's
``enqueue_trial``. Anything else that is no point of the search space is refused.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, InputError, fault_lines, format_value
from ibsweep.questions.conditions import condition_text, is_complete, requirements, states
from ibsweep.questions.points import canonical_config
from ibsweep.questions.space import same_value
from ibsweep.questions.space_faults import config_faults
from ibsweep.sweep.enqueue_files import Placed, read_configs

if TYPE_CHECKING:
    from ibsweep.questions.schema import Arm, Question
    from ibsweep.results.manifest import Manifest

__all__ = ["check_trainable", "enqueued_configs"]


def enqueued_configs(
    given: Sequence[Mapping[str, Any] | str | os.PathLike[str]],
    arm: Arm,
    arms: Collection[str] = (),
) -> tuple[dict[str, Any], ...]:
    """Return configurations as an arm's space writes them, for ``Manifest.enqueued``.

    Those that stand twice, or are the baseline, are left out: they are trained once.

    Args:
        given: Configurations, and files with some, as ``read_configs`` reads them.
        arm: The arm.
        arms: Names of all that are tuned.

    Raises:
        InputError: If a file cannot be read, with a line for each value that is wrong.
    """
    found: list[dict[str, Any]] = []
    baseline = canonical_config(arm.space, arm.baseline or {})
    for number, one in enumerate(given):
        if isinstance(one, Mapping):
            placed: Iterator[Placed] = iter([((number,), one)])
            where = "enqueue"
        else:
            placed, where = read_configs(Path(one), arm, arms), str(one)
        if len(arms) > 1:
            where += f", for {arm.name}"
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
