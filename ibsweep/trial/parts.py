"""How many replicates of a configuration are trained together, and in how many parts.

In torch's operations a second lane is nearly free, a fifth no longer; a GPU takes many more. The
compiled kernels train lane after lane: there a lane alone costs what it costs in company, and
replicates may be shared out over as many cores as are free.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ibsweep.data import open_dataset
from ibsweep.models import MODELS, backend
from ibsweep.models.settings import split_settings
from ibsweep.trial.plan import TrialPlan

__all__ = ["in_parts", "kernels_fault", "lane_parts"]

_MIN_LANES_TORCH = 4
"""Lanes from which on another one costs the same again in torch's operations on a CPU."""

_MAX_LANES_CPU, _MAX_LANES_GPU = 10, 64
"""Lanes of a part: what is lost with a worker, and what a GPU's memory surely holds."""

_OWN_LANES_CPU = 8
"""Lanes of a part of the user's own module: how many are free must not change its figures."""

_PARTS_A_WORKER = 3
"""Parts for every worker, over all that is to be trained: workers then end at about one time."""


def lane_parts(
    seeds: Sequence[int],
    model: str,
    options: Mapping[str, Any],
    *,
    work_fraction: float,
    workers: int,
    gpu: bool,
) -> list[tuple[int, ...]]:
    """Split the replicates of a configuration into parts, each trained as one model's lanes.

    Args:
        seeds: The replicates' seeds.
        model: Name of the model, or reference of one of the user's own.
        options: Its options.
        work_fraction: The configuration's share of all that is to be trained, 0 to 1.
        workers: Parts that can be trained at the same time.
        gpu: Whether they are trained on a GPU.

    Returns:
        The parts, in order, nearly equal: a lane that is left over alone may cost the most.
    """
    if not seeds:
        return []
    if model not in MODELS:
        # Rounding depends on the company there: the parts follow from the plan alone.
        least, most = len(seeds), _MAX_LANES_GPU if gpu else _OWN_LANES_CPU
    elif gpu:
        least, most = len(seeds), _MAX_LANES_GPU
    else:
        least, most = (1 if _runs_in_kernels(model, options) else _MIN_LANES_TORCH), _MAX_LANES_CPU
    wanted = math.ceil(work_fraction * workers * _PARTS_A_WORKER)
    count = max(-(-len(seeds) // most), min(wanted, len(seeds) // least))
    bounds = [len(seeds) * i // count for i in range(count + 1)]
    return [tuple(seeds[a:b]) for a, b in itertools.pairwise(bounds)]


def _runs_in_kernels(model: str, options: Mapping[str, Any]) -> bool:
    """Whether the compiled kernels train a model on this machine's CPU."""
    return backend.available() and _suits_kernels(model, options)


def _suits_kernels(model: str, options: Mapping[str, Any]) -> bool:
    entry = MODELS.get(model)
    return entry is not None and entry.suits_kernels(entry.with_defaults(options))


def kernels_fault(plan: TrialPlan, *, gpu: bool) -> str | None:
    """Return why the compiled kernels do not train a plan here.

    Args:
        plan: What is trained.
        gpu: Whether it is trained on a GPU.

    Returns:
        One line where Numba failed in this process; None where it did not, or is not needed.
    """
    if plan.train is not None:
        return None
    _, options = split_settings(plan.settings)
    wanted = not gpu and _suits_kernels(plan.model, options)
    return backend.fault() if wanted else None


def in_parts(plan: TrialPlan, *, work_fraction: float, workers: int, gpu: bool) -> list[TrialPlan]:
    """Split a plan's replicates, so that several workers can train them.

    Args:
        plan: What to train.
        work_fraction: Its share of all that is to be trained, 0 to 1.
        workers: Trials that can be trained at the same time.
        gpu: Whether they are trained on a GPU.

    Raises:
        InputError: If the model cannot be made for the question's examples.
    """
    if plan.train is not None:  # its replicates train one after another: each is a part
        return [replace(plan, seeds=(seed,)) for seed in plan.seeds]
    _, options = split_settings(plan.settings)
    if entry := MODELS.get(plan.model):
        dataset = open_dataset(plan.data)
        entry.check(entry.with_defaults(options), dataset.example_shape)
    parts = lane_parts(
        plan.seeds, plan.model, options, work_fraction=work_fraction, workers=workers, gpu=gpu
    )
    return [replace(plan, seeds=part) for part in parts]
