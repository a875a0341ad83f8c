"""The nodes of a cluster: what they offer, and how attempts on them went."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import ray

from ibsweep.cluster.failures import FailureCause, WorkerFailure
from ibsweep.cluster.join import try_connection

__all__ = [
    "Nodes",
    "avoid_nodes_selector",
    "is_lost",
    "node_name",
    "trial_slots",
]

_CONSECUTIVE_FAILURES = 3
"""Failed attempts in a row after which a node gets no more."""
_WORKER_FAILURES = 3
"""How often a trial's worker may fail; a lost node is not the trial's doing."""
_NODE_FAILURES = 10
"""How many nodes a trial may lose before it is taken for the cause."""


class Nodes:
    """The nodes of the cluster, and which of them to use after the failures so far.

    Args:
        resources: CPUs and GPUs that a trial asks for, by Ray's names.
        on_excluded: Called with a line, which names the node and says why, when one is excluded.
        on_joined: Called with the record of a node that joined later, once a trial ended there.
    """

    def __init__(
        self,
        resources: Mapping[str, float],
        on_excluded: Callable[[str], None],
        on_joined: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> None:
        self.resources, self._on_excluded, self._on_joined = resources, on_excluded, on_joined
        self._known: set[str] = set()
        self._consecutive_failures: Counter[str] = Counter()
        self._failed_on: defaultdict[Hashable, set[str]] = defaultdict(set)
        self.excluded: set[str] = set()
        """Ids of the nodes that get no more."""

    def usable(self) -> list[dict[str, Any]]:
        """Return the living nodes that can hold a trial, as ``ray.nodes`` describes them."""
        return [node for node in ray.nodes() if self.can_hold(node)]

    def can_hold(self, node: Mapping[str, Any]) -> bool:
        """Return whether a node, as ``ray.nodes`` has it, lives and can hold a trial."""
        enough = (node["Resources"].get(name, 0) >= n for name, n in self.resources.items())
        return node["Alive"] and all(enough)

    def slots(self) -> int:
        """Return how many trials can run at the same time, at least one."""
        usable = [node for node in self.usable() if node["NodeID"] not in self.excluded]
        return max(1, trial_slots(usable, self.resources))

    def register(self, node: str, gpu_names: Sequence[str]) -> dict[str, Any]:
        """Mark a node as known, so that ``on_joined`` is not called for it, and return its record.

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

    def record_success(self, node: str, gpu_names: Sequence[str] | None = None) -> None:
        """Count an attempt that ended as it should.

        Args:
            node: Id of its node.
            gpu_names: The GPUs that are there, None if that was not asked.
        """
        del self._consecutive_failures[node]
        if gpu_names is not None and node not in self._known:
            self._on_joined(self.register(node, gpu_names))

    def record_failure(self, trial: Hashable, failure: WorkerFailure) -> None:
        """Count a failed attempt at a trial or task.

        Neither lack of memory nor the loss of the node itself is held against the node.
        """
        node = failure.node
        if node is None or failure.cause is not FailureCause.WORKER:
            return
        self._failed_on[trial].add(node)
        self._consecutive_failures[node] += 1
        if node in self.excluded or self._consecutive_failures[node] < _CONSECUTIVE_FAILURES:
            return
        if {one["NodeID"] for one in self.usable()} - self.excluded - {node}:
            self.excluded.add(node)
            self._on_excluded(
                f"{node_name(node)} gets no more trials: three in a row were lost there, the "
                f"last: {failure.reason}"
            )

    def current_cause(self, failure: WorkerFailure) -> FailureCause:
        """Return why an attempt failed, by what Ray knows now.

        The end of a worker is often known before that of its node.
        """
        if failure.cause is FailureCause.WORKER and failure.node and is_lost(failure.node):
            return FailureCause.NODE
        return failure.cause

    def reason_to_give_up(self, failures: Sequence[WorkerFailure]) -> str | None:
        """Return why a trial is not tried again after all of its failures so far, or None."""
        causes = Counter(map(self.current_cause, failures))
        if causes[FailureCause.MEMORY] > 1:
            return f"{failures[-1].reason}, also alone on a larger share"
        if causes[FailureCause.WORKER] >= _WORKER_FAILURES:
            return f"lost {_WORKER_FAILURES} times, the last time: {failures[-1].reason}"
        if causes[FailureCause.NODE] >= _NODE_FAILURES:
            return f"{_NODE_FAILURES} nodes were lost under it"
        return None

    def nodes_to_avoid(self, trial: Hashable) -> list[str]:
        """Return the ids of the nodes on which a trial is not to be tried next.

        Those are the excluded ones and, as long as there are others, those it failed on before.
        """
        usable = {node["NodeID"] for node in self.usable()}
        own = self.excluded | self._failed_on.get(trial, set())
        return sorted(own if usable - own else self.excluded if usable - self.excluded else ())

    def largest_share(self) -> dict[str, float]:
        """Return a share that leaves no room for another trial: all CPUs of the largest usable
        node, or a whole GPU.
        """
        gpus = self.resources.get("GPU", 0)
        if gpus:
            return {**self.resources, "GPU": max(1.0, gpus)}
        cpus = [node["Resources"].get("CPU", 0) for node in self.usable()]
        return {**self.resources, "CPU": max([self.resources["CPU"], *cpus])}


def is_lost(node: str) -> bool:
    """Return whether a node, given by its id, is lost.

    Ray's control service takes up to half a minute until it knows: it misses five answers of the
    node's daemon first. The loss of a worker is told sooner. So the daemon itself is asked.
    """
    for one in ray.nodes():
        if one["NodeID"] == node and one["Alive"]:
            try:
                try_connection(f"{one['NodeManagerAddress']}:{one['NodeManagerPort']}")
            except OSError:
                return True
            return False
    return True


def avoid_nodes_selector(nodes: Collection[str]) -> dict[str, str]:
    """Return Ray's label selector of what must not run on some nodes, given by id."""
    return {"ray.io/node-id": f"!in({','.join(sorted(nodes))})"} if nodes else {}


def node_name(node: str) -> str:
    """Return a node's host, and its id where several nodes are on that host."""
    nodes = {one["NodeID"]: one["NodeManagerHostname"] for one in ray.nodes()}
    host = nodes.get(node, "a node")
    alike = [one for one in nodes.values() if one == host]
    return host if len(alike) == 1 else f"{host} (node {node[:8]})"


def trial_slots(nodes: Sequence[Mapping[str, Any]], resources: Mapping[str, float]) -> int:
    """Return how many trials nodes can hold at the same time.

    Args:
        nodes: As ``ray.nodes()`` returns them, each large enough for one.
        resources: CPUs and GPUs of a trial, by Ray's names.
    """
    asked = {name: amount for name, amount in resources.items() if amount}
    return sum(
        # a share is a float: ten of 0.1 are one
        min(int(node["Resources"][name] / amount + 1e-9) for name, amount in asked.items())
        for node in nodes
    )
