"""Sweeps whose Ray dies, or that are told to stop: while it starts, with all of its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import psutil
import pytest
import tiny
from head import clean_environment

from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.ray, pytest.mark.slow]

LONG = tiny.YAML.replace("low: 5, high: 40", "low: 3000, high: 3100").replace(
    "epochs: 20", "epochs: 3000"
)
"""Trials of a second or two."""

DAEMONS = {"raylet": "raylet/raylet", "gcs_server": "gcs_server", "agent": "RuntimeEnvAgent"}
"""What is in the command lines of Ray's daemons."""

SCRIPT = """
import sys

import ibsweep
from ibsweep.errors import SweepError

try:
    ibsweep.tune(sys.argv[1], name="s", trials=12, results="results", replicates=2)
except SweepError as error:
    print(error)
import ray

assert not ray.is_initialized()
"""


@contextmanager
def running(folder, *words):
    """Run Python in a process group of its own, of which nothing survives."""
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=clean_environment(),
    )
    try:
        yield process
    finally:
        for one in family(process):
            with suppress(psutil.Error):
                one.kill()
        process.kill()
        process.communicate()


@contextmanager
def tuning(folder, *words):
    """Run the command line."""
    question = tiny.write_question(folder, LONG)
    command = ["-m", "ibsweep", "tune", str(question), "--name", "s", "--trials", "12"]
    with running(folder, *command, *tiny.BUDGET, *words) as process:
        yield process


def family(process):
    """Return the processes below one."""
    with suppress(psutil.Error):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def pid_of(process, daemon):
    """Return the id of one of its Ray's daemons, None while there is none."""
    for one in family(process):
        with suppress(psutil.Error):
            if DAEMONS[daemon] in " ".join(one.cmdline()) and one.status() != "zombie":
                return one.pid
    return None


def lines(folder):
    """Return the finished trials' lines, as they are on disk by now."""
    path = folder / "results" / "s" / "trials.jsonl"
    return path.read_text("utf-8").split("\n")[:-1] if path.exists() else []


def wait_for_more(folder, process, kept):
    """Wait until a further trial has finished."""
    wait_for(lambda: len(lines(folder)) > len(kept), process)


def wait_for(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def ends(process, seconds=10):
    """Return its output, and what of it and its Ray is left some seconds after it has ended."""
    there = family(process)
    out, err = process.communicate(timeout=60)
    _, left = psutil.wait_procs(there, timeout=seconds)
    return out, err, left


def test_ray_dies_four_times_and_the_sweep_goes_on_three_times(tmp_path):
    with tuning(tmp_path, "--json", "--quiet") as process:
        kept = []
        for daemon in ("raylet", "gcs_server", "agent"):
            wait_for_more(tmp_path, process, kept)
            killed = pid_of(process, daemon)
            before = family(process)
            os.kill(killed, signal.SIGKILL)
            died = "raylet" if daemon == "agent" else daemon  # which does not go on without one
            lines_of_ours = (one for one in process.stderr if one.startswith("ibsweep: "))
            line = next(lines_of_ours)  # on a busy machine it is noted before that nothing runs
            assert line.startswith(f"ibsweep: Ray's {died} died; starting Ray again, "), line
            assert "of 12 trials of s are done" in line
            _, left = psutil.wait_procs(before, timeout=10)
            assert [one for one in left if one.status() != "zombie"] == []
            assert lines(tmp_path)[: len(kept)] == kept
            kept = lines(tmp_path)
        wait_for_more(tmp_path, process, kept)
        os.kill(pid_of(process, "raylet"), signal.SIGKILL)
        out, err, left = ends(process)
    assert (process.returncode, out) == (1, "")
    line = err.splitlines()[-1]
    assert line.startswith("ibsweep: Ray's raylet died 4 times; ")
    assert line.endswith("go on with: ibsweep resume s")
    assert left == []
    rows = SweepStore(tmp_path / "results" / "s").trials()
    assert lines(tmp_path)[: len(kept)] == kept
    assert len({row.trial for row in rows}) == len(rows)
    assert {row.state for row in rows} <= {"COMPLETE", "PRUNED"}, "none failed for its dead Ray"


def test_a_warning_to_all_processes_stops_the_sweep_as_ctrl_c_does(tmp_path):
    """As ``--signal=USR1@120`` has Slurm send it."""
    with tuning(tmp_path) as process:
        wait_for(lambda: lines(tmp_path), process)
        for one in (psutil.Process(process.pid), *family(process)):
            one.send_signal(signal.SIGUSR1)
        out, err, left = ends(process)
    assert (process.returncode, out) == (130, "")
    assert "ibsweep: interrupted; " in err
    assert err.endswith("go on with: ibsweep resume s\n")
    assert left == []
    assert not (tmp_path / "results" / "s" / "best.yaml").exists(), "it had not come to an end"


def test_told_to_end_while_ray_starts_it_says_how_to_go_on(tmp_path):
    with tuning(tmp_path) as process:
        wait_for(lambda: pid_of(process, "gcs_server"), process)
        process.terminate()
        out, err, left = ends(process)
    assert (process.returncode, out) == (130, "")
    assert "ibsweep: interrupted; 0 of 12 trials of s are done" in err
    assert "go on with: ibsweep resume s" in err
    assert left == []


def test_in_python_code_it_is_an_error_that_says_how_to_go_on(tmp_path):
    """Ray ends the process a minute after its gcs_server, for which calls wait meanwhile."""
    question = tiny.write_question(tmp_path, LONG)
    with running(tmp_path, "-c", SCRIPT, str(question)) as process:
        wait_for(lambda: lines(tmp_path), process)
        os.kill(pid_of(process, "gcs_server"), signal.SIGKILL)
        began = time.monotonic()
        out, err, left = ends(process)
    assert process.returncode == 0, err
    assert "Ray's gcs_server died; what is finished is stored; ibsweep.resume('s') goes on" in out
    assert time.monotonic() - began < 45, "long before Ray would end it"
    agents = [one for one in left if "Agent" in one.name()]  # they live for a minute
    assert left == agents
