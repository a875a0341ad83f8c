"""Directories of one process alone, and what becomes of those that a killed one left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ibsweep.own_directory import make_own_directory, remove_abandoned

HOLD = """
import sys, time
from ibsweep.own_directory import make_own_directory
made, lock = make_own_directory(sys.argv[1], "mine-")
(made / "file").touch()
print(made, flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that has made one and put a file into it."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_stays_while_its_process_lives_and_the_next_removes_it(tmp_path, holder):
    made = Path(holder.stdout.readline().strip())
    remove_abandoned(str(tmp_path), "mine-")
    assert (made / "file").exists()
    assert made.stat().st_mode & 0o777 == 0o700
    holder.kill()
    holder.wait()
    remove_abandoned(str(tmp_path), "other-")
    assert made.exists()
    remove_abandoned(str(tmp_path), "mine-")
    assert not made.exists()


def test_an_empty_one_is_let_be_since_its_maker_may_be_about_to_lock_it(tmp_path):
    (tmp_path / "mine-12345678").mkdir()
    remove_abandoned(str(tmp_path), "mine-")
    assert (tmp_path / "mine-12345678").exists()


def test_where_none_can_be_made_it_says_so(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        make_own_directory(str(tmp_path / "missing"), "mine-")
