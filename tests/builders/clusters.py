"""Clusters of several nodes on this machine: real raylets, with a token of their own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from head import clean_environment
from ray.cluster_utils import Cluster

__all__ = ["another_cluster", "cluster_with_token", "environment"]


@contextmanager
def cluster_with_token() -> Iterator[Cluster]:
    """Start a head that trains nothing, with a token; nodes are for the test to add."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        for name in ("AUTOSCALER_METRIC_PORT", "DASHBOARD_METRIC_PORT"):
            patch.setenv(name, "-1")
        patch.setenv("RAY_enable_metrics_collection", "0")
        from ibsweep.cluster.ray_internals.core import enable_token_authentication

        enable_token_authentication()
        with another_cluster() as one:
            yield one


@contextmanager
def another_cluster() -> Iterator[Cluster]:
    """Start a head that trains nothing, with the token that this process has."""
    one = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False},
        shutdown_at_exit=False,
    )
    try:
        yield one
    finally:
        one.shutdown()


def environment() -> dict[str, str]:
    """Return the environment of a command that has the token."""
    names = ("RAY_AUTH_TOKEN", "RAY_gcs_rpc_server_reconnect_timeout_s")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**clean_environment(), "RAY_AUTH_MODE": "token", **kept}
