"""Tasks on the Ray that runs, outside of Ray Tune: handed out at once, yielded as they end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import ray

from ibsweep.cluster.failures import FailureCause, WorkerFailure, classify_error
from ibsweep.cluster.nodes import Nodes, avoid_nodes_selector
from ibsweep.cluster.placement import PlacementWatch
from ibsweep.errors import IbsweepError, SweepError
from ibsweep.gc_control import freeze_imports

__all__ = ["run_tasks", "share"]

Task = TypeVar("Task")


def share(arrays: Mapping[str, Any]) -> ray.ObjectRef:
    """Put arrays where the workers of a node share one copy of them; workers cannot write to it.

    Args:
        arrays: NumPy arrays by name.

    Returns:
        What to hand to a task in place of the arrays.
    """
    return ray.put(dict(arrays))


def run_tasks(
    tasks: Sequence[Task],
    function: Callable[..., Any],
    arguments: Callable[[Task], tuple[Any, ...]],
    describe: Callable[[Task], str],
    nodes: Nodes,
    note: Callable[[str], None],
) -> Iterator[tuple[Task, Any]]:
    """Yield each task with what its function returned, in the order in which they end.

    A task whose worker failed is tried elsewhere; one that ran out of memory once more, alone on a
    larger share.

    Args:
        tasks: What to do, in the order in which it is to begin.
        function: Does a task in a worker. It is given the task's arguments, then the CPUs and GPUs
            that it has, by Ray's names.
        arguments: Returns a task's arguments.
        describe: Says what a task does, for the message.
        nodes: The nodes, and what a task asks for.
        note: Called with a line that says why nothing runs, when nothing does.

    Raises:
        SweepError: If a worker failed too often, or the task itself is wrong.
    """
    remote = ray.remote(_run_task)
    watch = PlacementWatch(nodes, note)
    failures: defaultdict[int, list[WorkerFailure]] = defaultdict(list)
    running: dict[ray.ObjectRef, int] = {}

    def start(number: int) -> None:
        alone = any(one.cause is FailureCause.MEMORY for one in failures[number])
        share = nodes.largest_share() if alone else dict(nodes.resources)
        reference = remote.options(
            num_cpus=share["CPU"],
            num_gpus=share.get("GPU", 0),
            max_retries=0,
            label_selector=avoid_nodes_selector(nodes.nodes_to_avoid(number)),
        ).remote(function, arguments(tasks[number]), share)
        running[reference] = number

    for number in range(len(tasks)):
        start(number)
    while running:
        ready, _ = ray.wait(list(running), num_returns=1, timeout=1.0)
        if not ready:
            watch.check(idle=not nodes.usable())
            continue
        number = running.pop(ready[0])
        try:
            returned, failure, node = ray.get(ready[0])
        except ray.exceptions.RayTaskError as error:
            reason = str(error).strip().splitlines()[-1]
            raise SweepError(f"{describe(tasks[number])} failed: {reason}") from error
        except ray.exceptions.RayError as error:
            returned, failure, node = None, classify_error(error, None), ""
        if failure is None:
            nodes.record_success(node)
            yield tasks[number], returned
            continue
        failures[number].append(failure)
        nodes.record_failure(number, failure)
        if gives_up := nodes.reason_to_give_up(failures[number]):
            raise SweepError(f"{describe(tasks[number])} failed: {gives_up}")
        start(number)


def _run_task(
    function: Callable[..., Any], arguments: tuple[Any, ...], share: dict[str, float]
) -> tuple[Any, WorkerFailure | None, str]:
    """Do a task in a worker; return what it returned or how it failed, and the node.

    What is wrong with the task itself is raised: it would fail anywhere.
    """
    freeze_imports()
    node = ray.get_runtime_context().get_node_id()
    try:
        # what lies in Ray's object store is shared by the tasks of a node, not copied
        values = (ray.get(a) if isinstance(a, ray.ObjectRef) else a for a in arguments)
        return function(*values, share), None, node
    except IbsweepError:
        raise
    except Exception as error:  # noqa: BLE001
        return None, classify_error(error, node), node
