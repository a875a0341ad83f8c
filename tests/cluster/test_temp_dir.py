"""Where a local Ray's sockets and logs lie: in a directory of the command's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ibsweep.cluster.temp_dir import private_directory
from ibsweep.errors import InputError

HOLD = """
import sys, time
from ibsweep.cluster.temp_dir import private_directory
with private_directory() as made:
    print(made, flush=True)
    time.sleep(600)
"""
NAMESPACE = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
needs_namespace = pytest.mark.skipif(
    NAMESPACE.returncode != 0, reason="only root may mount file systems"
)


@pytest.fixture
def place():
    """A directory with a path that is short enough."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="p") as made:
        yield Path(made)


@pytest.fixture(autouse=True)
def no_directories(monkeypatch):
    for name in ("RAY_TMPDIR", "TMPDIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_nobody_else_can_enter_it_and_nothing_is_left(monkeypatch, place):
    monkeypatch.setenv("TMPDIR", str(place))
    with private_directory() as made:
        assert made.parent.parent == place
        assert made.parent.stat().st_mode & 0o777 == 0o700
        (made / "socket").touch()
    assert list(place.iterdir()) == []


def test_a_long_or_wrong_tmpdir_is_passed_over(monkeypatch, place):
    long = place / ("x" * 64)
    long.mkdir()
    open_to_all = place / "o"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for value in (long, place / "missing", open_to_all, Path("relative")):
        monkeypatch.setenv("TMPDIR", str(value))
        with private_directory() as made:
            assert made.parent.parent == Path("/tmp")


def test_a_directory_that_the_user_names_is_made_and_used(monkeypatch, place):
    monkeypatch.setenv("RAY_TMPDIR", str(place / "mine"))
    with private_directory() as made:
        assert made.parent.parent == place / "mine"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 64, "bytes long; with Ray's own part a socket's would be too long"),
        ("a file", "it is no directory"),
        ("open", "it lacks the sticky bit"),
        ("it's", "a quote or backslash in a path"),
    ],
)
def test_a_directory_that_the_user_names_and_that_will_not_do_is_refused(
    monkeypatch, place, name, reason
):
    (place / "a file").touch()
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    monkeypatch.setenv("RAY_TMPDIR", str(place / name))
    with pytest.raises(InputError) as caught, private_directory():
        pass
    first, fault, advice = str(caught.value).splitlines()
    assert "none of these can take its sockets" in first
    assert fault.startswith(f"{place / name}: ")
    assert reason in fault
    assert advice.startswith("name a directory in RAY_TMPDIR")


def test_what_a_killed_command_left_is_removed_and_nothing_else(monkeypatch, place):
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    commands = [
        subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, living = (Path(command.stdout.readline().strip()).parent for command in commands)
    strange = place / "ibs-strange1"
    strange.symlink_to("/etc")
    others = place / "ibs-another1"
    others.mkdir()
    (others / "r").mkdir()
    if os.geteuid() == 0:
        os.chown(others, 65534, 65534)
    try:
        commands[0].kill()
        commands[0].wait()
        with private_directory():
            assert not killed.exists()
            assert living.exists()
            assert strange.is_symlink()
            assert os.geteuid() != 0 or others.exists()
    finally:
        for command in commands:
            command.kill()
            command.wait()
            command.stdout.close()


def test_ctrl_c_leaves_nothing(monkeypatch, place):
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    code = f"import signal; signal.signal({signal.SIGINT:d}, signal.default_int_handler)\n{HOLD}"
    command = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    command.stdout.readline()
    command.send_signal(signal.SIGINT)
    command.wait(timeout=30)
    command.stdout.close()
    assert list(place.iterdir()) == []


def in_namespace(mounts: str) -> subprocess.CompletedProcess[str]:
    """Say where the directory is, and Python's temporary files, where file systems are such."""
    code = (  # imported before: Python and the package may lie under /tmp themselves
        "import fcntl, os, socket, subprocess, sys, tempfile\n"
        "from ibsweep.cluster.temp_dir import private_directory\n"
        "os.chdir('/')\nsubprocess.run(['bash', '-c', sys.argv[1]], check=True)\n"
        "with private_directory() as made: print(made, tempfile.gettempdir())"
    )
    return subprocess.run(
        ["unshare", "-m", sys.executable, "-c", code, mounts],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


FULL = "mount -t tmpfs -o size=1m none {0}"
READ_ONLY = "mount -t tmpfs -o ro none {0}"


@needs_namespace
@pytest.mark.parametrize("state", [FULL, READ_ONLY])
def test_a_full_or_read_only_tmp_is_passed_over(state):
    done = in_namespace(state.format("/tmp"))
    assert done.stdout.startswith("/var/tmp/ibs-"), done.stderr
    mounts = " && ".join(READ_ONLY.format(place) for place in ("/tmp", "/var/tmp"))
    done = in_namespace(f"{mounts} && mount -o remount,ro,bind / / 2>/dev/null || true")
    assert done.stdout.startswith("/dev/shm/ibs-"), done.stderr


@needs_namespace
def test_where_nothing_will_do_each_place_says_why():
    mounts = [FULL.format("/tmp"), READ_ONLY.format("/var/tmp"), READ_ONLY.format("/dev/shm")]
    done = in_namespace(" && ".join(mounts))
    *_, tmp, var, shm, advice = done.stderr.strip().splitlines()
    assert tmp == "/tmp: only 1 MiB are free on its file system"
    assert [var, shm] == ["/var/tmp: it cannot be written", "/dev/shm: it cannot be written"]
    assert "RAY_TMPDIR" in advice
