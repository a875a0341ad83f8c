"""``python -m benchmarks.load``: many trials that train next to nothing, on four nodes.

What a trial costs besides its training, as a sweep grows, and what the driver's memory does. The
nodes are raylets on this machine, which share its cores with the driver: a trial's wall time is an
upper bound of what the driver spends on it.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from benchmarks.sweeps import narrowed
from ibsweep.cluster.ray_internals.core import enable_token_authentication
from ibsweep.cluster.session import ray_session
from ibsweep.questions.files import load_all
from ibsweep.results.records import Trial
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.runner import run_sweep

__all__ = ["measure"]


class _Clock(Progress):
    """Notes when each trial ended, and how large the driver was."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[tuple[float, float]] = []

    def trial_finished(self, row: Trial) -> None:
        super().trial_finished(row)
        self.ended.append((time.perf_counter(), psutil.Process().memory_info().rss / 2**20))


def measure(trials: int, sampler: str, nodes: int = 4) -> dict[str, Any]:
    """Return the figures of one sweep over a cluster of raylets that is started for it.

    Args:
        trials: Trials of the sweep, each of which trains for one epoch.
        sampler: Who proposes.
        nodes: Raylets of one CPU each, besides a head that trains nothing.

    Returns:
        ``steps``, for each tenth of the sweep: ``trials`` at its end, ``ms_per_trial`` within it
        and ``driver_mib`` at its end; ``by_node``, the trials of each node.
    """
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    enable_token_authentication()
    from ray.cluster_utils import Cluster

    question = load_all()["q1"]
    arm = question.arms["q1_mlp"]
    question, arm = narrowed(question, arm, {"lr"}, {**(arm.baseline or {}), "epochs": 1})
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1)
        with tempfile.TemporaryDirectory() as folder:
            options = SweepOptions(
                trials=trials,
                replicates=1,
                confirm=1,
                choice_replicates=1,
                confirm_replicates=2,
                sampler=sampler,
                address=cluster.address,
            )
            manifest = make_manifest("load", question, arm, options, ["benchmarks"])
            store, clock = SweepStore.create(Path(folder), manifest), _Clock()
            with ray_session(cluster.address):
                run_sweep(store, clock)
            rows = store.trials()
    finally:
        cluster.shutdown()
    if sorted(row.trial for row in rows) != list(range(trials)):
        raise RuntimeError(f"not every trial is there once: {len(rows)} of {trials}")
    tenth = max(1, trials // 10)
    steps = []
    for first in range(0, trials - tenth + 1, tenth):
        (began, _), (ended, memory) = (
            clock.ended[max(0, first - 1)],
            clock.ended[first + tenth - 1],
        )
        count = tenth if first else tenth - 1  # the first one waits for workers to start
        steps.append(
            {
                "trials": first + tenth,
                "ms_per_trial": 1e3 * (ended - began) / max(1, count),
                "driver_mib": memory,
            }
        )
    by_node = sorted(Counter(row.node for row in rows).values())
    return {"sampler": sampler, "trials": trials, "steps": steps, "by_node": by_node}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    figures = measure(arguments.trials, arguments.sampler)
    print(f"{'trials':>8}{'ms a trial':>12}{'driver MiB':>12}")
    for step in figures["steps"]:
        print(f"{step['trials']:8}{step['ms_per_trial']:12.1f}{step['driver_mib']:12.0f}")
    print(f"trials of each node: {', '.join(map(str, figures['by_node']))}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
