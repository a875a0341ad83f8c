"""Ray, started for one command or joined at an address; always with token authentication."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from ibsweep.cluster.ray_internals.messages import TOKEN_REFUSED
from ibsweep.errors import InputError
from ibsweep.gc_control import gc_paused
from ibsweep.terminal import say, show_cursor

__all__ = ["environment_restored", "ray_session"]

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

_PRELOADED = ("torch", "numba", "scipy.ndimage", "scipy.stats", "pandas", "optuna")
"""What a command needs as soon as Ray runs, by the seconds that it takes to import."""

_LOGGERS = ("ray", "ray.tune", "ray.air", "ray.train")

_RECONNECT_TIMEOUT = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Ray's own setting: for how many seconds it seeks a lost head, before it ends the process."""


def _try_connection(address: str) -> None:
    """Raise an OSError unless something listens at ``HOST:PORT``."""
    host, port = address.rsplit(":", 1)
    socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()


def _ray_runs() -> bool:
    """Return whether this process has started or joined Ray, without importing it for that."""
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def _require_listener(address: str) -> None:
    """Refuse an address where nobody listens, which Ray would try for minutes.

    Raises:
        InputError: If so, or if it is none.
    """
    asked = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if asked in ("", "auto", "local"):
        return  # Ray looks for one on this machine
    host, _, port = asked.rpartition(":")
    if "/" in host or not port.isdecimal():
        raise InputError(
            f"cannot join the Ray cluster at {asked!r}: an address is HOST:PORT of the head, or "
            "auto; this command must run on a node of the cluster, where `ibsweep submit` runs it"
        )
    try:
        _try_connection(asked)
    except OSError as error:
        raise InputError(
            f"cannot join the Ray cluster at {asked!r}: {error.strerror or error}; check "
            f"{'RAY_ADDRESS' if address == 'auto' else '--address'} and that its head runs"
        ) from error


def _watch_head(gcs: str, session_over: threading.Event, resume_hint: Callable[[], str]) -> None:
    """End this process with a word on how to go on when the cluster's head is lost.

    Ray would end it as suddenly, some time later, with its own words.

    Args:
        gcs: Host and port of Ray's control service on the head.
        session_over: Set when the session is over; then the head may go.
        resume_hint: See ``ray_session``.
    """
    patience = 0.75 * float(os.environ.get(_RECONNECT_TIMEOUT, 60))
    seen = time.monotonic()
    while not session_over.wait(2):
        try:
            _try_connection(gcs)
            seen = time.monotonic()
        except OSError:
            if time.monotonic() - seen > patience and not session_over.is_set():
                try:
                    show_cursor()
                    say(
                        f"ibsweep: the head of the Ray cluster, {gcs}, is lost; "
                        f"{resume_hint()}, on another cluster with its --address"
                    )
                finally:  # whatever became of the words
                    os._exit(1)


@contextmanager
def _redirect_native_stderr() -> Iterator[IO[bytes]]:
    """Yield a file that gets what is written past Python to the standard error stream.

    Ray's core writes there by itself, a line a second while a cluster refuses it. Python's own
    output, such as the progress, goes where it went.
    """
    with tempfile.TemporaryFile() as log, os.fdopen(os.dup(2), "w", buffering=1) as terminal:
        os.dup2(log.fileno(), 2)
        try:
            with contextlib.redirect_stderr(terminal):
                yield log
        finally:
            os.dup2(terminal.fileno(), 2)


@contextmanager
def _preload_modules() -> Iterator[None]:
    """Import what is needed next while the block waits for Ray's processes, for seconds."""

    def import_all() -> None:
        for name in _PRELOADED:
            with contextlib.suppress(ImportError):  # said where it is needed, if it is
                importlib.import_module(name)

    thread = threading.Thread(target=import_all, daemon=True)
    with gc_paused():
        thread.start()
        try:
            yield
        finally:
            thread.join()  # nothing else is imported at the same time


@contextmanager
def ray_session(
    address: str | None,
    resume_hint: Callable[[], str] = lambda: "what is finished is safe, give the command again",
) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster at ``address``, for the time of a block.

    A Ray that this process has started already is used as it is. A cluster that happens to run on
    this machine is not joined unasked.

    Args:
        address: Address of a cluster, or None for a local Ray.
        resume_hint: Returns how to go on, for the message when the cluster's head is lost.

    Raises:
        InputError: If the cluster cannot be joined.
    """
    if address == "":
        raise InputError("--address is empty: give HOST:PORT of the cluster's head, or auto")
    if address and not _ray_runs():
        _require_listener(address)
    for name, value in {**_ENVIRONMENT, **({} if address else _NO_METRICS)}.items():
        os.environ.setdefault(name, value)
    if address is None and "RAY_AUTH_TOKEN" not in os.environ:
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # this command's own
    os.environ["RAY_AUTH_MODE"] = "token"
    import ray

    if ray.is_initialized():
        yield
        return
    from ray.exceptions import AuthenticationError

    from ibsweep.cluster.ray_internals.core import (
        enable_token_authentication,
        without_spare_daemons,
    )

    enable_token_authentication()
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    on_term = signal.getsignal(signal.SIGTERM)
    with (
        contextlib.redirect_stdout(io.StringIO()),  # on which Ray reports faults before it raises
        _preload_modules(),
        _redirect_native_stderr() if address else without_spare_daemons() as core_log,
    ):
        try:
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **({} if address else {"object_store_memory": 200 * 2**20}),
            )
        except (ConnectionError, RuntimeError, ValueError, AuthenticationError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
            if core_log and core_log.seek(0) == 0 and TOKEN_REFUSED.encode() in core_log.read():
                reason = "it refuses the token"
            raise InputError(
                f"cannot join the Ray cluster at {address!r}: {reason}; check --address and that "
                "RAY_AUTH_TOKEN or the token file is the cluster's"
            ) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_term)  # Ray puts a handler of its own in its place
    session_over = threading.Event()
    if address:
        watched = (ray.get_runtime_context().gcs_address, session_over, resume_hint)
        threading.Thread(target=_watch_head, args=watched, daemon=True).start()
    try:
        # Ray prints what its daemons report, log_to_driver or not; results go to stdout later
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        session_over.set()
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C must not leave Ray behind
            ray.shutdown()


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
            from ibsweep.cluster.ray_internals.core import forget_token

            forget_token()
