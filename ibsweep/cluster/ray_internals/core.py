"""Ray Core beyond its public API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

__all__ = [
    "GCS_PORT",
    "RECONNECT_TIMEOUT",
    "cpus_of_this_machine",
    "enable_token_authentication",
    "for_this_process_alone",
    "forget_token",
    "local_daemons",
    "node_of_actor",
]


GCS_PORT = "RAY_GCS_SERVER_PORT"
"""Where a local Ray's control service is to listen; any free port by default."""

RECONNECT_TIMEOUT = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""For how many seconds a process of Ray's seeks its lost control service, before it ends."""


def enable_token_authentication() -> None:
    """Turn token authentication on in this process, whatever Ray's default is.

    Ray's core reads RAY_AUTH_MODE and the token once, when it is imported, which may have been
    before they were set. Ray does the same by itself where it enables authentication for a local
    cluster (https://github.com/ray-project/ray/pull/64755), and offers no function for it.
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    forget_token()


def forget_token() -> None:
    """Have Ray's core read RAY_AUTH_MODE and the token anew, as they are set now."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def for_this_process_alone(directory: Path) -> Iterator[None]:
    """Have ``ray.init`` start what a local Ray needs, for this machine alone.

    Its sockets and logs lie in a directory that is given.

    All of it listens on the loopback interface, as it does on macOS by default
    (https://github.com/ray-project/ray/issues/18730); of ``_node_ip_address="127.0.0.1"``,
    ``ray.init`` makes the machine's own address.

    Neither an autoscaler nor a log monitor is started. Nobody asks for either in a local Ray; they
    cost a second at the start and one at the end. ``ray start`` has options for both,
    ``--no-monitor`` and ``--include-log-monitor``
    (https://github.com/ray-project/ray/pull/48891); ``ray.init`` has none.
    """
    import ray._private.parameter as parameter

    original = parameter.RayParams

    def local(**settings: Any) -> Any:
        fixed = {"no_monitor": True, "include_log_monitor": False, "node_ip_address": "127.0.0.1"}
        return original(**{**settings, **fixed, "temp_dir": str(directory)})

    parameter.RayParams = local
    try:
        yield
    finally:
        parameter.RayParams = original


def cpus_of_this_machine() -> int:
    """Return for how many CPUs a local Ray will start workers: of a container, its share.

    ``os.cpu_count`` is the host's number.
    """
    from ray._private.utils import get_num_cpus

    return int(get_num_cpus())


def local_daemons() -> dict[str, subprocess.Popen[bytes]]:
    """Return the daemons of the Ray that this process has started and cannot do without, by name.

    ``ray.nodes`` tells of a node, and takes a minute to tell that its control service is gone.
    """
    import ray._private.worker as worker

    started = worker._global_node.all_processes
    return {name: started[name][0].process for name in ("gcs_server", "raylet")}


def node_of_actor(actor_id: str) -> str | None:
    """Return the id of the node that an actor ran on, None where it never came to one.

    ``ray.util.state.get_actor`` is public, but asks the dashboard, which does not run in a Ray of
    one's own (https://github.com/ray-project/ray/pull/56733 keeps this one for such use).

    Args:
        actor_id: In hexadecimal digits.
    """
    from ray._private.state import actors

    return actors(actor_id).get("Address", {}).get("NodeID") or None
