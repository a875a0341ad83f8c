"""What lies in a sweep's directory while it runs, and must not be left there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ibsweep.results.files import disk_errors, remove_leftovers
from ibsweep.results.layout import STUDY_DIRECTORY

if TYPE_CHECKING:
    from ibsweep.results.store import SweepStore

__all__ = ["check_disk", "make_working_directory", "remove_working_files"]

_PROBE_BYTES = 4 * 2**20
"""More than a checkpoint of the largest trial takes."""


def check_disk(store: SweepStore) -> None:
    """Check that the disk still takes a few megabytes.

    Raises:
        SweepError: If it does not.
    """
    probe = store.paths.root / ".probe"
    store.write(probe, bytes(_PROBE_BYTES))
    probe.unlink(missing_ok=True)


def make_working_directory(store: SweepStore) -> Path:
    """Return a directory for Ray Tune's working files, which is new and nobody else's.

    Raises:
        SweepError: If it cannot be made.
    """
    path = store.paths.tune
    store.check()
    remove_working_files(store)
    with disk_errors(path):
        path.mkdir(0o700)
    return path.resolve()


def remove_working_files(store: SweepStore) -> None:
    """Remove Ray Tune's working files, and what killed processes have left half written."""
    if store.is_lost:
        return  # they may be another process's
    paths = store.paths
    for directory in (paths.tune, *paths.root.glob(f"{STUDY_DIRECTORY}*")):
        shutil.rmtree(directory, ignore_errors=True)
    for directory in (paths.root, paths.models):
        remove_leftovers(directory)
