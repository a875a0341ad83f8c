"""The files of a copy of results on this machine, and the index of what they were at the URL."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, TypedDict

from ibsweep.errors import InputError
from ibsweep.results.files import replace_file
from ibsweep.results.layout import REPLICATIONS, SweepPaths
from ibsweep.results.locks import exclusive_lock, lock_of
from ibsweep.results.remote import Stamp

__all__ = ["Index", "LocalCopy", "entry_of", "files_of", "known_stamp", "stamp_of"]

# beside the sweeps in the copy; names that begin with a dot are never pushed
_INDEX = ".mirror.json"
_COPY_ID = ".mirror.id"


class Stamps(TypedDict):
    """A file's stamps when it was last the same on both sides."""

    there: Stamp | None
    here: Stamp


Index = dict[str, Stamps]
"""The stamps of the files that were the same on both sides, by name."""


class LocalCopy:
    """A copy of a results directory.

    Args:
        path: Where it is, or will be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def identifier(self) -> str:
        """Return what tells this copy from all others; drawn when it is first asked for."""
        path = self.path / _COPY_ID
        if not path.exists():
            replace_file(path, secrets.token_hex(8).encode())
        return path.read_text()

    def files(self) -> dict[str, Stamp]:
        """Return the stamp of every file that is to be at the URL too, by name."""
        found = {}
        for folder, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = Path(folder, name)
                # to read a pipe would never end
                if not name.startswith(".") and path.is_file():
                    with contextlib.suppress(FileNotFoundError):
                        found[path.relative_to(self.path).as_posix()] = stamp_of(path)
        return found

    def read_index(self) -> Index:
        """Return the index; empty where there is none, or one that is damaged."""
        try:
            found = json.loads((self.path / _INDEX).read_bytes())
            stamps = ((name, one["there"], one["here"]) for name, one in found.items())
            return {name: Stamps(there=there, here=here) for name, there, here in stamps}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def write_index(self, index: Index) -> None:
        """Replace the index."""
        self.path.mkdir(parents=True, exist_ok=True)
        replace_file(self.path / _INDEX, json.dumps(index).encode())

    @contextmanager
    def held(self, entry: str) -> Iterator[bool]:
        """Hold an entry for a block, as who writes it does; yield False where a process does.

        Then nothing is newer than what is here.
        """
        path = self.path / entry
        with ExitStack() as stack:
            if entry == REPLICATIONS or SweepPaths(path).manifest.exists():
                try:
                    stack.enter_context(exclusive_lock(lock_of(path), "", patience=0))
                except InputError:
                    yield False
                    return
            yield True


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a file."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def known_stamp(index: Index, name: str, side: Literal["there", "here"]) -> Stamp | None:
    """Return the stamp that a file had on one side when both were equal, if they ever were."""
    return index[name][side] if name in index else None


def entry_of(name: str) -> str:
    """Return the entry of the results directory that a file belongs to: its sweep, or itself."""
    return name.split("/", 1)[0]


def files_of(entry: str, files: dict[str, Stamp]) -> dict[str, Stamp]:
    """Return the files that belong to an entry."""
    return {name: stamp for name, stamp in files.items() if entry_of(name) == entry}
