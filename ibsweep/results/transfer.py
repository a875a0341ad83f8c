"""What goes between a copy of results and their original: only what is newer on one side.

The unit is an entry of the results directory: a sweep's directory with all its files, or a single
file beside the sweeps. Which side of an entry is newer is told from an index in the copy. It holds
the stamps that each file had, here and there, when the two were last equal.
"""

from __future__ import annotations

import contextlib
import shutil

from ibsweep.errors import InputError, SweepError
from ibsweep.results.files import replace_file
from ibsweep.results.lease import LEASE_DIRECTORY, Leases
from ibsweep.results.local_copy import Index, LocalCopy, entry_of, files_of, known_stamp, stamp_of
from ibsweep.results.remote import RemoteDirectory, Stamp, first_line, url_of
from ibsweep.terminal import say

__all__ = ["Transfer"]

_REMOVED = ".removed"
"""Beside the sweeps in the copy."""

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


class Transfer:
    """Brings a copy and its original up to date; one process and thread at a time.

    Args:
        remote: The original.
        copy: The copy.
        leases: What this machine may write there.
    """

    def __init__(self, remote: RemoteDirectory, copy: LocalCopy, leases: Leases) -> None:
        self.remote, self.local = remote, copy.path
        self._copy, self._leases = copy, leases

    def pull(self) -> None:
        """Bring the copy up to date.

        Raises:
            InputError: If the URL cannot be reached, or went on without what the copy has.
        """
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
        index, here = self._copy.read_index(), self._copy.files()
        names = [name for name, stamp in here.items() if known_stamp(index, name, "here") != stamp]
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
            raise SweepError(f"cannot write to {self.remote.url}: {first_line(error)}") from error
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
        index = self._copy.read_index()
        names = [name for name in index if entry_of(name) == entry]
        if names:
            with contextlib.suppress(OSError):  # then the next command brings it here again
                self.remote.delete_directory(entry)
        for name in names:
            del index[name]
        self._copy.write_index(index)


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
