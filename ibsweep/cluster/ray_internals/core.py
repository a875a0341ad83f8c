"""Ray Core beyond its public API."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "enable_token_authentication",
    "forget_token",
    "node_of_actor",
    "without_spare_daemons",
]


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
def without_spare_daemons() -> Iterator[None]:
    """Have ``ray.init`` start neither an autoscaler nor a log monitor.

    Nobody asks for either in a local Ray; they cost a second at the start and one at the
    end. ``ray start`` has options for both, ``--no-monitor`` and ``--include-log-monitor``
    (https://github.com/ray-project/ray/pull/48891); ``ray.init`` has none.
    """
    import ray._private.parameter as parameter

    original = parameter.RayParams
    parameter.RayParams = functools.partial(original, no_monitor=True, include_log_monitor=False)
    try:
        yield
    finally:
        parameter.RayParams = original


def node_of_actor(actor_id: str) -> str | None:
    """Return the id of the node that an actor ran on, None where it never came to one.

    ``ray.util.state.get_actor`` is public, but asks the dashboard, which does not run in a Ray of
    one's own (https://github.com/ray-project/ray/pull/56733 keeps this one for such use).

    Args:
        actor_id: In hexadecimal digits.
    """
    from ray._private.state import actors

    return actors(actor_id).get("Address", {}).get("NodeID") or None
