"""What an earlier sweep found, as the first configurations of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ibsweep.errors import InputError
from ibsweep.questions.points import canonical
from ibsweep.questions.schema import Arm
from ibsweep.questions.space import contains
from ibsweep.results.records import TrialState
from ibsweep.results.sweeps import find_sweep

__all__ = ["best_of_earlier"]

_COUNT = 5
"""Configurations that are taken over; the sampler goes on from what becomes of them."""


def best_of_earlier(results: Path, sweep: str, arm: Arm) -> dict[str, Any]:
    """Return the best configurations of an earlier sweep, for ``Manifest.earlier``.

    Of a configuration those values are taken over that the arm's space can give; the sampler adds
    the others.

    Args:
        results: Where the sweep is stored.
        sweep: Its name.
        arm: The arm that is to be tuned.

    Raises:
        InputError: If there is no such sweep, it has finished no trial, or nothing of it fits.
    """
    store = find_sweep(results, sweep)
    from ibsweep.analysis.check import check_sweep  # SciPy: not where there is no such sweep

    checked = check_sweep(store)
    checked.require_sound()
    objective = checked.question.objective
    finished = [row for row in checked.trials if row.state == TrialState.COMPLETE]
    if not finished:
        raise InputError(f"sweep {sweep!r} has completed no trial to start from")
    configs: list[dict[str, Any]] = []
    for row in sorted(finished, key=objective.rank):
        config = {
            name: canonical(spec, row.config[name])
            for name, spec in arm.space.items()
            if name in row.config and contains(spec, row.config[name])
        }
        if config and config not in configs:
            configs.append(config)
    if not configs:
        raise InputError(f"nothing that sweep {sweep!r} tried lies in the space of {arm.name}")
    return {"sweep": store.manifest.name, "configs": configs[:_COUNT]}
