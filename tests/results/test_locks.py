"""Locks on files: one process at a time, and through a new image of the same process."""

from __future__ import annotations

import os
import subprocess
import sys

from ibsweep.results.locks import is_locked

EXECS = """
import os, sys
from pathlib import Path
from ibsweep.results.locks import exclusive_lock, hand_over_locks

with exclusive_lock(Path(sys.argv[1]), "taken"):
    environment = {**os.environ, "LOCKS": hand_over_locks()}
    os.execve(sys.executable, [sys.executable, "-c", sys.argv[2], *sys.argv[1:]], environment)
"""

GOES_ON = """
import os, sys
from pathlib import Path
from ibsweep.results.locks import exclusive_lock, is_locked, take_over_locks

path = Path(sys.argv[1])
print(is_locked(path))
take_over_locks(os.environ["LOCKS"])
{between}
with exclusive_lock(path, "taken"):
    print(is_locked(path))
print(is_locked(path))
"""


def run(path, between=""):
    done = subprocess.run(
        [sys.executable, "-c", EXECS, str(path), GOES_ON.format(between=between)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_a_new_image_of_a_process_keeps_its_locks(tmp_path):
    assert run(tmp_path / ".lock") == ["True", "True", "False"]


def test_of_a_file_that_was_replaced_meanwhile_the_lock_is_taken_anew(tmp_path):
    between = "path.rename(path.with_name('old'))"
    assert run(tmp_path / ".lock", between) == ["True", "True", "False"]
    assert not is_locked(tmp_path / "old")
    assert os.listdir(tmp_path)  # noqa: PTH208
