"""Starting Ray on this machine, or joining one; every way in which that fails has words."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibsweep.cluster.environment import prepare_environment, silence_loggers
from ibsweep.cluster.join import join_cluster, require_listener
from ibsweep.cluster.limits import limits_in_force, require_limits
from ibsweep.cluster.native_output import redirect_native_stderr
from ibsweep.cluster.ray_internals.core import (
    GCS_PORT,
    enable_token_authentication,
    for_this_process_alone,
)
from ibsweep.cluster.ray_internals.files import last_words
from ibsweep.cluster.temp_dir import private_directory
from ibsweep.errors import InputError, format_value
from ibsweep.gc_control import gc_paused

__all__ = ["ray_started"]

_PRELOADED = ("torch", "numba", "scipy.ndimage", "scipy.stats", "pandas", "optuna")
"""What a command needs as soon as Ray runs, by the seconds that it takes to import."""

_OBJECT_STORE = 200 * 2**20
"""Bytes of a local Ray's object store."""


@contextmanager
def ray_started(address: str | None) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster at ``address``; at the end, leave it.

    Args:
        address: Address of a cluster, or None for a local Ray, whose files lie in a directory of
            this command's own and which listens on the loopback interface alone.

    Raises:
        InputError: If Ray does not start, or the cluster cannot be joined.
    """
    if address:
        require_listener(address)
    else:
        require_limits()
        _require_free_port()
    prepare_environment(address)
    with contextlib.nullcontext() if address else private_directory() as directory:
        import ray

        enable_token_authentication()
        silence_loggers()
        with _preload_modules():
            if address:
                join_cluster(address)
            else:
                assert directory is not None
                _start(directory)
        try:
            yield
        finally:
            with contextlib.suppress(KeyboardInterrupt):  # a second one must not leave Ray behind
                ray.shutdown()


def _start(directory: Path) -> None:
    """Start a Ray for this process alone.

    Raises:
        InputError: If that fails.
    """
    import ray

    try:
        with for_this_process_alone(directory), redirect_native_stderr():
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                object_store_memory=_OBJECT_STORE,
                runtime_env=_quoted_interpreter(),
            )
    except BaseException as error:
        with contextlib.suppress(Exception):  # of what has started
            ray.shutdown()
        if isinstance(error, Exception):
            raise _not_started(error, directory) from error
        raise


def _require_free_port() -> None:
    """Refuse a port for Ray's control service that it cannot have: it would try for 40 s.

    Raises:
        InputError: If so, or if it is no port.
    """
    asked = os.environ.get(GCS_PORT)
    if not asked:
        return
    if not asked.isdecimal() or int(asked[:9]) > 65_535:
        raise InputError(
            f"{GCS_PORT} is the port of Ray's control service, at most 65535, but it is "
            f"{format_value(asked)}: name a port, or unset it"
        )
    try:
        with socket.socket() as probe:
            # what has just ended may keep a port for a minute, which keeps Ray from nothing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(asked)))
    except OSError as error:
        raise InputError(
            f"Ray's control service cannot have port {asked}, which {GCS_PORT} names: "
            f"{(error.strerror or str(error)).lower()}; name a free port, or unset it"
        ) from error


def _quoted_interpreter() -> dict[str, str] | None:
    """Return the runtime environment that starts workers where a path has a blank in it.

    Ray starts a worker through a shell, which it gives the path of the interpreter as it is.

    Raises:
        InputError: If the path cannot be quoted.
    """
    if any(one in f"{sys.executable}{importlib.import_module('ray').__file__}" for one in "'\"\\"):
        raise InputError(
            f"Ray cannot start workers by {sys.executable}, since a quote or backslash in a path "
            "does not get through its command lines: make the virtual environment elsewhere"
        )
    quoted = shlex.quote(sys.executable)
    return None if quoted == sys.executable else {"py_executable": quoted}


def _not_started(error: Exception, directory: Path) -> InputError:
    """Return why Ray did not start, with what its daemons said last."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    lines = [f"cannot start Ray on this machine: {text.split('. ')[0]}", *last_words(directory)]
    if limits := limits_in_force():
        lines.append(f"limits are in force, which may be why: {limits}")
    return InputError("\n".join(lines))


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
