"""What the user may choose about a sweep: defaults and checks; free of torch, Ray and Optuna."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ibsweep.errors import InputError, format_value, suggestion
from ibsweep.sweep.sampler_choice import SAMPLERS, parse_sampler
from ibsweep.user_code import code_files

__all__ = [
    "FIRST_SEED",
    "PRUNERS",
    "QUICK",
    "SweepOptions",
    "resource_faults",
    "sampler_arguments",
]

_ONE_OBJECTIVE = ("cmaes",)
"""Samplers that cannot search for several objectives."""

PRUNERS = ("asha", "median", "hyperband", "none")

FIRST_SEED = 10
"""The notebook's own: an arm's first sweep begins with it."""

QUICK: Mapping[str, int] = {
    "trials": 10,
    "replicates": 2,
    "confirm": 1,
    "choice_replicates": 4,
    "confirm_replicates": 8,
}
"""The preset for a look at all questions within minutes."""


def sampler_arguments(
    text: str, seed: int, *, conditional: bool = False, objectives: int = 1
) -> dict[str, Any]:
    """Return a sampler's pinned arguments, for the manifest.

    Args:
        text: The sampler, with arguments where these are not to have their defaults.
        seed: Its seed.
        conditional: Whether some hyperparameters are set with some configurations alone: TPE then
            models those together that are set together, unless it is asked not to.
        objectives: How many there are. Of several TPE models each hyperparameter by itself, as
            Optuna has it, where it does not model groups of them and is not asked otherwise.

    Raises:
        InputError: If it searches for one objective, and there are several; or if it is of the
            user's own and cannot be loaded or made.
    """
    choice = parse_sampler(text)
    if objectives > 1 and choice.name in _ONE_OBJECTIVE:
        able = ", ".join(other for other in SAMPLERS if other not in _ONE_OBJECTIVE)
        raise InputError(
            f"`--sampler {choice.name}` searches for one objective, and there are {objectives}: "
            f"{able} search for several"
        )
    found = choice.pinned(seed)
    if conditional and "group" in found and "group" not in choice.given:
        found["group"] = found["multivariate"]
    elif objectives > 1 and "multivariate" in found and "multivariate" not in choice.given:
        found["multivariate"] = found["group"]
    if choice.given or choice.is_own:
        from ibsweep.sweep.samplers import make_sampler  # Optuna

        make_sampler(found, {}, seed)  # it is wrong now or never
    if choice.is_own:
        found["code"] = code_files([choice.name], choice.folder)
    return found


def resource_faults(cpus: float, gpus: float) -> list[str]:
    """Return what is wrong with the CPUs and GPUs that a trial asks for.

    Args:
        cpus: CPUs of a trial.
        gpus: GPU share of a trial.
    """
    faults = []
    if not (cpus > 0 and math.isfinite(cpus)):
        faults.append(f"`--cpus-per-trial` must be above 0, and finite, but got {cpus:g}")
    if not (gpus >= 0 and math.isfinite(gpus)):
        faults.append(f"`--gpus-per-trial` must be 0 or more, and finite, but got {gpus:g}")
    for name, asked in (("cpus", cpus), ("gpus", gpus)):
        if math.isfinite(asked) and asked > 1 and asked != int(asked):
            faults.append(f"`--{name}-per-trial` must be whole above 1, but got {asked:g}")
    return faults


@dataclass(frozen=True)
class SweepOptions:
    """What the user may choose about a sweep; the defaults fit about five minutes on two cores.

    Attributes:
        trials: Configurations to train, the baseline among them.
        replicates: Replicates of every trial.
        confirm: Leading trials to confirm, besides the baseline.
        choice_replicates: Fresh replicates of each of these, which choose the best.
        confirm_replicates: Other fresh replicates of the best and of the baseline, which score.
        sampler: One of ``SAMPLERS``, or an Optuna sampler's ``package.module:Class`` or
            ``file.py:Class``; arguments follow, as in ``tpe:n_startup_trials=20``.
        pruner: One of ``PRUNERS``; None for ASHA, and for none where there are several objectives:
            to prune by the first would end what is cheap and little worse.
        seed: Seed of the first sweep's sampler and replicates; None for the notebook's, or the
            first one after it that no sweep of the arm has.
        sweeps: Sweeps of each arm, each of them with the next seed.
        time_budget: Seconds after which nothing new is proposed, or None.
        max_time: Seconds that all sweeps of the command may take, confirmation included, or None;
            they share it evenly, and nothing new is proposed where what is left is needed to
            confirm.
        budget: Model-epochs, epochs of a trial times its replicates, after which a sweep proposes
            nothing new, or None.
        patience: Finished trials without a better best after which a sweep proposes nothing new,
            or None.
        cpus_per_trial: CPUs, and threads, of a trial.
        gpus_per_trial: GPU share of a trial.
        address: Address of a Ray cluster, None for this machine alone.
        every_epoch: Validate after every epoch, for curves, and not at rungs alone.
        quick: Whether ``QUICK`` was asked for, so that verdicts can say so; it sets nothing.
        earlier: Names of sweeps to begin with what they found; one alone may be given as it is.
        enqueue: Configurations, or parts of some, to be tried first, and files with such.

    Raises:
        InputError: One line for each rule that does not hold.
    """

    trials: int = 50
    replicates: int = 4
    confirm: int = 3
    choice_replicates: int = 16
    confirm_replicates: int = 16
    sampler: str = "tpe"
    pruner: str | None = None
    seed: int | None = None
    sweeps: int = 1
    time_budget: float | None = None
    max_time: float | None = None
    budget: int | None = None
    patience: int | None = None
    cpus_per_trial: float = 1
    gpus_per_trial: float = 0
    address: str | None = None
    every_epoch: bool = False
    quick: bool = False
    earlier: Sequence[str] = ()
    enqueue: Sequence[Mapping[str, Any] | str | os.PathLike[str]] = ()

    def __post_init__(self) -> None:
        if isinstance(self.earlier, str):
            object.__setattr__(self, "earlier", (self.earlier,))
        if isinstance(self.enqueue, str | os.PathLike | Mapping):
            object.__setattr__(self, "enqueue", (self.enqueue,))
        faults = [
            f"`--{name.replace('_', '-')}` must be at least {least} and at most {most}, "
            f"but got {getattr(self, name)}"
            for name, least, most in (
                ("trials", 1, 1_000_000),
                ("replicates", 1, 1000),
                ("confirm", 1, 1000),
                ("choice_replicates", 1, 1000),
                ("confirm_replicates", 2, 1000),
                ("sweeps", 1, 1000),
                ("budget", 1, 10**15),
                ("patience", 1, 1_000_000),
            )
            if not least <= _or(getattr(self, name), least) <= most
        ]
        if self.seed is not None and not 0 <= self.seed <= 2**31 - max(1, self.sweeps):
            less = f" less {self.sweeps - 1} for the sweeps after it" if self.sweeps > 1 else ""
            faults.append(f"`--seed` must lie in 0 to 2147483647{less}, but got {self.seed}")
        for flag, seconds in (("time-budget", self.time_budget), ("max-time", self.max_time)):
            if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
                faults.append(f"`--{flag}` must be above 0, but got {seconds:g}")
        faults += resource_faults(self.cpus_per_trial, self.gpus_per_trial)
        try:
            parse_sampler(self.sampler)
        except InputError as error:
            faults += str(error).splitlines()
        if self.pruner is not None and self.pruner not in PRUNERS:
            faults.append(
                f"no pruner {format_value(self.pruner)}: {suggestion(self.pruner, PRUNERS)}"
            )
        if faults:
            raise InputError("\n".join(faults))


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
