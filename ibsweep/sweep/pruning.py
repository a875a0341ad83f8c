"""When trials are compared, and by which rule the weak ones are pruned; free of Ray."""

from __future__ import annotations

from typing import Any

__all__ = ["pruner_arguments", "rungs"]

_REDUCTION = 2
_RUNGS = 3
"""Half go on at an eighth, a quarter and half of the longest trial. A first comparison at a
twenty-seventh, with a third going on, ended long trials of low learning rates before they rose:
three CNN sweeps then found nothing better than the notebook's setting."""


def rungs(max_epochs: int) -> list[int]:
    """Return the epochs at which trials are compared: halves of halves of the longest trial.

    Args:
        max_epochs: Epochs of the longest trial that the search space allows.

    Returns:
        At most three epochs, ascending, each below ``max_epochs``.
    """
    first = -(-max_epochs // _REDUCTION**_RUNGS)
    candidates = [first * _REDUCTION**k for k in range(_RUNGS)]
    return [epoch for epoch in candidates if epoch < max_epochs]


def pruner_arguments(name: str, max_epochs: int) -> dict[str, Any]:
    """Return a pruner's pinned arguments, for the manifest and ``make_scheduler``.

    ``hyperband`` is the asynchronous one: ASHA with three brackets, so that no trial ever waits
    for another.

    Args:
        name: One of ``PRUNERS``.
        max_epochs: Epochs of the longest trial that the search space allows.
    """
    epochs = rungs(max_epochs)
    pinned: dict[str, Any] = {"name": name, "rungs": epochs if name != "none" else []}
    if name in ("asha", "hyperband"):
        pinned |= {
            "max_t": max_epochs,
            "grace_period": epochs[0] if epochs else max_epochs,
            "reduction_factor": _REDUCTION,
            "brackets": 1 if name == "asha" else 3,
        }
    elif name == "median":
        pinned |= {"grace_period": epochs[0] if epochs else max_epochs, "min_samples_required": 4}
    return pinned
