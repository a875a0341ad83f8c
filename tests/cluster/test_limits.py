"""Limits under which Ray would die are told before anything begins."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys

import pytest
import tiny

from ibsweep.cluster.limits import explained


@pytest.mark.parametrize(
    ("limit", "amount", "words"),
    [
        ("RLIMIT_AS", 2**30, "address space is limited to 1 GiB (ulimit -v 1048576)"),
        ("RLIMIT_FSIZE", 2**20, "the size of a file is limited to 1 MiB (ulimit -f 1024)"),
        ("RLIMIT_NOFILE", 64, "open files is limited to 64 (ulimit -n 64)"),
    ],
)
def test_a_limit_that_is_too_low_is_refused_and_no_sweep_begins(tmp_path, limit, amount, words):
    tiny.write_question(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "ibsweep", "tune", "tiny.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(getattr(resource, limit), (amount, amount)),
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ibsweep: {words}, and a sweep needs ")
    assert not (tmp_path / "results").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_threads_are_counted_for_the_user_whom_they_are_limited_for():
    code = (
        # all that it imports, first: the other user may not read this folder
        "import os, resource\nimport ray._private.utils\n"
        "from ibsweep.cluster.limits import _needed_threads, require_limits\n_needed_threads()\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (100, 100))\nrequire_limits()\n"
        "os.setuid(54321)\nrequire_limits()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    # not the last line: as it ends, Ray imports more, which the other user may not be able to read
    said = "threads are limited to 100 (ulimit -u), 1 are in use, and a sweep needs"
    assert f"InputError: processes and {said}" in done.stderr


def test_an_error_of_the_machine_has_words_and_another_is_unexpected():
    assert explained(MemoryError()).startswith("out of memory")
    full = OSError(errno.ENOSPC, "No space left on device", "/data/x")
    assert explained(full).startswith("no space left on device: /data/x")
    assert explained(KeyError("x")).startswith("unexpected KeyError: 'x' (--debug shows")
    missing = FileNotFoundError(errno.ENOENT, "No such file", "x")
    assert explained(missing).startswith("unexpected FileNotFoundError: ")
