"""Ray, started for one command or joined at an address; always with token authentication."""

from __future__ import annotations

import contextlib
import functools
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

from ibsweep.errors import InputError
from ibsweep.imports import uncollected

__all__ = ["ray_session", "require_token"]

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
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
or not; a Ray of one's own keeps them to itself."""

_NEXT = ("torch", "numba", "scipy.ndimage", "scipy.stats", "pandas", "optuna")
"""What a command needs as soon as Ray runs, by the seconds that it takes to import."""

_RECONNECT = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Ray's own setting: for how many seconds it seeks a lost head, before it ends the process."""


def require_token() -> None:
    """Turn token authentication on in this process, whatever Ray's default is."""
    os.environ["RAY_AUTH_MODE"] = "token"
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    # Ray's core reads the mode once, when it is imported; that may have been before it was set
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _knock(address: str) -> None:
    """Raise an OSError unless somebody listens at a host and port."""
    host, port = address.rsplit(":", 1)
    socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()


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
        _knock(asked)
    except OSError as error:
        raise InputError(
            f"cannot join the Ray cluster at {asked!r}: {error.strerror or error}; check "
            f"{'RAY_ADDRESS' if address == 'auto' else '--address'} and that its head runs"
        ) from error


def _watch_head(gcs: str, over: threading.Event, how_to_go_on: Callable[[], str]) -> None:
    """End this process with a word on how to go on when the cluster's head is lost.

    Ray would end it as suddenly, some time later, with its own words.

    Args:
        gcs: Host and port of Ray's control service on the head.
        over: Is set when the session is over; then the head may go.
        how_to_go_on: See ``ray_session``.
    """
    patience = 0.75 * float(os.environ.get(_RECONNECT, 60))
    seen = time.monotonic()
    while not over.wait(2):
        try:
            _knock(gcs)
            seen = time.monotonic()
        except OSError:
            if time.monotonic() - seen > patience and not over.is_set():
                try:
                    show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""
                    print(
                        f"{show_cursor}ibsweep: the head of the Ray cluster, {gcs}, is lost; "
                        f"{how_to_go_on()}, on another cluster with its --address",
                        file=sys.stderr,
                        flush=True,
                    )
                finally:  # whatever became of the words
                    os._exit(1)


@contextmanager
def _said_aside() -> Iterator[IO[bytes]]:
    """Yield a file that gets what is written past Python to the standard error stream.

    Ray's core writes there by itself, a line a second while a cluster refuses it. Python's own
    output, such as the progress, goes where it went.
    """
    with tempfile.TemporaryFile() as said, os.fdopen(os.dup(2), "w", buffering=1) as terminal:
        os.dup2(said.fileno(), 2)
        try:
            with contextlib.redirect_stderr(terminal):
                yield said
        finally:
            os.dup2(terminal.fileno(), 2)


@contextmanager
def _importing_meanwhile() -> Iterator[None]:
    """Import what comes next while the block waits for Ray's processes, which takes seconds."""

    def import_all() -> None:
        for name in _NEXT:
            with contextlib.suppress(ImportError):  # said where it is needed, if it is
                importlib.import_module(name)

    thread = threading.Thread(target=import_all, daemon=True)
    with uncollected():
        thread.start()
        try:
            yield
        finally:
            thread.join()  # nothing else is imported at the same time


@contextmanager
def _few_daemons() -> Iterator[None]:
    """Have Ray start neither an autoscaler nor a reader of its workers' output.

    Nobody asks for either in a Ray of one's own; they cost a second at the start and one at the
    end, and ``ray.init`` has no setting for them.
    """
    import ray._private.parameter as parameter

    usual = parameter.RayParams
    parameter.RayParams = functools.partial(usual, no_monitor=True, include_log_monitor=False)
    try:
        yield
    finally:
        parameter.RayParams = usual


@contextmanager
def ray_session(
    address: str | None,
    how_to_go_on: Callable[[], str] = lambda: "what is finished is safe, give the command again",
) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster at ``address``, for the time of a block.

    A Ray that this process has started already is used as it is. A cluster that happens to run on
    this machine is not joined unasked.

    Args:
        address: Address of a cluster, or None for a Ray of one's own.
        how_to_go_on: Returns what to say about that when the cluster's head is lost.

    Raises:
        InputError: If the cluster cannot be joined.
    """
    if address == "":
        raise InputError("--address is empty: give HOST:PORT of the cluster's head, or auto")
    if address:
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

    require_token()
    for name in ("ray", "ray.tune", "ray.air", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    on_term = signal.getsignal(signal.SIGTERM)
    with (
        contextlib.redirect_stdout(io.StringIO()),  # Ray tells what went wrong on it before
        _importing_meanwhile(),
        _said_aside() if address else _few_daemons() as said,
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
            if said and said.seek(0) == 0 and b"InvalidAuthToken" in said.read():
                reason = "it refuses the token"
            raise InputError(
                f"cannot join the Ray cluster at {address!r}: {reason}; check --address and that "
                "RAY_AUTH_TOKEN or the token file is the cluster's"
            ) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_term)  # Ray puts a handler of its own in its place
    over = threading.Event()
    if address:
        import ray._private.worker

        gcs = ray._private.worker.global_worker.gcs_client.address
        threading.Thread(target=_watch_head, args=(gcs, over, how_to_go_on), daemon=True).start()
    try:
        # Ray prints what its daemons report, log_to_driver or not; results go to stdout when it is
        # over
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        over.set()
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C must not leave Ray behind
            ray.shutdown()
