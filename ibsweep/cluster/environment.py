"""What Ray is told through the environment before it starts, and by its loggers' levels."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibsweep.cluster.ray_internals.core import forget_token

__all__ = ["environment_restored", "prepare_environment", "quieten_ray", "silence_loggers"]

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # the sweep's own records are the state
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000000",
}
"""Keeps Ray's own chatter and files out of the way; what the user has set stays."""

_NO_METRICS = {
    "AUTOSCALER_METRIC_PORT": "-1",
    "DASHBOARD_METRIC_PORT": "-1",
    "RAY_enable_metrics_collection": "0",
}
"""Where Ray is installed for a cluster, it gives its metrics to anybody on every interface, token
or not; a local Ray keeps them to itself."""

_LOGGERS = ("ray", "ray.tune", "ray.air", "ray.train")
"""Ray's loggers, which are silent while a command runs."""


def quieten_ray() -> None:
    """Keep Ray Tune's chatter and files out of the way, whoever has started Ray."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def silence_loggers() -> None:
    """Have Ray's loggers say nothing: what matters of it has words of our own."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def prepare_environment(address: str | None) -> None:
    """Set what Ray is to find when it starts here, or joins the cluster at an address."""
    quieten_ray()
    for name, value in ({} if address else _NO_METRICS).items():
        os.environ.setdefault(name, value)
    try:
        Path.home()
    except RuntimeError:  # Ray Tune wants to know it, though nothing is kept there
        os.environ["HOME"] = "/"
    if address is None and "RAY_AUTH_TOKEN" not in os.environ:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # this command's own
    os.environ["RAY_AUTH_MODE"] = "token"


@contextmanager
def environment_restored() -> Iterator[None]:
    """Leave no trace of a session in a process that goes on: for Python code of the user's own.

    Environment variables and Ray's loggers are what they were, and Ray reads its token anew.
    """
    before = dict(os.environ)
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if "ray" in sys.modules and not sys.modules["ray"].is_initialized():
            forget_token()
