"""Ray on machines of strangers: blanks in paths, long ones, closed streams, a failing start."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import tiny

from ibsweep.cluster.start import ray_started
from ibsweep.errors import InputError
from ibsweep.results.store import SweepStore

ROOT = Path(__file__).parents[2]


def environment(**variables):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def interpreter_in(folder):
    """Make a virtual environment with all that this one has, and return its interpreter."""
    venv.create(folder, symlinks=True, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    for path in map(Path, sys.path):
        if path.name == "site-packages":
            for entry in path.iterdir():
                if not (site / entry.name).exists():
                    (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_from_a_path_with_blanks_and_a_long_tmpdir_that_nobody_watches(tmp_path):
    """The packages lie below the path with blanks too, so that Ray's own programs do."""
    python = interpreter_in(tmp_path / "My (good) Projects" / ".venv")
    long = tmp_path / ("temporary" * 8)
    long.mkdir()
    tiny.write_question(tmp_path)
    command = [python, "-m", "ibsweep", "tune", "tiny.yaml", "--trials", "2", *tiny.BUDGET]
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *command, "--name", "unseen"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(long)),
        check=False,
        timeout=170,
    )
    assert done.returncode == 0
    store = SweepStore(tmp_path / "results" / "unseen")
    assert [row.state for row in store.trials()] == ["COMPLETE", "COMPLETE"]
    assert store.paths.best_config.exists()


@pytest.mark.ray
@pytest.mark.slow
def test_a_ray_that_does_not_start_says_so_and_no_sweep_is_left(tmp_path):
    tiny.write_question(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "ibsweep", "tune", "tiny.yaml"],
        cwd=tmp_path,
        env=environment(RAY_OVERRIDE_RESOURCES="nonsense"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "ibsweep: cannot start Ray on this machine: " in done.stderr
    assert all(line.startswith("ibsweep: ") for line in done.stderr.splitlines())
    assert "--address" not in done.stderr
    assert list((tmp_path / "results").glob("*")) == []


@pytest.mark.parametrize(
    ("port", "words"),
    [
        (None, "address already in use; name a free port, or unset it"),
        ("70000", "RAY_GCS_SERVER_PORT is the port of Ray's control service, at most 65535, but"),
        ("here", "it is 'here': name a port, or unset it"),
    ],
)
def test_a_port_that_ray_cannot_have_is_told_before_it_starts(monkeypatch, port, words):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("RAY_GCS_SERVER_PORT", port or str(taken.getsockname()[1]))
        with pytest.raises(InputError, match=re.escape(words)), ray_started(None):
            pass
