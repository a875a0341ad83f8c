"""Which sampler searches and with which arguments: as the user writes it, and as it is recorded.

Written it is a name, or a class of the user's own or of a package, and then the arguments that
are not to have their defaults: ``tpe:n_startup_trials=20,multivariate=false``,
``my_sampler.py:MySampler:width=3``. Free of Optuna.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ibsweep.errors import InputError, format_value, suggestion
from ibsweep.user_code import is_reference, verify

__all__ = [
    "SAMPLERS",
    "SamplerChoice",
    "check_sampler_code",
    "parse_sampler",
    "required_arguments",
    "sampler_words",
]

SAMPLERS: Mapping[str, Mapping[str, Any]] = {
    "tpe": {
        "n_startup_trials": 10,
        "n_ei_candidates": 24,
        "multivariate": True,
        "group": False,
        "constant_liar": True,
        "n_observed_trials": 1000,
    },
    "random": {},
    "grid": {"points": 3},
    "gp": {"n_startup_trials": 10, "deterministic_objective": False},
    "cmaes": {
        "n_startup_trials": 10,
        "popsize": None,
        "consider_pruned_trials": False,
        "use_separable_cma": False,
        "with_margin": False,
        "lr_adapt": False,
    },
    "nsga2": {"population_size": 20, "crossover_prob": 0.9, "swapping_prob": 0.5},
    "qmc": {"qmc_type": "sobol", "scramble": True},
}
"""Samplers with every argument that shapes the search: Optuna's own defaults have changed.

``n_observed_trials`` is ours: of more finished trials TPE looks at a tenth as many that are best,
and at the most recent others.
"""

_LEAST = {
    "points": 2,
    "popsize": 3,
    "population_size": 2,
    "n_startup_trials": 0,
    "n_observed_trials": 100,
}
"""Smallest values of those integers that begin elsewhere than at 1."""

_CHOICES = {"qmc_type": ("sobol", "halton")}


@dataclass(frozen=True)
class SamplerChoice:
    """A sampler as the user has asked for it.

    Attributes:
        name: Key of ``SAMPLERS``, or ``package.module:Class``, or ``file.py:Class``.
        given: The arguments that were given.
        folder: Where the file lies; None where there is none.
    """

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    def pinned(self, seed: int) -> dict[str, Any]:
        """Return what the manifest keeps of it, but for its code: name, seed, every argument."""
        found: dict[str, Any] = {"name": self.name, "seed": seed}
        if self.is_own:
            folder = None if self.folder is None else str(self.folder)
            return found | {"folder": folder, "arguments": dict(self.given)}
        return found | {**SAMPLERS[self.name], **self.given}

    @property
    def is_own(self) -> bool:
        """Whether it is none of ``SAMPLERS``."""
        return self.name not in SAMPLERS


def sampler_words() -> str:
    """Return how a sampler is asked for, for help."""
    return (
        f"One of {', '.join(SAMPLERS)}, or package.module:Class or file.py:Class of an Optuna "
        "sampler; arguments follow, as in tpe:n_startup_trials=20,multivariate=false."
    )


def parse_sampler(text: str) -> SamplerChoice:
    """Return the sampler that a text asks for; nothing is imported.

    Args:
        text: Such as ``tpe`` or ``tpe:n_startup_trials=20``.

    Raises:
        InputError: With a line for everything that is wrong in it.

    Example:
        >>> parse_sampler("tpe:n_startup_trials=20,multivariate=false").given
        {'n_startup_trials': 20, 'multivariate': False}
    """
    if not isinstance(text, str):
        raise InputError(f"`sampler` must be a text such as 'tpe', but got {format_value(text)}")
    name, _, rest = text.partition(":")
    if name in SAMPLERS:
        given = _arguments(name, rest)
        faults = [fault for key, value in given.items() if (fault := _fault(name, key, value))]
        if faults:
            raise InputError("\n".join(faults))
        return SamplerChoice(name, given)
    class_name, _, rest = rest.partition(":")
    path = Path(name).expanduser()
    reference = f"{path.name if name.endswith('.py') else name}:{class_name}"
    if "=" in class_name or not is_reference(reference):
        raise InputError(f"no sampler {format_value(text)}: {suggestion(name, SAMPLERS)}")
    folder = Path.cwd().joinpath(path).resolve().parent if name.endswith(".py") else None
    return SamplerChoice(reference, _arguments(reference, rest), folder)


def check_sampler_code(pinned: Mapping[str, Any]) -> None:
    """Make sure that a sampler's code is what it was when its sweep began.

    Args:
        pinned: What the manifest keeps of it.

    Raises:
        ChangedCodeError: With both sha256s of what has changed.
    """
    folder = pinned.get("folder")
    verify(pinned.get("code", {}), None if folder is None else Path(folder))


def required_arguments(
    name: str, made: type, given: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Return the arguments for a class of the user's own: those given, and the seed if it has one.

    Args:
        name: Its reference.
        made: The class.
        given: The arguments that were given.
        seed: The seed.

    Raises:
        InputError: With a line for each that it does not take or that is missing.
    """
    try:
        taken = inspect.signature(made).parameters
    except ValueError:  # written in C
        return dict(given)
    kinds = {one.kind for one in taken.values()}
    faults = []
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        faults += [_unknown(name, key, list(taken)) for key in given if key not in taken]
    arguments = {"seed": seed, **given} if "seed" in taken else dict(given)
    faults += [
        f"`--sampler {name}` needs {key}: give it, as {name}:{key}=VALUE"
        for key, one in taken.items()
        if one.default is one.empty
        and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        and key not in arguments
    ]
    if faults:
        raise InputError("\n".join(faults))
    return arguments


def _arguments(name: str, text: str) -> dict[str, Any]:
    """Read ``a=1,b=false``."""
    found: dict[str, Any] = {}
    for part in text.split(",") if text else ():
        key, equals, value = part.partition("=")
        if not (key.isidentifier() and equals and value):
            raise InputError(
                f"`--sampler {name}` takes arguments as {name}:NAME=VALUE,NAME=VALUE, but got "
                f"{format_value(part)}"
            )
        if key in found:
            raise InputError(f"`--sampler {name}` is given {key} twice; leave one out")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() in ("none", "null"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) else text


def _fault(name: str, key: str, value: Any) -> str | None:
    """Return what is wrong with an argument of one of Optuna's samplers."""
    if key not in SAMPLERS[name]:
        return _unknown(name, key, list(SAMPLERS[name]))
    default = SAMPLERS[name][key]
    least = _LEAST.get(key, 1)
    if key in _CHOICES:
        right, rule = value in _CHOICES[key], " or ".join(_CHOICES[key])
    elif isinstance(default, bool):
        right, rule = isinstance(value, bool), "true or false"
    elif isinstance(default, float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        right, rule = number and 0 <= value <= 1, "a number from 0 to 1"
    else:
        right = type(value) is int and least <= value <= 10**6
        right = right or (value is None and default is None)
        rule = f"an integer of at least {least}" + (" or none" if default is None else "")
    if right:
        return None
    return f"`--sampler {name}`: {key} must be {rule}, but got {format_value(value)}"


def _unknown(name: str, key: str, known: Sequence[str]) -> str:
    tail = suggestion(key, known) if known else "it takes none"
    return f"`--sampler {name}` has no argument {key!r}: {tail}"
