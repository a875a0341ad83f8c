"""A copy on this machine of the results at a URL.

Object stores cannot append, and a sweep must not wait for them. So commands read and write the
copy: what is newer at the URL is pulled when a command begins, and what changes here is pushed
every few seconds and at the end.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from ibsweep.errors import SweepError
from ibsweep.results.lease import Leases
from ibsweep.results.local_copy import LocalCopy
from ibsweep.results.remote import RemoteDirectory
from ibsweep.results.transfer import Transfer
from ibsweep.terminal import say

__all__ = ["Mirror"]

_PUSH_SECONDS = 10.0
"""Between two pushes."""

_LOCK = ".mirror.lock"
"""Beside the sweeps in the copy."""


class Mirror:
    """A directory here and its original at a URL.

    Args:
        remote: The original.
        local: The copy.
    """

    def __init__(self, remote: RemoteDirectory, local: Path) -> None:
        self.remote, self.local = remote, local
        self.local.mkdir(parents=True, exist_ok=True)
        # one process at a time: another command's pull must not meet a running sweep's push;
        # and one thread, which a file's lock does not see to
        self._file_lock = filelock.FileLock(self.local / _LOCK, thread_local=False)
        self._thread_lock = threading.RLock()
        self._stop = threading.Event()
        self._pusher = threading.Thread(target=self._push_periodically, daemon=True)
        self._last_warning: str | None = None
        copy = LocalCopy(local)
        with self._exclusive():
            self._leases = Leases(remote, copy.identifier())
        self._transfer = Transfer(remote, copy, self._leases)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._thread_lock, self._file_lock:
            yield

    def pull(self) -> None:
        """Bring the copy up to date.

        Raises:
            InputError: If the URL cannot be reached, or went on without what the copy has.
        """
        with self._exclusive():
            self._transfer.pull()

    def push(self) -> None:
        """Bring what changed here to the URL.

        Raises:
            SweepError: If that fails, or another process writes there.
        """
        with self._exclusive():
            self._transfer.push()

    def remove(self, entry: str) -> None:
        """Remove an entry at the URL that was removed here."""
        with self._exclusive():
            self._transfer.remove(entry)

    @contextmanager
    def lease(self, entry: str) -> Iterator[None]:
        """Keep other machines from writing an entry; processes here have their own lock.

        Raises:
            InputError: If another machine writes it.
            SweepError: If the URL cannot be written.
        """
        self._leases.acquire(entry)
        try:
            yield
        finally:
            # not given back before everything is there; ``close`` says why that could not be
            with self._exclusive():
                try:
                    with contextlib.suppress(SweepError):
                        self.push()
                        self._leases.release(entry)
                finally:
                    self._leases.abandon(entry)

    def is_leased_elsewhere(self, entry: str) -> bool:
        """Return whether another machine wrote an entry when the copy was brought up to date."""
        return self._leases.is_leased_elsewhere(entry)

    def start(self) -> None:
        """Push every few seconds until ``close``."""
        self._pusher.start()

    def _push_periodically(self) -> None:
        while not self._stop.wait(_PUSH_SECONDS):
            try:
                self.push()
            except SweepError as error:
                if str(error) != self._last_warning:  # once; it is tried again
                    self._last_warning = str(error)
                    say(f"ibsweep: {error}")

    def close(self) -> None:
        """Push for the last time.

        Raises:
            SweepError: If that fails; names the copy.
        """
        self._stop.set()
        if self._pusher.is_alive():
            self._pusher.join()
        try:
            self.push()
        except SweepError as error:
            raise SweepError(
                f"{error}\nall of it is in {self.local}, and the next command with the same "
                "--results brings it there"
            ) from error
