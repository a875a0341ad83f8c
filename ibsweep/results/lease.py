"""Leases at a URL: one machine at a time writes a sweep.

File systems in the cloud have no locks that die with a process. So whoever writes a sweep leaves a
small file there that says who it is and since when, renews it while it writes, and deletes it at
the end. A lease that was not renewed for a minute is that of a machine that died, and is over.
Two machines that begin in the same second may both believe to have it: ``Mirror.push`` notices.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import time
from collections.abc import Iterable
from typing import NamedTuple

from ibsweep.errors import InputError, SweepError
from ibsweep.results.remote import RemoteDirectory, first_line, url_of

__all__ = ["LEASE_DIRECTORY", "Lease", "Leases"]

LEASE_DIRECTORY = ".running"
"""Where the leases lie in the results directory, a file for each sweep that is written."""

_RENEW_SECONDS = 10.0
"""A lease is renewed when it is as old as that."""

_EXPIRY_SECONDS = 6 * _RENEW_SECONDS
"""A lease that is older than that has expired."""


class Lease(NamedTuple):
    """What stands in the file of a lease.

    Attributes:
        host: Name of the machine that writes.
        copy: Identifies its copy of the results: machines may share a name and folders.
        time: When it was last renewed, in seconds since 1970.
    """

    host: str
    copy: str
    time: float


class Leases:
    """The leases on the entries of a remote results directory, as seen from one machine.

    An entry is a sweep's directory or a file beside the sweeps.

    Args:
        remote: The results directory.
        copy: Identifies this machine's copy of it.
    """

    def __init__(self, remote: RemoteDirectory, copy: str) -> None:
        self._remote, self._copy = remote, copy
        self._seen: dict[str, Lease] = {}
        self._renewed: dict[str, float] = {}

    def refresh(self, entries: Iterable[str]) -> None:
        """Read the leases on these entries, for `is_leased_elsewhere`."""
        found = {entry: self._read(entry) for entry in entries}
        self._seen = {entry: lease for entry, lease in found.items() if lease}

    def is_leased_elsewhere(self, entry: str) -> bool:
        """Return whether another machine had the lease when `refresh` looked, and still may."""
        lease = self._seen.get(entry)
        return lease is not None and self._is_held_by_another(lease)

    def holds(self, entry: str) -> bool:
        """Return whether this machine has the lease on an entry."""
        return entry in self._renewed

    def acquire(self, entry: str) -> None:
        """Take the lease on an entry.

        Raises:
            InputError: If another machine has it.
            SweepError: If the URL cannot be written.
        """
        lease = self._read(entry)
        if lease and self._is_held_by_another(lease):
            raise InputError(
                f"{url_of(self._remote.url, entry)} is being run on {lease.host}; wait for it or "
                f"stop it (if that machine died, wait {_EXPIRY_SECONDS:.0f} seconds)"
            )
        try:
            self._renew(entry)
        except OSError as error:
            raise SweepError(f"cannot write to {self._remote.url}: {first_line(error)}") from error

    def renew(self) -> None:
        """Renew the leases of this machine that are old enough.

        Raises:
            OSError: If the URL cannot be written.
        """
        for entry in list(self._renewed):
            self._renew(entry)

    def release(self, entry: str) -> None:
        """Give a lease back; where its file cannot be deleted, it expires."""
        self.abandon(entry)
        with contextlib.suppress(OSError):
            self._remote.delete_file(f"{LEASE_DIRECTORY}/{entry}")

    def abandon(self, entry: str) -> None:
        """Stop renewing a lease: its file stays, and expires."""
        self._renewed.pop(entry, None)

    def _renew(self, entry: str) -> None:
        now = time.monotonic()  # what other machines read is set back and forth
        if now - self._renewed.get(entry, -math.inf) >= _RENEW_SECONDS:
            lease = Lease(socket.gethostname(), self._copy, time.time())
            self._remote.write(f"{LEASE_DIRECTORY}/{entry}", json.dumps(lease._asdict()).encode())
            self._renewed[entry] = now

    def _read(self, entry: str) -> Lease | None:
        """Return the lease on an entry; None where there is none, or a file that is no lease."""
        with contextlib.suppress(InputError, ValueError, TypeError):
            return Lease(**json.loads(self._remote.read(f"{LEASE_DIRECTORY}/{entry}")))
        return None

    def _is_held_by_another(self, lease: Lease) -> bool:
        return lease.copy != self._copy and time.time() - lease.time < _EXPIRY_SECONDS
