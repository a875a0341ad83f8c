"""Joining a cluster that runs; what cannot be joined has words."""

from __future__ import annotations

import logging
import os
import socket

from ibsweep.cluster.native_output import redirect_native_stderr
from ibsweep.cluster.ray_internals.messages import TOKEN_REFUSED
from ibsweep.errors import InputError

__all__ = ["join_cluster", "require_listener", "try_connection"]


def join_cluster(address: str) -> None:
    """Join a cluster.

    Raises:
        InputError: If it cannot be joined.
    """
    import ray
    from ray.exceptions import AuthenticationError

    with redirect_native_stderr() as core_log:
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


def require_listener(address: str) -> None:
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
