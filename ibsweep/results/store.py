"""A sweep's directory: its files read and written, by the process that holds it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from ibsweep.errors import IbsweepError, InputError, SweepError
from ibsweep.results.files import (
    append_file,
    disk_errors,
    make_directory,
    replace_file,
    unwritable,
)
from ibsweep.results.hold import Hold, is_unmade
from ibsweep.results.journal import append_rows
from ibsweep.results.layout import (
    SweepPaths,
)
from ibsweep.results.location import display_path, is_leased_elsewhere
from ibsweep.results.locks import is_locked
from ibsweep.results.manifest import Manifest
from ibsweep.results.manifest_file import manifest_bytes, read_manifest
from ibsweep.results.names import check_new_name
from ibsweep.results.reading import Journal, read_journal
from ibsweep.results.records import Confirmation, Curve, Proposal, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibsweep.results.reading import Row

__all__ = ["SweepStore"]

_REMOVAL_SECONDS = 0.5
"""A directory without its manifest may be one that is just being removed, file by file."""


class SweepStore:
    """One sweep's directory.

    Args:
        root: The sweep's directory, which exists; use ``create`` for a new one.

    Raises:
        InputError: If there is no sweep, or one of another version.
    """

    def __init__(self, root: Path) -> None:
        self.paths = SweepPaths(root)
        self.manifest = read_manifest(self.paths.root)
        self._hold = Hold(root, self.manifest.name)
        self._begun: set[Path] = set()
        """The journals that there are while this process holds the sweep."""

    @classmethod
    def create(cls, results: Path, manifest: Manifest) -> SweepStore:
        """Make the directory of a new sweep and write its manifest.

        Raises:
            InputError: As ``create_held``.
            SweepError: Likewise.
        """
        store = cls.create_held(results, manifest)
        store.release()
        return store

    @classmethod
    def create_held(cls, results: Path, manifest: Manifest) -> SweepStore:
        """Make the directory of a new sweep, which this process holds before others see it.

        Raises:
            InputError: If the name is taken or the results directory cannot be written.
            SweepError: If the disk is full.
        """
        root = results / check_new_name(manifest.name)
        make_directory(results, "--results")
        try:
            root.mkdir()
        except FileExistsError as error:
            if not is_unmade(root):
                raise _taken(root, manifest.name) from error
        except OSError as error:
            raise unwritable(results, "--results", error) from error
        hold = Hold(root, manifest.name)
        try:
            hold.acquire()
        except SweepError:
            with suppress(OSError):  # it goes only if it is empty
                root.rmdir()
            raise
        try:
            if not is_unmade(root):  # another process was faster
                raise _taken(root, manifest.name)
            try:
                replace_file(SweepPaths(root).manifest, manifest_bytes(manifest))
                store = cls(root)
            except IbsweepError:
                hold.remove()  # else the name would be taken by no sweep
                raise
        except BaseException:
            hold.release()
            raise
        store._hold = hold
        return store

    def read_again(self) -> None:
        """Read the manifest again, which another process may have changed.

        Raises:
            InputError: If it is gone or damaged.
        """
        self.manifest = read_manifest(self.paths.root)

    def hold(self) -> None:
        """Take the sweep for this process, until ``release``; what it has stays as it is.

        Raises:
            InputError: If another process runs it, here or where the results are at a URL, or it
                is gone.
            SweepError: If the directory cannot be written.
        """
        if self._hold.held:
            return
        if not self.paths.manifest.exists():  # else a lock would be made where no sweep is
            raise InputError(f"{display_path(self.paths.root)} was removed meanwhile")
        self._hold.acquire()
        try:
            # it may have run on since it was read
            self.read_again()
        except BaseException:
            self._hold.discard_unmade()
            self._hold.release()
            raise
        journals = (self.paths.proposals, self.paths.trials, self.paths.curves)
        self._begun = {p for p in (*journals, self.paths.confirmations) if p.exists()}

    def release(self) -> None:
        """Give the sweep back; without holding it nothing happens."""
        self._hold.release()
        self._begun = set()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the sweep for a block, and have it as before then.

        Raises:
            InputError: As ``hold``.
            SweepError: Likewise, and if the directory or its manifest is gone at the end.
        """
        held_before = self._hold.held
        self.hold()
        try:
            try:
                yield
            except (Exception, KeyboardInterrupt) as error:
                try:
                    self.check()
                except SweepError as gone:  # which is why the block failed
                    raise gone from error
                raise
            self.check()
        finally:
            self._hold.remove_traces()
            if not held_before:
                self.release()

    def check(self) -> None:
        """Check that what this process holds is still there.

        Raises:
            SweepError: If the directory is gone, or was without its manifest, which is there again
                then.
        """
        if not self._hold.held:
            return
        self._hold.check()
        if not self.paths.manifest.exists():
            time.sleep(_REMOVAL_SECONDS)
            self._hold.check()
            replace_file(self.paths.manifest, manifest_bytes(self.manifest))
            raise SweepError(
                f"{display_path(self.paths.manifest)} was removed while the sweep ran; it is "
                "there again"
            )

    def remove(self) -> None:
        """Remove the sweep, also at its URL; without holding it nothing happens.

        Raises:
            SweepError: If its directory is gone already.
        """
        if self._hold.held:
            self._hold.remove()

    @property
    def is_held(self) -> bool:
        """Whether this process holds the sweep."""
        return self._hold.held

    @property
    def is_lost(self) -> bool:
        """Whether this process holds the sweep, and its directory is gone or another one."""
        return self._hold.lost

    def is_running(self) -> bool:
        """Return whether a living process holds the sweep; False where we may only read it."""
        return is_locked(self.paths.lock) or is_leased_elsewhere(self.paths.root)

    def journal(self, kind: type[Row]) -> Journal[Row]:
        """Return what one of its journals holds, and what is wrong with it."""
        path: Path = getattr(self.paths, f"{kind.__name__.lower()}s")
        return read_journal(path, kind, self.manifest.seal)

    def proposals(self) -> list[Proposal]:
        """Return what was proposed, in order."""
        return self.journal(Proposal).sound()

    def trials(self) -> list[Trial]:
        """Return the finished trials, in the order in which they finished."""
        return self.journal(Trial).sound()

    def curves(self) -> list[Curve]:
        """Return the validated epochs of the trials."""
        return self.journal(Curve).sound()

    def confirmations(self) -> list[Confirmation]:
        """Return the confirmed replicates."""
        return self.journal(Confirmation).sound()

    def add_proposal(self, row: Proposal) -> None:
        """Append a proposal, durably."""
        self._append(self.paths.proposals, [row])

    def add_trial(self, row: Trial, curves: Iterable[Curve]) -> None:
        """Append a finished trial, durably; its curves first, so that a trial never lacks them."""
        self._append(self.paths.curves, curves)
        self._append(self.paths.trials, [row])

    def _append(self, journal: Path, rows: Iterable[BaseModel]) -> None:
        """Append to a journal; one that was removed since it was begun is not begun again."""
        self.check()
        append_rows(journal, rows, self.manifest.seal, create=journal not in self._begun)
        if self._hold.held:
            self._begun.add(journal)

    def add_log(self, trial: int, text: str, *, only_if_there: bool = False) -> None:
        """Append to what a trial's training function printed.

        Args:
            trial: Number of the trial.
            text: Whole lines.
            only_if_there: Begin no log with it.

        Raises:
            SweepError: If the disk is full.
        """
        path = self.paths.log(trial)
        if only_if_there and not path.exists():
            return
        self.check()
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
        append_file(path, text.encode(errors="replace"), durable=False)

    def add_confirmations(self, rows: Iterable[Confirmation]) -> None:
        """Append a trial's replicates at one training-set size in one write, durably."""
        self._append(self.paths.confirmations, rows)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file of the sweep, in its directory or in one below it.

        Raises:
            SweepError: If the disk is full or refuses, or the sweep is gone.
        """
        self.check()
        if path.parent != self.paths.root:
            with disk_errors(path):
                path.parent.mkdir(exist_ok=True)
        replace_file(path, content)

    def update_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        self.write(self.paths.manifest, manifest_bytes(manifest))
        self.manifest = manifest


def _taken(root: Path, name: str) -> InputError:
    """Return why no sweep of a name can be made."""
    if not SweepPaths(root).manifest.exists():
        return InputError(
            f"{root} is no sweep, but the name is taken: remove it if nobody needs it, or "
            "choose another --name"
        )
    from ibsweep.results.extent import how_to_go_on

    try:
        advice = how_to_go_on(SweepStore(root))
    except IbsweepError:
        advice = "it cannot be read"
    return InputError(
        f"a sweep named {name!r} is in {display_path(root.parent)} already: {advice}; or choose "
        "another --name"
    )
