"""Imports that the garbage collector is kept off."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from ibsweep.imports import uncollected


def test_nothing_is_collected_in_the_block_and_everything_after_it() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_failed_import_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_workers_import_is_walked_over_no_more() -> None:
    code = "import gc; import ibsweep.sweep.trainable; print(len(gc.get_objects()))"
    walked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(walked.stdout) < 10_000  # of some 400,000
