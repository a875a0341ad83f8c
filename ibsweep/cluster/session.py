"""Ray, started for one command or joined at an address; always with token authentication."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ibsweep.cluster.start import LOGGERS, ray_started, try_connection
from ibsweep.errors import InputError
from ibsweep.terminal import say, show_cursor

__all__ = ["environment_restored", "ray_session"]

_RECONNECT_TIMEOUT = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Ray's own setting: for how many seconds it seeks a lost head, before it ends the process."""


def _ray_runs() -> bool:
    """Return whether this process has started or joined Ray, without importing it for that."""
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


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
            try_connection(gcs)
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
        InputError: If Ray does not start, or the cluster cannot be joined.
    """
    if address == "":
        raise InputError("--address is empty: give HOST:PORT of the cluster's head, or auto")
    if _ray_runs():
        yield
        return
    on_term = signal.getsignal(signal.SIGTERM)
    with ray_started(address):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_term)  # Ray puts a handler of its own in its place
        session_over = threading.Event()
        if address:
            import ray

            watched = (ray.get_runtime_context().gcs_address, session_over, resume_hint)
            threading.Thread(target=_watch_head, args=watched, daemon=True).start()
        try:
            # Ray prints what its daemons report, log_to_driver or not; results go to stdout later
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        finally:
            session_over.set()


@contextmanager
def environment_restored() -> Iterator[None]:
    """Leave no trace of a session in a process that goes on: for Python code of the user's own.

    Environment variables and Ray's loggers are what they were, and Ray reads its token anew.
    """
    before = dict(os.environ)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
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
