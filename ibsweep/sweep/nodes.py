"""The nodes of a cluster: what they offer, how they did, and why nothing runs on them."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import ray

__all__ = [
    "DIED",
    "Cause",
    "Loss",
    "Nodes",
    "PlacementWatch",
    "is_lost",
    "keeping_off",
    "loss_of",
    "node_name",
    "offers",
    "places",
]

_IN_A_ROW = 3
"""Lost attempts in a row after which a node gets no more."""
_PATIENCE = 8.0
"""Seconds for which nothing could be placed, until it is told."""
_STARTING = 20.0
"""Further seconds in which workers may start where there is room, until it is told that nothing
runs."""


_ATTEMPTS = 3
"""How often a trial's worker may fail; a lost node is not the trial's doing."""
_LOST_NODES = 10
"""How many nodes a trial may lose before it is taken for the cause."""

_MEMORY = (
    *("out of memory", "outofmemory", "memoryerror", "can't allocate memory"),
    "low on memory",  # as Ray says when it ends a worker for it
)
"""In the messages of what ran out of it."""


DIED = "its worker process died"


class Cause(Enum):
    """Why an attempt was lost."""

    NODE = "its node was lost"
    MEMORY = "out of memory"
    WORKER = "its worker failed"


@dataclass(frozen=True)
class Loss:
    """An attempt that was lost.

    Attributes:
        cause: Why, as far as the next attempt depends on it.
        reason: One line.
        node: Id of the node, None where it never came to one.
    """

    cause: Cause
    reason: str
    node: str | None


def loss_of(error: object, node: str | None) -> Loss:
    """Return the loss that an exception in a worker is.

    Args:
        error: The exception.
        node: Id of the node it happened on.
    """
    if isinstance(error, ray.exceptions.NodeDiedError):
        return Loss(Cause.NODE, Cause.NODE.value, node)
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return Loss(Cause.WORKER, DIED, node)
    text = next(iter(str(error).strip().splitlines()), "")
    if not isinstance(error, ray.exceptions.RayActorError):
        text = f"{type(error).__name__}: {text}"
    if any(word in f"{type(error).__name__} {error}".lower() for word in _MEMORY):
        return Loss(Cause.MEMORY, f"{Cause.MEMORY.value} ({text})", node)
    return Loss(Cause.WORKER, text, node)


class Nodes:
    """The nodes of the cluster and how they did.

    Args:
        share: CPUs and GPUs that a trial asks for, by Ray's names.
        on_excluded: Is told a line when a node is to get no more, with its name and why.
        on_joined: Is given the record of a node that worked and was not known before.
    """

    def __init__(
        self,
        share: Mapping[str, float],
        on_excluded: Callable[[str], None],
        on_joined: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> None:
        self.share, self._on_excluded, self._on_joined = share, on_excluded, on_joined
        self._known: set[str] = set()
        self._in_a_row: Counter[str] = Counter()
        self._lost_on: defaultdict[Hashable, set[str]] = defaultdict(set)
        self.excluded: set[str] = set()
        """Ids of the nodes that get no more."""

    def usable(self) -> list[dict[str, Any]]:
        """Return what Ray tells of the living nodes that can hold a trial."""
        return [node for node in ray.nodes() if self.can_hold(node)]

    def can_hold(self, node: Mapping[str, Any]) -> bool:
        """Return whether a node, as Ray tells of it, lives and is large enough for a trial."""
        enough = (node["Resources"].get(name, 0) >= n for name, n in self.share.items())
        return node["Alive"] and all(enough)

    def room(self) -> int:
        """Return how many trials there is room for at the same time, at least one."""
        usable = [node for node in self.usable() if node["NodeID"] not in self.excluded]
        return max(1, places(usable, self.share))

    def know(self, node: str, gpu_names: Sequence[str]) -> dict[str, Any]:
        """Return the record of a node, and know it from now on.

        Args:
            node: Its id.
            gpu_names: The GPUs that are really there.

        Returns:
            ``node``, its name, ``cpus`` and ``gpus``, what Ray offers there, and ``gpu_names``.
        """
        self._known.add(node)
        offered: Mapping[str, float] = next(
            (one["Resources"] for one in ray.nodes() if one["NodeID"] == node), {}
        )
        return {
            "node": node_name(node),
            "cpus": offered.get("CPU", 0.0),
            "gpus": offered.get("GPU", 0.0),
            "gpu_names": list(gpu_names),
        }

    def worked(self, node: str, gpu_names: Sequence[str] | None = None) -> None:
        """Count an attempt that ended as it should.

        Args:
            node: Id of its node.
            gpu_names: The GPUs that are there, None if that was not asked.
        """
        del self._in_a_row[node]
        if gpu_names is not None and node not in self._known:
            self._on_joined(self.know(node, gpu_names))

    def failed(self, trial: Hashable, loss: Loss) -> None:
        """Count a lost attempt; neither memory nor the loss of the node itself is held against
        it.
        """
        if loss.node is None or loss.cause is not Cause.WORKER:
            return
        self._lost_on[trial].add(loss.node)
        self._in_a_row[loss.node] += 1
        others = {node["NodeID"] for node in self.usable()} - self.excluded - {loss.node}
        if self._in_a_row[loss.node] >= _IN_A_ROW and others and loss.node not in self.excluded:
            self.excluded.add(loss.node)
            self._on_excluded(
                f"{node_name(loss.node)} gets no more trials: three in a row were lost there, the "
                f"last: {loss.reason}"
            )

    def cause(self, loss: Loss) -> Cause:
        """Return why an attempt was lost, by what Ray knows now.

        A worker's end is often known before that of its node.
        """
        gone = loss.node is not None and is_lost(loss.node)
        return Cause.NODE if loss.cause is Cause.WORKER and gone else loss.cause

    def given_up(self, losses: Sequence[Loss]) -> str | None:
        """Return why something is not tried again, after all of its losses so far, or None."""
        causes = Counter(map(self.cause, losses))
        if causes[Cause.MEMORY] > 1:
            return f"{losses[-1].reason}, also alone on a larger share"
        if causes[Cause.WORKER] >= _ATTEMPTS:
            return f"lost {_ATTEMPTS} times, the last time: {losses[-1].reason}"
        if causes[Cause.NODE] >= _LOST_NODES:
            return f"{_LOST_NODES} nodes were lost under it"
        return None

    def avoided(self, trial: Hashable) -> list[str]:
        """Return the ids of the nodes that a trial's next attempt is to keep off.

        Those are the excluded ones and, as long as there are others, those that lost it before.
        """
        usable = {node["NodeID"] for node in self.usable()}
        own = self.excluded | self._lost_on.get(trial, set())
        return sorted(own if usable - own else self.excluded if usable - self.excluded else ())

    def largest_share(self) -> dict[str, float]:
        """Return a share that leaves no room for another trial: all CPUs of the largest usable
        node, or a whole GPU.
        """
        gpus = self.share.get("GPU", 0)
        if gpus:
            return {**self.share, "GPU": max(1.0, gpus)}
        cpus = [node["Resources"].get("CPU", 0) for node in self.usable()]
        return {**self.share, "CPU": max([self.share["CPU"], *cpus])}


def is_lost(node: str) -> bool:
    """Return whether Ray knows by now that a node, given by its id, is lost."""
    return not any(one["NodeID"] == node and one["Alive"] for one in ray.nodes())


def keeping_off(avoided: Collection[str]) -> dict[str, str]:
    """Return the label selector of what must not run on some nodes, given by id."""
    return {"ray.io/node-id": f"!in({','.join(sorted(avoided))})"} if avoided else {}


def node_name(node: str) -> str:
    """Return a node's host, and its id where several nodes are on that host."""
    nodes = {one["NodeID"]: one["NodeManagerHostname"] for one in ray.nodes()}
    host = nodes.get(node, "a node")
    alike = [one for one in nodes.values() if one == host]
    return host if len(alike) == 1 else f"{host} (node {node[:8]})"


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


def places(nodes: Sequence[Mapping[str, Any]], share: Mapping[str, float]) -> int:
    """Return how many trials nodes can hold at the same time.

    Args:
        nodes: As ``ray.nodes()`` returns them, each large enough for one.
        share: CPUs and GPUs of a trial, by Ray's names.
    """
    asked = {name: amount for name, amount in share.items() if amount}
    return sum(
        # a share is a float: ten of 0.1 are one
        min(int(node["Resources"][name] / amount + 1e-9) for name, amount in asked.items())
        for node in nodes
    )


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
