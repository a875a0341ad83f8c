"""Jobs outside of Ray Tune, on a real Ray: tried again where that may help."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import ray

from ibsweep.cluster import placement
from ibsweep.cluster.failures import FailureCause, WorkerFailure
from ibsweep.cluster.nodes import Nodes
from ibsweep.cluster.placement import PlacementWatch
from ibsweep.cluster.pool import run_tasks
from ibsweep.cluster.session import ray_session
from ibsweep.errors import InputError, SweepError

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]


def run(work, jobs, tmp_path):
    """Return what each job returned; nested functions go to workers by value."""
    notes: list[str] = []
    nodes = Nodes({"CPU": 1.0}, notes.append)
    ended = run_tasks(
        jobs, work, lambda job: (job, str(tmp_path)), lambda job: f"job {job}", nodes, notes.append
    )
    found = dict(ended)
    assert notes == [], "the only node is never left out"
    return found


def attempts(tmp_path, job):
    return len(list(tmp_path.glob(f"{job}-*")))


def test_every_job_returns_once_whatever_its_order(tmp_path):
    def work(job, folder, share):
        return job * job, share

    found = run(work, [3, 1, 2], tmp_path)
    assert found == {job: (job * job, {"CPU": 1.0}) for job in (1, 2, 3)}


def test_a_job_that_fails_twice_is_done_in_the_end(tmp_path):
    def work(job, folder, share):
        done = len(list(Path(folder).glob(f"{job}-*")))
        Path(folder, f"{job}-{done}").touch()
        if job == "unlucky" and done < 2:
            raise OSError("the node's disk is broken")
        return done

    assert run(work, ["unlucky", "plain"], tmp_path) == {"unlucky": 2, "plain": 0}


def test_a_job_whose_worker_dies_is_done_elsewhere_or_fails_in_the_end(tmp_path):
    def work(job, folder, share):
        done = len(list(Path(folder).glob(f"{job}-*")))
        Path(folder, f"{job}-{done}").touch()
        if done < job:
            os._exit(1)
        return done

    assert run(work, [1, 0], tmp_path) == {1: 1, 0: 0}
    with pytest.raises(SweepError, match="lost 3 times, the last time: its worker process died"):
        run(work, [9], tmp_path)
    assert attempts(tmp_path, 9) == 3


def test_a_job_that_always_fails_ends_the_rest_with_its_reason(tmp_path):
    def work(job, folder, share):
        Path(folder, f"{job}-{len(list(Path(folder).glob(f'{job}-*')))}").touch()
        raise OSError("the node's disk is broken")

    with pytest.raises(SweepError, match="lost 3 times, the last time: OSError: the node's disk"):
        run(work, [7], tmp_path)
    assert attempts(tmp_path, 7) == 3


def test_what_is_wrong_with_the_job_itself_is_not_tried_again(tmp_path):
    def work(job, folder, share):
        Path(folder, f"{job}-{len(list(Path(folder).glob(f'{job}-*')))}").touch()
        raise InputError("kernel_size=99 is too large")

    with pytest.raises(SweepError, match=r"job 7 failed: .*kernel_size=99 is too large"):
        run(work, [7], tmp_path)
    assert attempts(tmp_path, 7) == 1


def test_a_job_out_of_memory_gets_all_cpus_once(tmp_path):
    def work(job, folder, share):
        if share["CPU"] < job:
            raise MemoryError
        return share

    assert run(work, [2], tmp_path) == {2: {"CPU": 2.0}}
    with pytest.raises(SweepError, match=r"job 4 failed: out of memory \(MemoryError"):
        run(work, [4], tmp_path)


def test_a_worker_that_is_killed_costs_nothing(tmp_path):
    def work(job, folder, share):
        import os
        import signal

        done = len(list(Path(folder).glob(f"{job}-*")))
        Path(folder, f"{job}-{done}").touch()
        if done < 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    assert run(work, ["killed"], tmp_path) == {"killed": 2}


def test_a_worker_that_went_with_its_node_is_the_nodes_loss():
    """Ray tells of a worker's end first; by the next one it knows of the node's."""
    nodes = Nodes({"CPU": 1.0}, print)
    here, gone = ray.get_runtime_context().get_node_id(), "f" * 56
    died = "its worker process died"
    assert nodes.current_cause(WorkerFailure(FailureCause.WORKER, died, gone)) is FailureCause.NODE
    assert (
        nodes.current_cause(WorkerFailure(FailureCause.WORKER, died, here)) is FailureCause.WORKER
    )
    assert (
        nodes.current_cause(WorkerFailure(FailureCause.WORKER, died, None)) is FailureCause.WORKER
    )
    assert (
        nodes.current_cause(WorkerFailure(FailureCause.MEMORY, "out of memory", gone))
        is FailureCause.MEMORY
    )


def test_workers_have_time_to_start_when_room_has_come(monkeypatch):
    """What is told of a cluster without room is not told on when there is some."""
    monkeypatch.setattr(placement, "_PLACEMENT_SECONDS", 0.0)
    monkeypatch.setattr(placement, "_START_SECONDS", 2.5)
    notes: list[str] = []
    nodes = Nodes({"CPU": 64.0}, notes.append)
    watch = PlacementWatch(nodes, notes.append)

    def look(seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            watch.check(idle=True)
            time.sleep(0.05)

    look(3)
    assert notes == ["nothing can be placed: a trial asks for 64 CPU, 1 node offers 2 CPU"]
    nodes.resources = {"CPU": 1.0}
    look(2)
    assert len(notes) == 1
    look(3)
    assert notes[1:] == [
        "nothing runs: a trial asks for 1 CPU; what there is of it is taken by others, or its "
        "workers take long to start"
    ]


def test_tune_is_kept_quiet_in_a_ray_that_runs_already(monkeypatch):
    monkeypatch.delenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", raising=False)
    with ray_session(None):
        assert os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] == "1"
