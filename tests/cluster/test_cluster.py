"""Sweeps over several nodes that die, come and go wrong: real raylets, the command as users call
it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import psutil
import pytest
import ray
import tiny
from clusters import another_cluster, environment

from ibsweep.cluster.nodes import is_lost
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def question(epochs):
    """Return the tiny question with trials of so many epochs."""
    text = tiny.YAML.replace("low: 5, high: 40", f"low: {epochs}, high: {epochs + 100}")
    return text.replace("epochs: 20", f"epochs: {epochs}")


LONG = question(3000)
"""Trials of a second or two."""


@contextmanager
def tuning(folder, cluster, *words, text=LONG):
    """Run the command on the cluster."""
    command = [sys.executable, "-m", "ibsweep", "tune", str(tiny.write_question(folder, text))]
    options = ["--address", cluster.address, "--results", str(folder / "results"), "--name", "s"]
    process = subprocess.Popen(
        [*command, *options, *tiny.BUDGET, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def rows_now(folder, name="s"):
    """Return the trials that are on disk by now."""
    directory = folder / "results" / name
    return SweepStore(directory).trials() if (directory / "manifest.json").exists() else []


def wait_for(condition, process, seconds=180):
    """Wait until a condition holds, while the command runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def end(process, seconds=300):
    """Return what the command printed when it has ended well."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out, err


def finished(folder, count):
    """Return the trials, each of which is there once."""
    rows = SweepStore(folder / "results" / "s").trials()
    assert sorted(row.trial for row in rows) == list(range(count))
    assert {row.state for row in rows} == {TrialState.COMPLETE}
    return rows


def workers(node):
    """Return the processes that train on a node now."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    for process in psutil.Process(raylet.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "Trainable.train" in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill_a_worker(node):
    """Kill a worker that trains, as the kernel does when memory runs out."""
    for process in workers(node):
        process.kill()
        return True
    return False


def test_a_worker_and_a_node_are_killed_and_another_node_comes(tmp_path, cluster):
    first = cluster.add_node(num_cpus=1)
    second = cluster.add_node(num_cpus=1)
    # trials of several seconds: a worker of the new node takes that long to start
    with tuning(tmp_path, cluster, "--trials", "10", "--json", text=question(10_000)) as process:
        wait_for(lambda: any(first.node_id[:8] in row.node for row in rows_now(tmp_path)), process)
        wait_for(lambda: kill_a_worker(second), process)
        # a node on which nothing trains would be lost without a trial
        wait_for(lambda: workers(first), process)
        cluster.remove_node(first, allow_graceful=False)
        last = cluster.add_node(num_cpus=1)
        out, _ = end(process)
    assert json.loads(out)["sweeps"][0]["trials"] == {"complete": 10, "pruned": 0, "failed": 0}
    rows = finished(tmp_path, 10)
    lost = " ".join(line for row in rows for line in row.lost)
    assert re.search(rf"its worker process died, on \S+ \(node {second.node_id[:8]}\)", lost)
    assert re.search(rf"its node was lost, on \S+ \(node {first.node_id[:8]}\)", lost)
    assert any(last.node_id[:8] in row.node for row in rows)
    known = [node["node"] for node in SweepStore(tmp_path / "results" / "s").manifest.nodes]
    assert any(last.node_id[:8] in name for name in known), "the manifest has who joined later"
    assert len(known) == 3


def test_a_node_whose_daemon_is_killed_is_lost_before_the_control_service_knows(cluster):
    """A worker's end is told within a second, and its node's only some time later."""
    kept, killed = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    cluster.connect()
    try:
        assert not is_lost(killed.node_id)
        (raylet,) = killed.all_processes["raylet"]
        os.kill(raylet.process.pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(raylet.process.pid)], timeout=5)
        assert {one["NodeID"]: one["Alive"] for one in ray.nodes()}[killed.node_id]
        assert is_lost(killed.node_id)
        assert not is_lost(kept.node_id)
    finally:
        ray.shutdown()


def test_a_node_that_fails_every_trial_gets_no_more_and_is_named(tmp_path, cluster):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise ImportError('no torch on this node')\n")
    cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(broken)})
    with tuning(tmp_path, cluster, "--trials", "8") as process:
        _, err = end(process)
    rows = finished(tmp_path, 8)
    # one more may have had its place there when the third was lost
    assert 3 <= sum(len(row.lost) for row in rows) <= 4
    (line,) = SweepStore(tmp_path / "results" / "s").manifest.excluded
    assert "no torch on this node" in line
    assert line in err


def test_a_node_with_other_software_is_named_before_the_first_trial(tmp_path, cluster):
    other = tmp_path / "other"
    (other / "torch-2.12.0.dist-info").mkdir(parents=True)
    (other / "torch-2.12.0.dist-info" / "METADATA").write_text("Name: torch\nVersion: 2.12.0\n")
    cluster.add_node(num_cpus=1)
    late = {"num_cpus": 1, "env_vars": {"PYTHONPATH": str(other)}}
    node = cluster.add_node(**late)
    with tuning(tmp_path, cluster, "--trials", "6") as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    (line,) = err.strip().splitlines()
    assert f"(node {node.node_id[:8]}): torch 2.12.0, here 2.13.0: install the same" in line
    cluster.remove_node(node)
    with tuning(tmp_path, cluster, "--trials", "12", "--name", "t") as process:
        wait_for(lambda: rows_now(tmp_path, "t"), process)
        cluster.add_node(**late)
        _, err = end(process)
    assert "gets no more trials" in err
    assert "not the driver's software: torch 2.12.0" in err
    assert len({row.node for row in rows_now(tmp_path, "t")}) == 1


def test_nothing_can_be_placed_until_a_node_comes(tmp_path, cluster):
    with tuning(tmp_path, cluster, "--trials", "2", "--quiet", text=tiny.YAML) as process:
        started = time.monotonic()
        line = process.stderr.readline()
        assert line == ("s: nothing can be placed: a trial asks for 1 CPU, 1 node offers 0 CPU\n")
        assert time.monotonic() - started < 25  # 15 s from when the command has loaded and joined
        cluster.add_node(num_cpus=0)
        changed = process.stderr.readline()
        assert changed == line.replace("1 node offers", "2 nodes offer")
        cluster.add_node(num_cpus=1)
        _, err = end(process)
    # a busy machine takes long to start workers
    assert [line for line in err.splitlines() if "workers take long to start" not in line] == []
    finished(tmp_path, 2)
    assert len(SweepStore(tmp_path / "results" / "s").manifest.nodes) == 1


def test_the_head_is_lost_and_the_sweep_goes_on_in_another_cluster(tmp_path, cluster, monkeypatch):
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "12")  # or wait for a minute
    cluster.add_node(num_cpus=1)
    with tuning(tmp_path, cluster, "--trials", "6", text=tiny.YAML) as process:
        wait_for(lambda: rows_now(tmp_path), process)
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "is lost; " in err
    assert f"go on with: ibsweep resume s --results {tmp_path / 'results'}, on another" in err
    with another_cluster() as other:
        other.add_node(num_cpus=1)
        resume = ["resume", "s", "--address", other.address, "--results", tmp_path / "results"]
        done = subprocess.run(
            [sys.executable, "-m", "ibsweep", *resume],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=200,
        )
    assert done.returncode == 0, done.stderr
    finished(tmp_path, 6)


def test_the_raylet_of_the_drivers_own_node_is_lost(tmp_path, cluster):
    """Ray itself would wait for it for ever."""
    cluster.add_node(num_cpus=1)
    with tuning(tmp_path, cluster, "--trials", "60") as process:
        wait_for(lambda: rows_now(tmp_path), process)
        (raylet,) = cluster.head_node.all_processes["raylet"]
        raylet.process.kill()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    line = err.splitlines()[-1]
    assert line.startswith("ibsweep: the Ray of this node, ")
    assert "is lost; " in line
    assert f"go on with: ibsweep resume s --results {tmp_path / 'results'}, on another" in line


@pytest.mark.parametrize(
    ("token", "reason"),
    [("", "Token authentication is enabled"), (64 * "0", "it refuses the token")],
)
def test_without_the_token_nobody_joins_and_one_line_says_why(
    token, reason, tmp_path, cluster, monkeypatch
):
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    monkeypatch.setenv("HOME", str(tmp_path))
    with tuning(tmp_path, cluster, "--trials", "1") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert out == ""
    (line,) = err.strip().splitlines()
    assert f"cannot join the Ray cluster at '{cluster.address}': {reason}" in line
    assert list((tmp_path / "results").iterdir()) == [], "nothing is left of what never began"
