"""Watches what a session rests on: the daemons of a local Ray, or the head of a cluster.

Ray itself waits a minute for a lost control service and then ends the process with its own words;
for a lost raylet, which places all work on a machine, it waits for ever. Neither can be replaced
under a process that has joined them, whose core is C++ code with threads and connections of its
own. So whoever has lost them begins again or ends, see ``Recovery``.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import ray

from ibsweep.cluster.interrupts import Interrupts
from ibsweep.cluster.join import try_connection
from ibsweep.cluster.ray_internals.core import RECONNECT_TIMEOUT, local_daemons
from ibsweep.cluster.ray_internals.understudy import answer_for_control_service
from ibsweep.cluster.recovery import Recovery
from ibsweep.cluster.stop_signals import stop_requested
from ibsweep.errors import InputError, SweepError
from ibsweep.terminal import say

__all__ = ["watched"]

_COUNT_SECONDS = 3.0
"""Between two looks at what a local Ray has started."""
_NOTICE_SECONDS = 0.3
"""How long an error waits for word that a daemon has died, of which it may have come."""
_STOP_SECONDS = 10.0
"""How long a command that was told to stop may take to, once its Ray is gone."""


class _Watch(threading.Thread, ABC):
    """Looks until the session is over or its Ray is lost.

    Args:
        recovery: What is to become of the process then.
        closed: Set when the session is over and Ray is shut down.
    """

    _SECONDS: float
    """Between two looks."""
    _HINT = ""
    """Where else to go on."""

    def __init__(self, recovery: Recovery, closed: threading.Event) -> None:
        super().__init__(name="ibsweep-watch", daemon=True)
        self._recovery, self._closed = recovery, closed
        self.interrupts = Interrupts()
        """Those of the thread that runs the session."""
        self.lost: str | None = None
        """What happened, once it has."""
        self.acting = threading.Event()
        """Set when it was lost."""
        self.over = threading.Event()
        """Set when nothing is to be watched any more."""

    def run(self) -> None:
        """Look again and again."""
        while not self.over.wait(self._SECONDS):
            lost = self._look()
            # a Ray that is shut down has left the process before its daemons end
            if lost and not self.over.is_set() and ray.is_initialized():
                self.acting.set()
                self._act(lost)
                return

    @abstractmethod
    def _look(self) -> str | None:
        """Return what is lost, None while nothing is."""

    def _act(self, lost: str) -> None:
        """Begin again or end, or have the user's thread raise."""
        if self._recovery.owns_process:
            self._end_leftovers()
        if stop_requested():
            if not self._closed.wait(_STOP_SECONDS):
                self._recovery.end(None)
            return
        with contextlib.suppress(Exception):  # whatever keeps it from that, it is to end
            self._begin_again(lost)
        self._recovery.end(self._words(lost), self._HINT)
        self.lost = f"{self._words(lost)}; {self._recovery.how_to_resume()}{self._HINT}"
        say(f"ibsweep: {self.lost}")  # Ray may end the process before it comes to its error
        with contextlib.suppress(OSError):  # another has its port by now
            self._release_callers(lost)
        self.interrupts.send_until_left()

    def _begin_again(self, lost: str) -> None:
        """Do so where that can be done."""

    def _release_callers(self, lost: str) -> None:
        """Have calls return that would wait for ever."""

    def _end_leftovers(self) -> None:
        """End what is left of a Ray that nobody uses any more."""

    @abstractmethod
    def _words(self, lost: str) -> str:
        """Return what happened, for the beginning of a sentence."""


class _DaemonWatch(_Watch):
    """Of a local Ray.

    Its agents need no watch of their own: where one dies, the raylet ends itself.
    """

    _SECONDS = 0.1

    def __init__(self, recovery: Recovery, closed: threading.Event) -> None:
        super().__init__(recovery, closed)
        self._daemons = local_daemons()
        self._control_service = str(ray.get_runtime_context().gcs_address)
        self._children: set[psutil.Process] = set()
        self._counted = 0.0

    def _look(self) -> str | None:
        for name, daemon in self._daemons.items():
            if daemon.poll() is not None:
                return name
        if self._recovery.owns_process and time.monotonic() > self._counted + _COUNT_SECONDS:
            self._count_children()
        return None

    def _count_children(self) -> None:
        """Note what runs by now, since the children of a daemon that has died are nobody's.

        The raylet alone has any. All processes of the machine are looked through for them.
        """
        with contextlib.suppress(psutil.Error):
            raylet = psutil.Process(self._daemons["raylet"].pid)
            self._children.update(raylet.children(recursive=True))
        self._children = {one for one in self._children if one.is_running()}
        self._counted = time.monotonic()

    def _begin_again(self, lost: str) -> None:
        self._recovery.begin_again(lost)

    def _release_callers(self, lost: str) -> None:
        if lost == "gcs_server":
            answer_for_control_service(self._control_service, self._closed)

    def _end_leftovers(self) -> None:
        for daemon in self._daemons.values():
            daemon.kill()
        for child in self._children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(self._children, timeout=3)

    def _words(self, lost: str) -> str:
        return f"Ray's {lost} died"


class _HeadWatch(_Watch):
    """Of a cluster's head, which may be away for a while, and of the node that this process is on,
    whose raylet is never replaced.
    """

    _SECONDS = 2.0
    _HINT = ", on another cluster with its --address"

    def __init__(self, recovery: Recovery, closed: threading.Event) -> None:
        super().__init__(recovery, closed)
        context = ray.get_runtime_context()
        self._head, here = str(context.gcs_address), context.get_node_id()
        (node,) = (one for one in ray.nodes() if one["NodeID"] == here)
        self._raylet = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
        patience = 0.75 * float(os.environ.get(RECONNECT_TIMEOUT, 60))
        self._patience = {self._head: patience, self._raylet: 6.0}
        self._seen = dict.fromkeys(self._patience, time.monotonic())

    def _look(self) -> str | None:
        for address, patience in self._patience.items():
            try:
                try_connection(address)
                self._seen[address] = time.monotonic()
            except OSError:
                if time.monotonic() - self._seen[address] > patience:
                    return address
        return None

    def _words(self, lost: str) -> str:
        what = "the head of the Ray cluster" if lost == self._head else "the Ray of this node"
        return f"{what}, {lost}, is lost"


@contextmanager
def watched(address: str | None, recovery: Recovery, closed: threading.Event) -> Iterator[None]:
    """Watch the Ray that this process has just started or joined, for the time of a block.

    Args:
        address: Address of the cluster that was joined, None for a local Ray.
        recovery: What is to become of the process when it is lost.
        closed: To be set by the caller when Ray is shut down after the block.

    Raises:
        SweepError: If it was lost, in a process that may neither begin again nor end.
    """
    watch = (_HeadWatch if address else _DaemonWatch)(recovery, closed)
    watch.start()
    try:
        yield
    except InputError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        watch.interrupts.leave()
        if not isinstance(error, KeyboardInterrupt):  # it may have been raised for a dead daemon
            watch.join(timeout=_NOTICE_SECONDS)
            if stop_requested():
                raise KeyboardInterrupt from error
            if watch.acting.is_set():
                watch.join()
        if watch.lost:
            raise SweepError(watch.lost) from error
        raise
    finally:
        watch.interrupts.leave()
        watch.over.set()
