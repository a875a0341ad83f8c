"""A sweep's directory: its files read, written and repaired."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from ibsweep.errors import IbsweepError, InputError, SweepError, format_value
from ibsweep.results.files import (
    append_file,
    disk_errors,
    make_directory,
    remove_leftovers,
    replace_file,
    unwritable,
)
from ibsweep.results.hold import Hold, is_unmade
from ibsweep.results.journal import append_rows, rewrite_rows
from ibsweep.results.location import display_path, is_leased_elsewhere
from ibsweep.results.locks import is_locked
from ibsweep.results.reading import Journal, first_fault, read_file, read_journal
from ibsweep.results.records import (
    FORMAT,
    READABLE_FORMATS,
    REPLICATIONS,
    STUDY_DIRECTORY,
    Confirmation,
    Curve,
    Manifest,
    Proposal,
    SweepPaths,
    Trial,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ibsweep.results.reading import Row

__all__ = [
    "SweepStore",
    "check_name",
    "list_sweeps",
    "with_unproposed",
]

_PROBE_BYTES = 4 * 2**20
"""More than a checkpoint of the largest trial takes."""

_RESERVED = {
    "all": "it stands for every sweep",
    "report": "the pages of `ibsweep report` lie there",
    REPLICATIONS: "what `ibsweep replicate` finds lies there",
}
"""Names that are a sweep's in no case, and why."""

_REMOVAL_SECONDS = 0.5
"""A directory without its manifest may be one that is just being removed, file by file."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str, of: str = "sweep") -> str:
    """Return a sweep's or job's name if it can be a directory's and nothing else.

    Raises:
        InputError: If it could leave the results directory or is no plain name.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise InputError(
            f"a {of}'s name is 1 to 100 letters, digits, '.', '_' or '-', starts with a letter "
            f"or digit and has no '..', but got {format_value(name)}"
        )
    return name


class SweepStore:
    """One sweep's directory.

    Args:
        root: The sweep's directory, which exists; use ``create`` for a new one.

    Raises:
        InputError: If there is no sweep, or one of another version.
    """

    def __init__(self, root: Path) -> None:
        self.paths = SweepPaths(root)
        self.manifest = self._read_manifest()
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
        root = results / check_name(manifest.name)
        if why := _RESERVED.get(manifest.name.lower()):
            raise InputError(
                f"no sweep can be named {manifest.name!r}: {why}; choose another --name"
            )
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
                replace_file(SweepPaths(root).manifest, _pretty(manifest))
                store = cls(root)
            except IbsweepError:
                hold.remove()  # else the name would be taken by no sweep
                raise
        except BaseException:
            hold.release()
            raise
        store._hold = hold
        return store

    def _read_manifest(self) -> Manifest:
        path = self.paths.manifest
        try:
            text = read_file(path)
        except FileNotFoundError as error:
            raise InputError(f"{self.paths.root} is no sweep: it has no manifest.json") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{path}: cannot be read: {reason}") from error
        try:
            found = _Format.model_validate_json(text)
            if found.format not in READABLE_FORMATS:
                raise InputError(
                    f"{self.paths.root} was written in format {found.format}, this ibsweep reads "
                    f"format {FORMAT}: use the version that wrote it, which its manifest names, "
                    "or start a new sweep"
                )
            manifest = Manifest.model_validate_json(text)
            check_name(manifest.name)
        except ValidationError as error:
            raise InputError(f"{path} is damaged: {first_fault(error)}") from error
        return manifest

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
            self.manifest = self._read_manifest()
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
            replace_file(self.paths.manifest, _pretty(self.manifest))
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

    def is_running(self) -> bool:
        """Return whether a living process holds the sweep; False where we may only read it."""
        return is_locked(self.paths.lock) or is_leased_elsewhere(self.paths.root)

    def repair(self) -> None:
        """Make the files ready for appending after a stop at any moment.

        Torn tails are cut off; a sweep of an older format becomes one of this. What was finished
        without a proposal gets its own again. Curves of trials that did not finish are dropped,
        and confirmations that lack a replicate: those start again.

        Raises:
            SweepError: If a line cannot be counted on.
        """
        trials = self.trials()
        proposals = with_unproposed(self.proposals(), trials)
        finished = {row.trial for row in trials}
        curves = [row for row in self.curves() if row.trial in finished]
        confirmations = self.confirmations()
        replicates = Counter(map(_set_of, confirmations))

        def is_complete(row: Confirmation) -> bool:
            return replicates[_set_of(row)] >= self.planned_replicates(row.purpose)

        complete = list(filter(is_complete, confirmations))
        arm = self.manifest.question["arms"][self.manifest.arm]
        own = arm.get("train_size", arm.get("images"))
        if any(row.train_size == own and not is_complete(row) for row in confirmations):
            # which trial is best is to be decided again, once they are complete
            self.paths.best_config.unlink(missing_ok=True)
        for path, rows in (
            (self.paths.proposals, proposals),
            (self.paths.trials, trials),
            (self.paths.curves, curves),
            (self.paths.confirmations, complete),
        ):
            rewrite_rows(path, rows, self.manifest.seal)
        if self.manifest.format != FORMAT:
            # not before its lines have seals: without them they would pass for damaged
            self.update_manifest(self.manifest.model_copy(update={"format": FORMAT}))
        self.clean()

    def planned_replicates(self, purpose: str | None) -> int:
        """Return how many replicates of a purpose a trial has in the sweep itself."""
        manifest = self.manifest
        choice = manifest.choice_replicates if purpose == "choice" else None
        return manifest.confirm_replicates if choice is None else choice

    def check_disk(self) -> None:
        """Check that the disk still takes a few megabytes.

        Raises:
            SweepError: If it does not.
        """
        probe = self.paths.root / ".probe"
        self.write(probe, bytes(_PROBE_BYTES))
        probe.unlink(missing_ok=True)

    def make_working_directory(self) -> Path:
        """Return a directory for Ray Tune's working files, which is new and nobody else's.

        Raises:
            SweepError: If it cannot be made.
        """
        self.check()
        self.clean()
        with disk_errors(self.paths.tune):
            self.paths.tune.mkdir(0o700)
        return self.paths.tune.resolve()

    def clean(self) -> None:
        """Remove Ray Tune's working files, and what killed processes have left half written."""
        if self._hold.lost:
            return  # they may be another process's
        for directory in (self.paths.tune, *self.paths.root.glob(f"{STUDY_DIRECTORY}*")):
            shutil.rmtree(directory, ignore_errors=True)
        for directory in (self.paths.root, self.paths.models):
            remove_leftovers(directory)

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
        self.write(self.paths.manifest, _pretty(manifest))
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


def with_unproposed(proposals: Sequence[Proposal], trials: Iterable[Trial]) -> list[Proposal]:
    """Return proposals with those whose line is gone while their trial's is there, by number."""
    found = {row.trial: row for row in proposals}
    for row in trials:
        if row.trial not in found:
            own = {"trial": row.trial, "origin": row.origin, "config": row.config}
            found[row.trial] = Proposal(**own)
    return [found[number] for number in sorted(found)]


def _set_of(row: Confirmation) -> tuple[int, int, str | None]:
    """Return what tells sets of fresh replicates apart."""
    return row.trial, row.train_size, row.purpose


class _Format(BaseModel):
    """The one field of a manifest that every version has."""

    format: int


def _pretty(manifest: Manifest) -> bytes:
    return (manifest.model_dump_json(indent=2) + "\n").encode()


def list_sweeps(results: Path) -> list[Path]:
    """Return the directories of the stored sweeps, by name."""
    if not results.is_dir():
        return []
    return sorted(path.parent for path in results.glob("[!.]*/manifest.json"))
