"""Machines that share results at a URL: a folder stands for the URL, a folder for each copy."""

from __future__ import annotations

import tiny
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ibsweep.results.mirror import Mirror
from ibsweep.results.remote import RemoteDirectory
from ibsweep.results.store import SweepStore


class Recorded(SubTreeFileSystem):
    """A real file system that also notes what is written, in order."""

    written: list[str]

    def open_output_stream(self, path, **options):
        self.written.append(path)
        return super().open_output_stream(path, **options)


def mirror(there, copy):
    """Return a machine's mirror of the original; ``copy`` is that machine's cache."""
    filesystem = Recorded(str(there), LocalFileSystem())
    filesystem.written = []
    made = Mirror(RemoteDirectory(filesystem, "results", "s3://bucket/results"), copy)
    made.pull()
    return made


def begin(copy, trials=3):
    """Begin a sweep in a copy, with finished trials."""
    store = SweepStore.create(copy, tiny.manifest("s"))
    add(store, range(trials))
    return store


def add(store, numbers):
    """Finish trials."""
    for number in numbers:
        tiny.add_trial(store, tiny.trial(number), [tiny.curve(number, 20)])


def numbers(folder):
    """Return the trials that are in a copy or at the URL."""
    return [row.trial for row in SweepStore(folder / "s").trials()]
