"""Why nothing can be placed, or nothing runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray

from ibsweep.cluster.nodes import Nodes

__all__ = [
    "PlacementWatch",
    "describe_resources",
]


_PLACEMENT_SECONDS = 8.0
"""For how long nothing could be placed until a note says so."""
_START_SECONDS = 20.0
"""For how much longer workers may take to start where they fit, until a note says that nothing
runs."""


def describe_resources(nodes: Sequence[Mapping[str, Any]], resources: Mapping[str, float]) -> str:
    """Say what living nodes offer of the resources that a trial asks for.

    Args:
        nodes: As ``ray.nodes()`` returns them.
        resources: CPUs and GPUs of a trial, by Ray's names.
    """
    offers = Counter(
        _amounts({name: node["Resources"].get(name, 0) for name in resources})
        for node in nodes
        if node["Alive"]
    )
    each = [
        f"{count} node{' offers' if count == 1 else 's offer'} {what}"
        for what, count in sorted(offers.items())
    ]
    return ", ".join(each) or "there is no node"


def _amounts(resources: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items())


class PlacementWatch:
    """Notes why nothing can be placed or runs, and again when the reason changes.

    Args:
        nodes: The nodes, and what a trial asks for.
        note: Called with each line.
    """

    def __init__(self, nodes: Nodes, note: Callable[[str], None]) -> None:
        self._nodes, self._note = nodes, note
        self._idle_since: float | None = None
        self._fits_since: float | None = None
        self._checked = 0.0
        self._last_note: str | None = None

    def check(self, *, idle: bool) -> None:
        """Look at the nodes if nothing has run for a while.

        Args:
            idle: Whether something waits and nothing runs.
        """
        now = time.monotonic()
        if not idle:
            self._idle_since = self._fits_since = self._last_note = None
            return
        self._idle_since = self._idle_since or now
        if now - self._idle_since < _PLACEMENT_SECONDS or now - self._checked < 1:
            return
        self._checked = now
        asks = f"a trial asks for {_amounts(self._nodes.resources)}"
        nodes = ray.nodes()
        if not any(map(self._nodes.can_hold, nodes)):
            self._fits_since = None
            offered = describe_resources(nodes, self._nodes.resources)
            text = f"nothing can be placed: {asks}, {offered}"
        elif self._fits_since is None:
            self._fits_since = now
            return
        elif now - self._fits_since > _START_SECONDS:
            text = (
                f"nothing runs: {asks}; what there is of it is taken by others, or its workers "
                "take long to start"
            )
        else:
            return
        if text != self._last_note:
            self._last_note = text
            self._note(text)
