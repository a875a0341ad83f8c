"""What a proposer has before its sampler begins: observations, and configurations to try first."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import optuna

from ibsweep.questions.points import has_all

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from ibsweep.results.manifest import Manifest
    from ibsweep.results.records import Proposal

__all__ = ["First", "first_configs", "observed_trials"]


class First(NamedTuple):
    """A configuration to try first, or a part of one, which the sampler completes.

    Attributes:
        origin: ``"enqueued"`` or ``"earlier"``.
        config: Values by hyperparameter.
    """

    origin: str
    config: Mapping[str, Any]


def first_configs(manifest: Manifest, proposals: Sequence[Proposal]) -> deque[First]:
    """Return what of a sweep's first configurations is not proposed yet, in order.

    Args:
        manifest: The sweep's.
        proposals: What was proposed already.
    """
    wanted = [First("enqueued", config) for config in manifest.enqueued]
    wanted += [First("earlier", config) for one in manifest.earlier for config in one["configs"]]
    tried = [row for row in proposals if row.origin in ("enqueued", "earlier")]
    left: deque[First] = deque()
    for one in wanted:
        same = (row for row in tried if row.origin == one.origin)
        found = next((row for row in same if has_all(row.config, one.config)), None)
        if found is None:
            left.append(one)
        else:
            tried.remove(found)
    return left


def observed_trials(
    manifest: Manifest, distributions: Mapping[str, BaseDistribution]
) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of earlier sweeps that a sampler is to know, as a study has them."""
    return [
        optuna.trial.create_trial(
            state=optuna.trial.TrialState[one["state"]],
            # of several objectives Optuna takes figures of complete trials alone
            values=one["values"] if _takes_figures(one) else None,
            params=dict(one["config"]),
            distributions={name: distributions[name] for name in one["config"]},
            intermediate_values=(
                {one["epoch"]: one["values"][0]} if len(one["values"]) == 1 else {}
            ),
            user_attrs={"origin": "earlier", "sweep": earlier["sweep"]},
        )
        for earlier in manifest.earlier
        for one in earlier.get("observations") or ()
    ]


def _takes_figures(observation: Mapping[str, Any]) -> bool:
    return len(observation["values"]) == 1 or observation["state"] == "COMPLETE"
