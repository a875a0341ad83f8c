"""Ray, started for one command or joined at an address; always with token authentication."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ibsweep.cluster.environment import quieten_ray
from ibsweep.cluster.recovery import Recovery
from ibsweep.cluster.start import ray_started
from ibsweep.cluster.stop_signals import hidden_from_children
from ibsweep.cluster.sudden_end import told_if_ended
from ibsweep.errors import InputError

__all__ = ["ray_session"]


def _ray_runs() -> bool:
    """Return whether this process has started or joined Ray, without importing it for that."""
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


@contextmanager
def ray_session(address: str | None, recovery: Recovery | None = None) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster at ``address``, for the time of a block.

    A Ray that this process has started already is used as it is. A cluster that happens to run on
    this machine is not joined unasked.

    Args:
        address: Address of a cluster, or None for a local Ray.
        recovery: What becomes of the process when its Ray dies; by default, the session raises.

    Raises:
        InputError: If Ray does not start, or the cluster cannot be joined.
        SweepError: If it died.
        KeyboardInterrupt: On SIGTERM while it starts.
    """
    if address == "":
        raise InputError("--address is empty: give HOST:PORT of the cluster's head, or auto")
    if _ray_runs():
        quieten_ray()
        yield
        return
    recovery = recovery or Recovery()
    ended = f"ibsweep: Ray ended this process while it started; {recovery.how_to_resume()}"
    on_term = signal.getsignal(signal.SIGTERM)
    closed = threading.Event()
    with contextlib.ExitStack() as stack:
        # results go to stdout later: Ray prints there what its daemons report, log_to_driver or
        # not, the last of it when it is shut down
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.callback(closed.set)
        with told_if_ended(ended), hidden_from_children():
            try:
                stack.enter_context(ray_started(address))
            except SystemExit:  # Ray's own way to end by SIGTERM
                raise KeyboardInterrupt from None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_term)  # Ray puts a handler of its own in its place
        from ibsweep.cluster.watch import watched

        stack.enter_context(watched(address, recovery, closed))
        yield
