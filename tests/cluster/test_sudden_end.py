"""A process that is ended without any chance to say so."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, signal
from ibsweep.cluster.sudden_end import told_if_ended
try:
    with told_if_ended("it's over; \\x1b[31mgo on with: it"):
        {inside}
finally:
    print("ends")
"""


@pytest.mark.parametrize(
    ("inside", "code", "out", "err"),
    [
        ("os._exit(1)", 1, "", "it's over; \\x1b[31mgo on with: it\n"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, "", "it's over; \\x1b[31mgo on with: it\n"),
        ("pass", 0, "ends\n", ""),
        ("raise SystemExit(3)", 3, "ends\n", ""),
    ],
)
def test_it_is_told_by_another(inside, code, out, err):
    command = [sys.executable, "-c", CODE.format(inside=inside)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)
