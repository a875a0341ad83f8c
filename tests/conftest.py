"""Shared by all tests: strict settings, and one Ray for all tests that need it, one cluster."""

from __future__ import annotations

import signal

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("ibsweep", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ibsweep")
torch.set_num_threads(1)
# a shell that runs the tests in the background lets them and what they start ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    for item in items:
        if "ray_local" in item.fixturenames:
            item.add_marker(pytest.mark.ray)
            item.add_marker(pytest.mark.xdist_group("ray"))


@pytest.fixture(scope="session")
def ray_local():
    """One Ray of two CPUs and a declared GPU, which exists on paper only."""
    from ibsweep.cluster.session import ray_session

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 2, "GPU": 1}')
        with ray_session(None):
            yield


@pytest.fixture(scope="session")
def ray_head():
    """The head of a cluster, with token authentication."""
    from head import start_head

    with start_head() as head:
        yield head
