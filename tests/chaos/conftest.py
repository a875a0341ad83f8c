"""Tests that break things at random: each gathers what it finds, and the counts come last."""

from __future__ import annotations

import os

import chaos
import pytest


def pytest_terminal_summary(terminalreporter):
    if chaos.tally:
        terminalreporter.section("chaos")
        for what, count in sorted(chaos.tally.items()):
            terminalreporter.write_line(f"{count:7,d} {what}")


@pytest.fixture
def findings():
    """Findings of one test, which ends with ``findings.check()``."""
    return chaos.Findings()


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """A results directory with three sweeps that ran undisturbed, and replications.

    ``s-seed10`` and ``s-seed11`` differ in their seeds, ``t`` has another sampler.
    """
    from sweeps_run import run_undisturbed

    folder = tmp_path_factory.mktemp("stored")
    run_undisturbed(folder)
    return folder / "results"


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
