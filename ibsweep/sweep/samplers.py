"""Optuna's samplers as a sweep uses them: with the arguments of its manifest, seeded by proposal.

What a sampler draws must follow from the records alone, so that a resumed sweep goes on as it
would have. So most samplers are made anew for every draw, with a seed of their own for each.
Some remember more than trials say: the generations of an evolution, and whatever a sampler of the
user's own keeps. Those are made once, and when a sweep is resumed asked again in the order in
which they were asked.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from ibsweep.errors import InputError
from ibsweep.sweep.sampler_choice import SAMPLERS, required_arguments

__all__ = ["make_sampler", "remembers"]

_OWN_ARGUMENTS = {"tpe": {"n_observed_trials"}, "grid": {"points"}}
"""Those that are not Optuna's."""

_REDRAWN = 2**14
"""How far from the point of a proposal in a sequence its second draw lies."""


class _TreeSampler(optuna.samplers.TPESampler):
    """Optuna's, but it need not compare all trials' distributions to know what is searched."""

    def __init__(self, distributions: Mapping[str, BaseDistribution], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._known = None
        if arguments.get("multivariate") and not arguments.get("group"):
            self._known = _searched(distributions)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return what is drawn together."""
        if self._known is None:
            return super().infer_relative_search_space(study, trial)
        return self._known


class _SequenceSampler(optuna.samplers.QMCSampler):
    """Optuna's, but a proposal's number says which point of the sequence it is."""

    def __init__(
        self, point: int, distributions: Mapping[str, BaseDistribution], **arguments: Any
    ) -> None:
        super().__init__(warn_independent_sampling=False, **arguments)
        self._point, self._known = point, _searched(distributions)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all that is searched: Optuna's leaves out the first point."""
        return self._known

    def _find_sample_id(
        self, study: optuna.Study, search_space: dict[str, BaseDistribution]
    ) -> int:
        return self._point


_CLASSES = {
    "tpe": _TreeSampler,
    "random": optuna.samplers.RandomSampler,
    # completes what is given in part: the grid brings its own points
    "grid": optuna.samplers.RandomSampler,
    "gp": optuna.samplers.GPSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
}


def _searched(distributions: Mapping[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    """Return those that have more than one value, in the order that Optuna has them in."""
    return {name: one for name, one in sorted(distributions.items()) if not one.single()}


def remembers(name: str) -> bool:
    """Tell whether a sampler remembers more than the records say."""
    return name in ("cmaes", "nsga2") or name not in SAMPLERS


def make_sampler(
    pinned: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    seed: int,
    number: int = 0,
    draw: int = 0,
) -> optuna.samplers.BaseSampler:
    """Return a sampler as a manifest has it.

    Args:
        pinned: Its name and arguments.
        distributions: Of the search space.
        seed: The sweep's.
        number: Of the proposal that it is made for.
        draw: How many draws of that proposal were passed over.

    Raises:
        InputError: If it is the user's own, and there is none of that name or it does not take
            its arguments.
    """
    name = pinned["name"]
    entropy = int(np.random.SeedSequence([seed, number, draw]).generate_state(1)[0])
    with warnings.catch_warnings():
        # some arguments are marked experimental; they are pinned and recorded here
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name not in SAMPLERS:
            return _own_sampler(pinned, seed)
        taken = SAMPLERS[name].keys() - _OWN_ARGUMENTS.get(name, set())
        arguments = {key: pinned[key] for key in taken if key in pinned}
        if name == "qmc":
            point = number + draw * _REDRAWN
            return _SequenceSampler(point, distributions, seed=seed, **arguments)
        if name == "tpe":
            arguments["distributions"] = distributions
        try:
            made: optuna.samplers.BaseSampler = _CLASSES[name](seed=entropy, **arguments)
        except ValueError as error:  # arguments that do not go together
            raise InputError(f"`--sampler {name}`: {error}") from error
    return made


def _own_sampler(pinned: Mapping[str, Any], seed: int) -> optuna.samplers.BaseSampler:
    from ibsweep.user_code import load

    name, folder = pinned["name"], pinned["folder"]
    found = load(name, None if folder is None else Path(folder))
    base = optuna.samplers.BaseSampler
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(
            f"`--sampler {name}` must be a class that derives from optuna.samplers.BaseSampler, "
            f"but is {found.__name__ if isinstance(found, type) else type(found).__name__}"
        )
    arguments = required_arguments(name, found, pinned["arguments"], seed)
    try:
        return found(**arguments)
    except Exception as error:
        kind = type(error).__name__
        raise InputError(f"`--sampler {name}` cannot be made: {kind}: {error}") from error
