"""Sweeps from Python: in a script, in a notebook, interrupted, and beside a Ray of the user's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
import tiny
from nbclient import NotebookClient
from traitlets.config import Config

import ibsweep
from ibsweep.errors import InputError

ENCRYPTED = Config({"KernelManager": {"transport_encryption": "auto"}})

SCRIPT = """
import json, os, sys
import ibsweep
before = dict(os.environ)
budget = dict(trials=4, replicates=2, confirm=1, choice_replicates=2, confirm_replicates=2)
found = ibsweep.tune("tiny.yaml", name="s", **budget)
print(json.dumps({
    "frames": [len(found.trials), len(found.confirmations), len(found.sweeps)],
    "best": found.best("tiny_cnn")["config"],
    "repr": repr(found),
    "environment": {k: v for k, v in os.environ.items() if before.get(k) != v},
}))
import ray
assert not ray.is_initialized()
"""


def run(folder, script, *, timeout=240):
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.parametrize(
    ("targets", "options", "words"),
    [
        ((), {}, "name what to tune"),
        (("q7_wide",), {}, "did you mean 'q7_wider'"),
        (("q7_wider",), {"trial": 3}, "did you mean 'trials'"),
        (("q7_wider",), {"trials": "many"}, "`trials` must be a valid integer, but got 'many'"),
        (("q7_wider",), {"replicates": "2..8"}, "`replicates` must be a valid integer, but got"),
        (("q7_wider",), {"enqueue": 5}, "`enqueue` must be "),
        (("q7_wider",), {"earlier": ["x", 5]}, "`earlier` must be "),
        (("q7_wider",), {"trials": 0}, "must be at least 1"),
    ],
)
def test_wrong_input_is_an_error_before_anything_runs(tmp_path, targets, options, words):
    with pytest.raises(InputError, match=words):
        ibsweep.tune(*targets, results=tmp_path / "results", **options)
    assert not (tmp_path / "results").exists()


def test_a_sweep_that_is_not_there_cannot_be_resumed(tmp_path):
    with pytest.raises(InputError, match="no sweep"):
        ibsweep.resume("x", results=tmp_path)


@pytest.mark.slow
def test_a_script_gets_frames_and_best_and_keeps_its_environment(tmp_path):
    tiny.write_question(tmp_path)
    done = run(tmp_path, SCRIPT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["frames"][0] == 4
    assert told["frames"][2] == 1
    assert told["best"]["lr"] > 0
    assert told["environment"] == {}
    assert "4/4" in done.stderr


@pytest.mark.slow
def test_an_interrupted_script_says_how_to_go_on_and_does(tmp_path):
    tiny.write_question(tmp_path)
    script = SCRIPT.replace("trials=4", "trials=60")
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    rows = tmp_path / "results" / "s" / "trials.jsonl"
    deadline = time.monotonic() + 120
    while not rows.exists() or len(rows.read_text().splitlines()) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
    assert "ibsweep.resume('s') goes on" in err
    kept = rows.read_text().splitlines()
    done = run(tmp_path, "import ibsweep; print(len(ibsweep.resume('s', progress=False).trials))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "60"
    assert rows.read_text().splitlines()[: len(kept)] == kept


@pytest.mark.slow
def test_a_ray_of_the_users_own_runs_on(tmp_path):
    tiny.write_question(tmp_path)
    script = f"""
import ray
ray.init(address="local", include_dashboard=False, num_cpus=2, log_to_driver=False)
{SCRIPT.split("import ray")[0]}
assert ray.is_initialized()
assert ray.get(ray.remote(lambda: 5).remote()) == 5
print("still there")
"""
    done = run(tmp_path, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("still there")


@pytest.mark.slow
def test_a_ray_of_the_users_own_can_start_afterwards(tmp_path):
    tiny.write_question(tmp_path)
    script = SCRIPT + (
        'ray.init(address="local", include_dashboard=False, num_cpus=1, log_to_driver=False)\n'
        'assert ray.get(ray.remote(lambda: 5).remote()) == 5\nprint("started")\n'
    )
    done = run(tmp_path, script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("started")


@pytest.mark.slow
def test_a_notebook_shows_a_bar_and_the_frames(tmp_path):
    tiny.write_question(tmp_path)
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell("import ibsweep"),
        nbformat.v4.new_code_cell(
            'found = ibsweep.tune("tiny.yaml", trials=3, replicates=2, confirm=1, '
            "choice_replicates=2, confirm_replicates=2)"
        ),
        nbformat.v4.new_code_cell('len(found.trials), found.best("tiny_cnn")["config"]'),
    ]
    client = NotebookClient(
        notebook,
        timeout=240,
        kernel_name="python3",
        resources={"metadata": {"path": tmp_path}},
        config=ENCRYPTED,
    )
    client.execute()
    (bar,) = [o for o in notebook.cells[1].outputs if o.output_type == "display_data"]
    assert '<progress value="3" max="3">' in bar["data"]["text/html"]
    assert "done, 3 of 3 trials, best" in bar["data"]["text/html"]
    assert notebook.cells[2].outputs[0]["data"]["text/plain"].startswith("(3, {")
