"""Starting Ray on this machine, or joining one; every way in which that fails has words."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import re
import secrets
import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ibsweep.cluster.limits import limits_in_force, require_limits
from ibsweep.cluster.ray_internals.messages import TOKEN_REFUSED
from ibsweep.cluster.temp_dir import private_directory
from ibsweep.errors import InputError
from ibsweep.gc_control import gc_paused
from ibsweep.terminal import GuardedStream

__all__ = ["LOGGERS", "quieten_ray", "ray_started", "try_connection"]

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

LOGGERS = ("ray", "ray.tune", "ray.air", "ray.train")
"""Ray's loggers, which are silent while a command runs."""

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
        _require_listener(address)
    else:
        require_limits()
    _set_environment(address)
    with contextlib.nullcontext() if address else private_directory() as directory:
        import ray

        from ibsweep.cluster.ray_internals.core import enable_token_authentication

        enable_token_authentication()
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with (
            contextlib.redirect_stdout(io.StringIO()),  # where Ray reports faults before it raises
            _preload_modules(),
        ):
            if address:
                _join(address)
            else:
                assert directory is not None
                _start(directory)
        try:
            yield
        finally:
            with contextlib.suppress(KeyboardInterrupt):  # a second one must not leave Ray behind
                ray.shutdown()


def quieten_ray() -> None:
    """Keep Ray Tune's chatter and files out of the way, whoever has started Ray."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def _set_environment(address: str | None) -> None:
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


def _start(directory: Path) -> None:
    """Start a Ray for this process alone.

    Raises:
        InputError: If that fails.
    """
    import ray

    from ibsweep.cluster.ray_internals.core import for_this_process_alone

    try:
        with for_this_process_alone(), _redirect_native_stderr():
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                object_store_memory=_OBJECT_STORE,
                runtime_env=_quoted_interpreter(),
                _temp_dir=str(directory),
            )
    except BaseException as error:
        with contextlib.suppress(Exception):  # of what has started
            ray.shutdown()
        if isinstance(error, Exception):
            raise _not_started(error, directory) from error
        raise


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
    lines = [f"cannot start Ray on this machine: {text.split('. ')[0]}", *_last_words(directory)]
    if limits := limits_in_force():
        lines.append(f"limits are in force, which may be why: {limits}")
    return InputError("\n".join(lines))


_FATAL = re.compile(r"\b[CFE] \d+ \d+\] (?:\(\w+\) )?(.*)|^((?:\w+Error|terminate).*)")
"""A line of a daemon's log that says why it ends: of Ray's core, of Python."""


def _last_words(directory: Path) -> list[str]:
    """Return the last such line of each daemon."""
    found = []
    for path in sorted(directory.glob("session_*/logs/*.*")):
        if path.parent.parent.is_symlink() or path.suffix not in (".out", ".err", ".log"):
            continue
        with contextlib.suppress(OSError):
            said = _FATAL.findall(path.read_text("utf-8", "replace"))
            if said:
                found.append(f"{path.stem}: {''.join(said[-1])[:200]}")
    return list(dict.fromkeys(found))[:5]


def _join(address: str) -> None:
    """Join a cluster.

    Raises:
        InputError: If it cannot be joined.
    """
    import ray
    from ray.exceptions import AuthenticationError

    with _redirect_native_stderr() as core_log:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ConnectionError, RuntimeError, ValueError, AuthenticationError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
            if core_log.seek(0) == 0 and TOKEN_REFUSED.encode() in core_log.read():
                reason = "it refuses the token"
            raise InputError(
                f"cannot join the Ray cluster at {address!r}: {reason}; check --address and that "
                "RAY_AUTH_TOKEN or the token file is the cluster's"
            ) from error


def try_connection(address: str) -> None:
    """Raise an OSError unless something listens at ``HOST:PORT``."""
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
    if "/" in host or not port.isdecimal() or not 0 < int(port[:9]) < 65_536:
        raise InputError(
            f"cannot join the Ray cluster at {asked!r}: an address is HOST:PORT of the head, or "
            "auto; this command must run on a node of the cluster, where `ibsweep submit` runs it"
        )
    try:
        try_connection(asked)
    except (OSError, ValueError) as error:  # ValueError: no host has that name
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot join the Ray cluster at {asked!r}: {reason}; check "
            f"{'RAY_ADDRESS' if address == 'auto' else '--address'} and that its head runs"
        ) from error


@contextmanager
def _redirect_native_stderr() -> Iterator[IO[bytes]]:
    """Yield a file that gets what is written past Python to the standard error stream.

    Ray's core writes there by itself, a line a second while a cluster refuses it. Python's own
    output, such as the progress, goes where it went.
    """
    with tempfile.TemporaryFile() as log, os.fdopen(os.dup(2), "w", buffering=1) as terminal:
        os.dup2(log.fileno(), 2)
        try:
            guarded: Any = GuardedStream(terminal)
            with contextlib.redirect_stderr(guarded):
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
