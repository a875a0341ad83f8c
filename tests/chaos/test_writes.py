"""Kill -9 at file operations of what writes without Ray: nothing is lost, and it goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import chaos
import killed_writes
import pytest
from head import clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


def test_kills_of_what_writes_without_ray(stored, findings, tmp_path):
    program = Path(killed_writes.__file__)
    words = [
        sys.executable,
        str(program),
        str(stored),
        str(chaos.seed()),
        str(chaos.count("writes")),
    ]
    done = subprocess.run(
        words,
        env=clean_environment(),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    chaos.tally.update(document["counts"])
    for kind, example in document["found"]:
        findings.add(kind, example)
    findings.check()
