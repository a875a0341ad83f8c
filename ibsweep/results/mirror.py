"""A copy on this machine of the results at a URL.

Object stores cannot append, and a sweep must not wait for them. So commands read and write the
copy: what is newer at the URL is pulled when a command begins, and what changes here is pushed
every few seconds and at the end.

The unit of all this is an entry of the results directory: a sweep's directory with all its files,
or a single file beside the sweeps. Which side of an entry is newer is told from an index in the
copy. It holds the stamps that each file had, here and there, when the two were last equal.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from ibsweep.errors import InputError, SweepError
from ibsweep.results.files import replace_file
from ibsweep.results.lease import LEASE_DIRECTORY, Leases
from ibsweep.results.local_copy import Index, LocalCopy, entry_of, files_of, known_stamp, stamp_of
from ibsweep.results.remote import RemoteDirectory, Stamp, first_line, url_of
from ibsweep.terminal import say

__all__ = ["Mirror"]

_PUSH_SECONDS = 10.0
"""Between two pushes."""

# beside the sweeps in the copy
_LOCK = ".mirror.lock"
_REMOVED = ".removed"

_TRIALS = "trials.jsonl"
_ORDER = (
    *("manifest.json", "proposals.jsonl", "curves.jsonl", _TRIALS),
    *("models", "confirmations.jsonl", "", "best.pt", "best.yaml"),
)
"""Upload order; the empty name is everything else. A reader sees no trial without its curves, and
no best configuration without its figures."""

_TAKEN_BACK = ("best.yaml", "best.pt", "spent.json")
"""Files that a sweep removes while it goes on. No other is removed on the other side: records that
are gone here or there are rather brought back.
"""


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
        self._copy = LocalCopy(local)
        with self._exclusive():
            self._leases = Leases(remote, self._copy.identifier())

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._thread_lock, self._file_lock:
            yield

    # Between the two sides

    def pull(self) -> None:
        """Bring the copy up to date.

        Raises:
            InputError: If the URL cannot be reached, or went on without what the copy has.
        """
        with self._exclusive():
            try:
                there = self.remote.files()
                if not there:
                    self.remote.create()
            except OSError as error:
                raise InputError(f"cannot reach {self.remote.url}: {first_line(error)}") from error
            prefix = f"{LEASE_DIRECTORY}/"
            leases = [name for name in there if name.startswith(prefix)]
            self._leases.refresh(name.removeprefix(prefix) for name in leases)
            there = {name: stamp for name, stamp in there.items() if _is_plain(name)}
            self._set_removed_aside({entry_of(name) for name in there})
            self._download(there)

    def push(self) -> None:
        """Bring what changed here to the URL.

        Raises:
            SweepError: If that fails, or another process writes there.
        """
        with self._exclusive():
            index, here = self._copy.read_index(), self._copy.files()
            names = [
                name for name, stamp in here.items() if known_stamp(index, name, "here") != stamp
            ]
            taken_back = [
                name
                for name in index
                if _is_taken_back(name, here) and self._leases.holds(entry_of(name))
            ]
            names.sort(key=_upload_key)
            # read against the order of upload: curves that were read last hold all trials' ones
            contents = {}
            for name in reversed(names):
                with contextlib.suppress(FileNotFoundError):
                    stamp = stamp_of(self.local / name)
                    contents[name] = (self.local / name).read_bytes(), stamp
            try:
                self._leases.renew()
                for name in taken_back:
                    if self.remote.stamp(name):
                        self.remote.delete_file(name)
                    del index[name]
                for name in names:
                    if name in contents:
                        self._upload(name, *contents[name], index)
            except OSError as error:
                raise SweepError(
                    f"cannot write to {self.remote.url}: {first_line(error)}"
                ) from error
            finally:
                self._copy.write_index(index)

    def _upload(self, name: str, content: bytes, here: Stamp, index: Index) -> None:
        there = self.remote.stamp(name)
        changed = name.endswith(".jsonl") and there != known_stamp(index, name, "there")
        if changed and not (there and self._is_continued(name, content)):
            raise SweepError(
                f"{url_of(self.remote.url, name)} was written by another process meanwhile: let "
                "one of them alone run the sweep"
            )
        self.remote.write(name, content)
        index[name] = {"there": self.remote.stamp(name), "here": here}
        self._leases.renew()  # many models may take long

    def _is_continued(self, name: str, content: bytes) -> bool:
        """Return whether a file here goes on from what is at the URL.

        So it is where an earlier push was cut off after it had written the file, and before its
        stamp was noted.
        """
        try:
            return content.startswith(self.remote.read(name))
        except InputError as error:
            raise SweepError(str(error)) from error

    def _download(self, there: dict[str, Stamp]) -> None:
        index, here = self._copy.read_index(), self._copy.files()
        try:
            for entry in sorted({entry_of(name) for name in there}):
                with self._copy.held(entry) as free:
                    if free:
                        self._download_entry(
                            entry, files_of(entry, there), files_of(entry, here), index
                        )
        finally:  # what was brought here before the URL failed was
            self._copy.write_index(index)

    def _download_entry(
        self, entry: str, theirs: dict[str, Stamp], ours: dict[str, Stamp], index: Index
    ) -> None:
        changed_there = {
            name: stamp
            for name, stamp in theirs.items()
            if name not in ours or known_stamp(index, name, "there") != stamp
        }
        taken_back = [name for name in index if name in ours and _is_taken_back(name, theirs)]
        changed_here = any(
            known_stamp(index, name, "here") != stamp for name, stamp in ours.items()
        )
        both = bool(changed_there or taken_back) and changed_here
        if both and not self._is_further_there(entry, theirs, ours):
            return
        for name in taken_back:
            (self.local / name).unlink(missing_ok=True)
            del index[name]
        for name, stamp in (theirs if both else changed_there).items():
            path = self.local / name
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, self.remote.read(name))
            index[name] = {"there": stamp, "here": stamp_of(path)}

    def _is_further_there(
        self, entry: str, theirs: dict[str, Stamp], ours: dict[str, Stamp]
    ) -> bool:
        """Return whether the original of an entry that both sides changed has got further.

        Raises:
            InputError: If neither side continues the other.
        """
        is_sweep = f"{entry}/manifest.json" in {**theirs, **ours}
        journal = f"{entry}/{_TRIALS}" if is_sweep else entry
        original = self.remote.read(journal) if journal in theirs else b""
        copy = (self.local / journal).read_bytes() if journal in ours else b""
        if not (original.startswith(copy) or copy.startswith(original)):
            raise InputError(
                f"{url_of(self.remote.url, entry)} and the copy on this machine, "
                f"{self.local / entry}, went on without each other: remove one of them to go on "
                "with the other"
            )

        def progress(length: int, files: dict[str, Stamp]) -> tuple[int, bool, int]:
            confirmed = files.get(f"{entry}/confirmations.jsonl", [0])[0]
            return length, f"{entry}/best.yaml" in files, confirmed

        return progress(len(original), theirs) > progress(len(copy), ours)

    def _set_removed_aside(self, entries_there: set[str]) -> None:
        """Put aside the entries that were removed at the URL since they were brought there."""
        index, here = self._copy.read_index(), self._copy.files()
        for entry in sorted({entry_of(name) for name in index} - entries_there):
            with self._copy.held(entry) as free:
                if free:
                    self._set_entry_aside(entry, index, here)
        self._copy.write_index(index)

    def _set_entry_aside(self, entry: str, index: Index, here: dict[str, Stamp]) -> None:
        names = [name for name in {**index, **here} if entry_of(name) == entry]
        if all(known_stamp(index, name, "here") == here.get(name) for name in names):
            aside = self.local / _REMOVED / entry
            if aside.is_dir():
                shutil.rmtree(aside)
            aside.parent.mkdir(exist_ok=True)
            (self.local / entry).replace(aside)
            say(
                f"ibsweep: {url_of(self.remote.url, entry)} was removed there; the copy on "
                f"this machine is now {aside}"
            )
        for name in names:
            index.pop(name, None)  # what went on here since then is brought there anew

    def remove(self, entry: str) -> None:
        """Remove an entry at the URL that was removed here."""
        with self._exclusive():
            index = self._copy.read_index()
            names = [name for name in index if entry_of(name) == entry]
            if names:
                with contextlib.suppress(OSError):  # then the next command brings it here again
                    self.remote.delete_directory(entry)
            for name in names:
                del index[name]
            self._copy.write_index(index)

    # While a command runs

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


def _is_plain(name: str) -> bool:
    """Return whether a name at the URL is one of ours.

    An object store takes any: ``../..`` would lead out of the copy. Ours begin with no dot, but
    for the leases.
    """
    return all(part and not part.startswith(".") for part in name.split("/"))


def _is_taken_back(name: str, files: dict[str, Stamp]) -> bool:
    """Return whether a file that both sides had is gone on one, whose sweep is still there.

    Args:
        name: The file.
        files: What there is on that side.
    """
    entry, _, rest = name.partition("/")
    return rest in _TAKEN_BACK and name not in files and f"{entry}/manifest.json" in files


def _upload_key(name: str) -> tuple[str, int, str]:
    """Return the key that sorts files by sweep, and within a sweep by `_ORDER`."""
    entry, _, rest = name.partition("/")
    first = rest.split("/", 1)[0]
    return entry, _ORDER.index(first if first in _ORDER else ""), name
