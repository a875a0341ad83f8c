"""Jobs on the Ray that runs, outside of Ray Tune: handed out at once, taken as they end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray

from ibsweep.cluster.losses import Cause, Loss, loss_of
from ibsweep.cluster.nodes import Nodes, keeping_off
from ibsweep.cluster.placement import PlacementWatch
from ibsweep.errors import IbsweepError, SweepError

__all__ = ["as_they_end"]

Job = TypeVar("Job")


def as_they_end(
    jobs: Sequence[Job],
    work: Callable[..., Any],
    arguments: Callable[[Job], tuple[Any, ...]],
    describe: Callable[[Job], str],
    nodes: Nodes,
    note: Callable[[str], None],
) -> Iterator[tuple[Job, Any]]:
    """Yield each job with what its work returned, in the order in which they end.

    A job that failed is tried elsewhere; one that ran out of memory once more, alone on a larger
    share.

    Args:
        jobs: What to do, in the order in which it is to begin.
        work: Does a job in a worker. It is given the job's arguments, then the CPUs and GPUs that
            it has, by Ray's names.
        arguments: Returns a job's arguments.
        describe: Says what a job does, for the message.
        nodes: The nodes, and what a job asks for.
        note: Is told why nothing runs.

    Raises:
        SweepError: If a worker was lost too often, or the job itself failed.
    """
    remote = ray.remote(_guarded)
    watch = PlacementWatch(nodes, note)
    losses: defaultdict[int, list[Loss]] = defaultdict(list)
    waiting: dict[ray.ObjectRef, int] = {}

    def start(number: int) -> None:
        alone = any(loss.cause is Cause.MEMORY for loss in losses[number])
        share = nodes.largest_share() if alone else dict(nodes.share)
        reference = remote.options(
            num_cpus=share["CPU"],
            num_gpus=share.get("GPU", 0),
            max_retries=0,
            label_selector=keeping_off(nodes.avoided(number)),
        ).remote(work, arguments(jobs[number]), share)
        waiting[reference] = number

    for number in range(len(jobs)):
        start(number)
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=1.0)
        if not ready:
            watch.look(idle=not nodes.usable())
            continue
        number = waiting.pop(ready[0])
        try:
            returned, loss, node = ray.get(ready[0])
        except ray.exceptions.RayTaskError as error:
            reason = str(error).strip().splitlines()[-1]
            raise SweepError(f"{describe(jobs[number])} failed: {reason}") from error
        except ray.exceptions.RayError as error:
            returned, loss, node = None, loss_of(error, None), ""
        if loss is None:
            nodes.worked(node)
            yield jobs[number], returned
            continue
        losses[number].append(loss)
        nodes.failed(number, loss)
        if given_up := nodes.given_up(losses[number]):
            raise SweepError(f"{describe(jobs[number])} failed: {given_up}")
        start(number)


def _guarded(
    work: Callable[..., Any], arguments: tuple[Any, ...], share: dict[str, float]
) -> tuple[Any, Loss | None, str]:
    """Do a job in a worker; return what it returned or how it failed, and the node.

    What is wrong with the job itself is raised: it would fail anywhere.
    """
    node = ray.get_runtime_context().get_node_id()
    try:
        return work(*arguments, share), None, node
    except IbsweepError:
        raise
    except Exception as error:  # noqa: BLE001
        return None, loss_of(error, node), node
