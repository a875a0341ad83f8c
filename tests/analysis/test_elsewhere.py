"""On systems where no sweep runs, results are read, and what does not work there says so.

This machine cannot be one of them; but the modules and calls that they lack can be taken away.
"""

from __future__ import annotations

import subprocess
import sys

import report_results as rows

WINDOWS = """
import os, platform, sys

for name in ("fcntl", "resource", "termios", "grp", "pwd"):
    sys.modules[name] = None
for name in ("fork", "sysconf", "geteuid", "statvfs"):
    delattr(os, name)
for name in ("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
    delattr(os, name)
platform.system = lambda: "Windows"
"""
READING = """
import ibsweep

found = ibsweep.load(sys.argv[1])
assert len(found.sweeps) > 0
assert len(found.trials) > 0 and len(found.confirmations) > 0
print(found.sweeps.to_string())
"""
COMMANDS = """
from ibsweep.cli import run

for line in (["questions"], ["show", "q7"], ["sweeps", "--results", sys.argv[1]], ["tune", "q7"]):
    print("code", line[0], run(line), flush=True)
print("code", "report", run(["report", "--results", sys.argv[1], "--out", sys.argv[2]]))
"""


def on_windows(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", WINDOWS + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_results_are_read_without_what_windows_lacks(tmp_path):
    done = on_windows(READING, rows.trio(tmp_path))
    assert done.returncode == 0, done.stderr


def test_commands_that_write_refuse_with_words_and_others_work(tmp_path):
    done = on_windows(COMMANDS, rows.trio(tmp_path / "results"), tmp_path / "out")
    said = (line.split() for line in done.stdout.splitlines() if line.startswith("code "))
    codes = {command: code for _, command, code in said}
    for command in ("questions", "show", "sweeps"):
        assert codes.get(command) == "0", done.stderr
    assert (codes["tune"], codes["report"]) == ("2", "2"), done.stderr
    faults = [line for line in done.stderr.splitlines() if line.startswith("ibsweep: ")]
    assert len(faults) == 2
    assert all("made on Linux, and this is Windows" in line for line in faults)
    assert "unexpected" not in done.stderr
