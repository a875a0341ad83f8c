"""What nodes offer, how many trials fit on them, and why nothing runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray

from ibsweep.cluster.nodes import Nodes

__all__ = [
    "PlacementWatch",
    "offers",
]


_PATIENCE = 8.0
"""Seconds for which nothing could be placed, until it is told."""


_STARTING = 20.0
"""Further seconds in which workers may start where there is room, until it is told that nothing
runs."""


def offers(nodes: Sequence[Mapping[str, Any]], share: Mapping[str, float]) -> str:
    """Return in words what living nodes offer of the resources that a trial asks for.

    Args:
        nodes: As ``ray.nodes()`` returns them.
        share: CPUs and GPUs of a trial, by Ray's names.
    """
    told = Counter(
        _amounts({name: node["Resources"].get(name, 0) for name in share})
        for node in nodes
        if node["Alive"]
    )
    each = [
        f"{count} node{' offers' if count == 1 else 's offer'} {what}"
        for what, count in sorted(told.items())
    ]
    return ", ".join(each) or "there is no node"


def _amounts(resources: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items())


class PlacementWatch:
    """Tells why nothing can be placed, and tells it again when the reason changes.

    Args:
        nodes: The nodes, and what a trial asks for.
        note: Is given each line.
    """

    def __init__(self, nodes: Nodes, note: Callable[[str], None]) -> None:
        self._nodes, self._note = nodes, note
        self._idle_since: float | None = None
        self._room_since: float | None = None
        self._looked = 0.0
        self._told: str | None = None

    def look(self, *, idle: bool) -> None:
        """Look at the nodes if nothing has run for a while.

        Args:
            idle: Whether something waits and nothing runs.
        """
        now = time.monotonic()
        if not idle:
            self._idle_since = self._room_since = self._told = None
            return
        self._idle_since = self._idle_since or now
        if now - self._idle_since < _PATIENCE or now - self._looked < 1:
            return
        self._looked = now
        asks = f"a trial asks for {_amounts(self._nodes.share)}"
        nodes = ray.nodes()
        if not any(map(self._nodes.can_hold, nodes)):
            self._room_since = None
            text = f"nothing can be placed: {asks}, {offers(nodes, self._nodes.share)}"
        elif self._room_since is None:
            self._room_since = now
            return
        elif now - self._room_since > _STARTING:
            text = (
                f"nothing runs: {asks}; what there is of it is taken by others, or its workers "
                "take long to start"
            )
        else:
            return
        if text != self._told:
            self._told = text
            self._note(text)
