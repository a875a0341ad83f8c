"""What becomes of a trial whose attempt was lost, and of the node that lost it.

A trial is tried elsewhere, from its last saved state; one that ran out of memory is tried once
more, alone on a larger share. A node that loses three attempts in a row, of whatever trials, gets
no more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import ray
from ray import tune

__all__ = ["Cause", "Loss", "Losses", "Nodes", "keeping_off", "node_name", "resource_request"]

_IN_A_ROW = 3
"""Lost attempts in a row after which a node gets no more."""

_MEMORY = ("out of memory", "outofmemory", "memoryerror", "can't allocate memory")


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


class Nodes:
    """The nodes of the cluster and how they did.

    Args:
        share: CPUs and GPUs that a trial asks for, by Ray's names.
        on_excluded: Is told a node's name and why it gets no more trials.
    """

    def __init__(
        self, share: Mapping[str, float], on_excluded: Callable[[str, str], None]
    ) -> None:
        self.share, self._on_excluded = share, on_excluded
        self._in_a_row: Counter[str] = Counter()
        self._lost_on: defaultdict[int, set[str]] = defaultdict(set)
        self.excluded: set[str] = set()
        """Ids of the nodes that get no more."""

    def usable(self) -> list[dict[str, Any]]:
        """Return what Ray tells of the living nodes that can hold a trial."""
        return [node for node in ray.nodes() if node["Alive"] and self._holds(node)]

    def _holds(self, node: Mapping[str, Any]) -> bool:
        return all(node["Resources"].get(name, 0) >= n for name, n in self.share.items())

    def worked(self, node: str) -> None:
        """Count an attempt that ended as it should."""
        del self._in_a_row[node]

    def failed(self, trial: int, loss: Loss) -> None:
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
            self._on_excluded(node_name(loss.node), loss.reason)

    def avoided(self, trial: int) -> list[str]:
        """Return the ids of the nodes that a trial's next attempt is to keep off.

        Those are the excluded ones and, as long as there are others, those that lost it before.
        """
        usable = {node["NodeID"] for node in self.usable()}
        own = self.excluded | self._lost_on[trial]
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


def keeping_off(avoided: Collection[str]) -> dict[str, str]:
    """Return the label selector of what must not run on some nodes, given by id."""
    return {"ray.io/node-id": f"!in({','.join(sorted(avoided))})"} if avoided else {}


def resource_request(share: Mapping[str, float], avoided: Collection[str]) -> Any:
    """Return Tune's request for a share of a node that is none of those to avoid."""
    more = {"bundle_label_selector": [keeping_off(avoided)]} if avoided else {}
    return tune.PlacementGroupFactory([dict(share)], **more)


class Losses(tune.Callback):  # type: ignore[misc]
    """Tells of every attempt that Tune lost, and keeps Tune's memory small.

    Args:
        on_lost: Is given Tune's id of the attempt and what happened.
    """

    def __init__(self, on_lost: Callable[[str, Loss], None]) -> None:
        self._on_lost = on_lost
        self._actors: dict[str, str] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Remember the attempt's actor, which tells its node."""
        self._actors[trial.trial_id] = trial.temporary_state.ray_actor._actor_id.hex()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Drop a saved state, which the searcher has by now: Tune keeps all last results."""
        result.pop("state", None)

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Any, **info: Any
    ) -> None:
        """Forget the attempt's actor."""
        self._actors.pop(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tell what was lost."""
        actor = self._actors.pop(trial.trial_id, None)
        self._on_lost(trial.trial_id, _loss(_error(trial), actor))

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its callbacks for a restore that nobody calls


def _error(trial: Any) -> Exception | None:
    """Return what Tune caught; its own getter looks where the file is uploaded later."""
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return None
    error: Exception = ray.cloudpickle.loads(Path(path).read_bytes())
    return error


def _loss(error: Exception | None, actor: str | None) -> Loss:
    from ray._private.state import actors  # the public API asks the dashboard, which may not run

    actor = actor or getattr(error, "actor_id", None)
    node = actors(actor).get("Address", {}).get("NodeID") or None if actor else None
    cause = getattr(error, "cause", None) or error
    text = f"{type(cause).__name__}: {cause}".lower()
    if any(word in text for word in _MEMORY):
        return Loss(Cause.MEMORY, f"{Cause.MEMORY.value} ({_first_line(cause)})", node)
    if isinstance(error, ray.exceptions.RayActorError):
        if error.actor_init_failed:
            return Loss(Cause.WORKER, str(error).strip().splitlines()[-1], node)
        if node and _is_dead(node):
            return Loss(Cause.NODE, Cause.NODE.value, node)
        return Loss(Cause.WORKER, "its worker process died", node)
    return Loss(Cause.WORKER, f"{type(cause).__name__}: {_first_line(cause)}", node)


def _is_dead(node: str) -> bool:
    """Return whether Ray knows by now that a node is lost; it may learn it after its workers'
    end.
    """
    return not any(one["NodeID"] == node and one["Alive"] for one in ray.nodes())


def _first_line(error: object) -> str:
    return next(iter(str(error).strip().splitlines()), "")


def node_name(node: str) -> str:
    """Return a node's host, and its id where several nodes are on that host."""
    nodes = {one["NodeID"]: one["NodeManagerHostname"] for one in ray.nodes()}
    host = nodes.get(node, "a node")
    alike = [one for one in nodes.values() if one == host]
    return host if len(alike) == 1 else f"{host} (node {node[:8]})"
