"""The nodes of a cluster: what they offer, how they did, and why nothing runs on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import ray

from ibsweep.cluster.losses import Cause, Loss

__all__ = [
    "Nodes",
    "is_lost",
    "keeping_off",
    "node_name",
    "places",
]

_IN_A_ROW = 3
"""Lost attempts in a row after which a node gets no more."""


_ATTEMPTS = 3
"""How often a trial's worker may fail; a lost node is not the trial's doing."""
_LOST_NODES = 10
"""How many nodes a trial may lose before it is taken for the cause."""


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
