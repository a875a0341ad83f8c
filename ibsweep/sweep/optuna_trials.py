"""A sweep's trials as Optuna has them: asked for, running, and finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from ibsweep.questions.conditions import is_active
from ibsweep.questions.space import CategoricalSpec, FloatSpec, IntSpec, Spec
from ibsweep.results.records import Proposal, Trial, TrialState

__all__ = ["frozen_trial", "running_trial", "suggest"]


def suggest(trial: optuna.Trial, space: Mapping[str, Spec]) -> dict[str, Any]:
    """Ask a trial for a value of each hyperparameter that is active with those before it.

    Args:
        trial: A trial of Optuna's.
        space: Specs by hyperparameter.
    """
    config: dict[str, Any] = {}
    for name, spec in space.items():
        if not is_active(spec, config):
            continue
        match spec:
            case FloatSpec():
                config[name] = trial.suggest_float(
                    name, spec.low, spec.high, log=spec.log, step=spec.step
                )
            case IntSpec():
                config[name] = trial.suggest_int(
                    name, spec.low, spec.high, log=spec.log, step=spec.step
                )
            case CategoricalSpec():
                config[name] = trial.suggest_categorical(name, spec.choices)
    return config


def _values(row: Trial, columns: Sequence[str]) -> list[float]:
    """Return the figures of a complete trial, which has all of them."""
    return [value for column in columns if (value := row.figure(column)) is not None]


def running_trial(
    proposal: Proposal, distributions: Mapping[str, BaseDistribution], noted: Mapping[str, Any]
) -> optuna.trial.FrozenTrial:
    """Return a proposal as a trial that runs.

    Args:
        proposal: The proposal.
        distributions: Of the search space.
        noted: What the sampler has noted of it.
    """
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=dict(proposal.config),
        distributions={name: distributions[name] for name in proposal.config},
        system_attrs=dict(noted),
    )


def frozen_trial(
    row: Trial, columns: Sequence[str], distributions: Mapping[str, BaseDistribution]
) -> optuna.trial.FrozenTrial:
    """Return a finished trial.

    Args:
        row: Its record.
        columns: The figure of each objective.
        distributions: Of the search space.
    """
    several, values = len(columns) > 1, None
    if row.state == TrialState.COMPLETE:
        values = _values(row, columns)
    elif row.state == TrialState.PRUNED and not several:
        values = [row.rungs[-1][1]]
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[row.state.value],
        values=values,
        params=dict(row.config),
        distributions={name: distributions[name] for name in row.config},
        # of several objectives Optuna takes none, and TPE ends where it finds some
        intermediate_values={} if several else dict(row.rungs),
        user_attrs={
            "trial": row.trial,
            "origin": row.origin,
            **({"reason": row.reason} if row.reason else {}),
        },
    )
