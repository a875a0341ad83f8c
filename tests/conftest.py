"""Shared by all tests: strict settings, and one Ray for all tests that need it, one cluster."""

from __future__ import annotations

import contextlib
import functools
import os
import signal

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("ibsweep", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ibsweep")
torch.set_num_threads(1)
# without credentials the AWS library asks a link-local address for some
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
# a shell that runs the tests in the background lets them and what they start ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "ray_local" in item.fixturenames:
            item.add_marker(pytest.mark.ray)
    # They take longest, so they begin where tests run side by side; in one process they come last,
    # since tests of clusters there have tokens of their own, which would lock a running Ray out.
    side_by_side = bool(config.getoption("numprocesses", None)) or hasattr(config, "workerinput")
    items.sort(key=lambda item: ("ray_local" in item.fixturenames) is not side_by_side)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each file to one worker, and all files whose tests share a Ray to the same one.

    pytest-xdist's own groups have no effect with pytest 9.2: they are read from a node's id, which
    can no longer be changed.
    """
    from xdist.scheduler import LoadScopeScheduling

    @functools.cache
    def group(file):
        return "ray" if "ray_local" in (config.rootpath / file).read_text("utf-8") else file

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid.partition("::")[0])

    config.option.loadscopereorder = False
    return Groups(config, log)


@pytest.fixture(scope="session")
def ray_local():
    """One Ray of two CPUs and a declared GPU, which exists on paper only."""
    from ibsweep.cluster.session import ray_session

    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # no cluster of a test may have it
            patch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 2, "GPU": 1}')
            stack.enter_context(ray_session(None))
        yield


@pytest.fixture(scope="session")
def ray_head():
    """The head of a cluster, with token authentication."""
    from head import start_head

    with start_head() as head:
        yield head


@pytest.fixture
def cluster():
    """A cluster whose head trains nothing; nodes are for the test to add."""
    from clusters import cluster_with_token

    with cluster_with_token() as one:
        yield one
