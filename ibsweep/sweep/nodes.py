"""The nodes on which a sweep runs: checked before it begins, and recorded in its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.preflight import check_cluster, no_gpu
from ibsweep.results.store import SweepStore

__all__ = ["check_nodes"]


def check_nodes(store: SweepStore, tell: Callable[[str], None], *, local: bool) -> Nodes:
    """Check the nodes on which a sweep is to run, and note them in its manifest.

    Args:
        store: The sweep.
        tell: Called with what a user should know.
        local: Whether Ray runs on this machine alone.

    Returns:
        The record of how nodes do; one that is to get no more is told, and named in the manifest.

    Raises:
        InputError: If nothing can be placed, or a node would train otherwise than this one.
    """

    def note(line: str) -> None:
        tell(f"{store.manifest.name}: {line}")

    def exclude(line: str) -> None:
        excluded = (*store.manifest.excluded, line)
        store.update_manifest(store.manifest.model_copy(update={"excluded": excluded}))
        note(line)

    def join(record: dict[str, Any]) -> None:
        _record(store, [record])
        if record["gpus"] and store.manifest.gpus_per_trial and not record["gpu_names"]:
            note(no_gpu(record["node"]))

    nodes = Nodes(store.manifest.resources_per_trial, exclude, join)
    _record(store, check_cluster(nodes, note, local=local))
    return nodes


def _record(store: SweepStore, nodes: Iterable[dict[str, Any]]) -> None:
    """Keep nodes in the manifest, each by its latest record."""
    by_name = {node["node"]: node for node in (*store.manifest.nodes, *nodes)}
    if (all_nodes := tuple(by_name.values())) != store.manifest.nodes:
        store.update_manifest(store.manifest.model_copy(update={"nodes": all_nodes}))
