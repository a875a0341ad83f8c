"""A copy on this machine of results at a URL, which is brought there as it grows.

Object stores cannot append, and a sweep must not wait for them; so commands work on the copy, in
the user's cache directory. What is further at the URL is fetched when a command begins.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from ibsweep.errors import InputError, SweepError

__all__ = [
    "Mirror",
    "below",
    "first_line",
]


_SECONDS = 10.0
"""Between two uploads."""


_CLAIM_SECONDS = 6 * _SECONDS
"""After its last renewal a claim is taken for one of a machine that died."""


_INDEX = ".mirror.json"


_COPY_ID = ".mirror.id"


_CLAIMS = ".running"


_REMOVED = ".removed"


_TRIALS = "trials.jsonl"


_ORDER = (
    *("manifest.json", "proposals.jsonl", "curves.jsonl", _TRIALS),
    *("models", "confirmations.jsonl", "", "best.pt", "best.yaml"),
)
"""Upload order; the empty name is everything else. A reader sees no trial without its curves, and
no best configuration without its figures."""


Stamp = list[int]
"""Size in bytes and time of change in nanoseconds."""


class Claim(NamedTuple):
    """Who writes a sweep at the URL: the machine, a name of its copy alone (machines may have the
    same name and folders), and when it last said so.
    """

    host: str
    copy: str
    time: float


class Mirror:
    """A directory here and its original at a URL.

    Args:
        filesystem: A ``pyarrow.fs.FileSystem``.
        base: The results directory there.
        url: Its name, for messages.
        local: The copy.
    """

    def __init__(self, filesystem: Any, base: str, url: str, local: Path) -> None:
        self.filesystem, self.base = filesystem, base.rstrip("/")
        self.url, self.local = url, local
        self.local.mkdir(parents=True, exist_ok=True)
        # one process at a time: another command's reading must not meet a running sweep's push;
        # and one thread, which a file's lock does not see to
        self._file_lock = filelock.FileLock(self.local / ".mirror.lock", thread_local=False)
        self._thread_lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_pushing, daemon=True)
        self._told: str | None = None
        self._claims: dict[str, Claim] = {}
        self._held: dict[str, float] = {}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._thread_lock, self._file_lock:
            yield

    def fetch(self) -> None:
        """Bring the copy up to date.

        Raises:
            InputError: If the URL cannot be reached, or went on without what the copy has.
        """
        with self._alone():
            try:
                there = self._there()
                if not there:
                    self.filesystem.create_dir(self.base, recursive=True)
            except OSError as error:
                raise InputError(f"cannot reach {self.url}: {first_line(error)}") from error
            claimed = [name for name in there if name.startswith(f"{_CLAIMS}/")]
            self._claims = {
                unit: claim
                for name in claimed
                if (claim := self._claim(unit := name.removeprefix(f"{_CLAIMS}/")))
            }
            for name in claimed:
                del there[name]
            self._drop_removed({_unit(name) for name in there})
            self._take(there)

    def _drop_removed(self, units_there: set[str]) -> None:
        """Put aside what was removed at the URL since the copy was last brought there."""
        index, here = self._index(), self._here()
        for unit in sorted({_unit(name) for name in index} - units_there):
            names = [name for name in {**index, **here} if _unit(name) == unit]
            if self._is_running(unit):
                continue
            if all(index.get(n, {}).get("here") == here.get(n) for n in names):
                aside = self.local / _REMOVED / unit
                if aside.is_dir():
                    shutil.rmtree(aside)
                aside.parent.mkdir(exist_ok=True)
                (self.local / unit).replace(aside)
                print(
                    f"ibsweep: {below(self.url, unit)} was removed there; the copy on this "
                    f"machine is now {aside}",
                    file=sys.stderr,
                )
            for name in names:
                index.pop(name, None)  # what went on here since then is brought there anew
        self._write_index(index)

    def _take(self, there: dict[str, Stamp]) -> None:
        index, here = self._index(), self._here()
        for unit in sorted({_unit(name) for name in there}):
            if self._is_running(unit):
                continue
            theirs = {name: stamp for name, stamp in there.items() if _unit(name) == unit}
            ours = {name: stamp for name, stamp in here.items() if _unit(name) == unit}
            changed = {
                name: stamp
                for name, stamp in theirs.items()
                if name not in here or index.get(name, {}).get("there") != stamp
            }
            grown = any(index.get(name, {}).get("here") != stamp for name, stamp in ours.items())
            if changed and grown and not self._is_further_there(unit, theirs, ours):
                continue
            for name, stamp in (theirs if changed and grown else changed).items():
                path = self.local / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._read(name))
                index[name] = {"there": stamp, "here": _stamp(path)}
        self._write_index(index)

    def _is_running(self, unit: str) -> bool:
        """Return whether a process here runs a sweep: then nothing is newer than the copy."""
        path = self.local / unit / ".lock"
        if not path.exists():
            return False
        try:
            with filelock.FileLock(path, timeout=0):
                return False
        except filelock.Timeout:
            return True

    def _is_further_there(
        self, unit: str, theirs: dict[str, Stamp], ours: dict[str, Stamp]
    ) -> bool:
        """Return which side of a sweep that both sides changed is to stay."""
        journal = f"{unit}/{_TRIALS}" if f"{unit}/manifest.json" in {**theirs, **ours} else unit
        original = self._read(journal) if journal in theirs else b""
        copy = (self.local / journal).read_bytes() if journal in ours else b""
        if not (original.startswith(copy) or copy.startswith(original)):
            raise InputError(
                f"{below(self.url, unit)} and the copy on this machine, {self.local / unit}, "
                "went on without each other: remove one of them to go on with the other"
            )

        def rank(length: int, files: dict[str, Stamp]) -> tuple[Any, ...]:
            confirmed = files.get(f"{unit}/confirmations.jsonl", [0])[0]
            return length, f"{unit}/best.yaml" in files, confirmed

        return rank(len(original), theirs) > rank(len(copy), ours)

    def is_held_elsewhere(self, unit: str) -> bool:
        """Return whether another machine ran a sweep when the copy was brought up to date."""
        claim = self._claims.get(unit)
        return claim is not None and self._is_foreign(claim)

    @contextmanager
    def held(self, unit: str) -> Iterator[None]:
        """Hold a sweep at the URL against other machines; processes here have their own lock.

        Raises:
            InputError: If another machine runs it.
            SweepError: If the URL cannot be written.
        """
        claim = self._claim(unit)
        if claim and self._is_foreign(claim):
            raise InputError(
                f"{below(self.url, unit)} is being run on {claim.host}; wait for it or stop it "
                f"(if that machine died, wait {_CLAIM_SECONDS:.0f} seconds)"
            )
        try:
            self._renew(unit)
        except OSError as error:
            raise SweepError(f"cannot write to {self.url}: {first_line(error)}") from error
        try:
            yield
        finally:
            # not given up before everything is there; ``close`` says why that could not be
            with self._alone():
                try:
                    with contextlib.suppress(SweepError):
                        self.push()
                        with contextlib.suppress(OSError):
                            self.filesystem.delete_file(f"{self.base}/{_CLAIMS}/{unit}")
                finally:
                    del self._held[unit]

    def _claim(self, unit: str) -> Claim | None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            path = f"{self.base}/{_CLAIMS}/{unit}"
            with self.filesystem.open_input_stream(path) as stream:
                return Claim(**json.loads(stream.read()))
        return None

    def _is_foreign(self, claim: Claim) -> bool:
        return claim.copy != self._copy_id() and time.time() - claim.time < _CLAIM_SECONDS

    def _copy_id(self) -> str:
        path = self.local / _COPY_ID
        with self._alone():
            if not path.exists():
                path.write_text(secrets.token_hex(8))
            return path.read_text()

    def _renew(self, unit: str) -> None:
        now = time.time()
        if now - self._held.get(unit, 0) >= _SECONDS:
            claim = Claim(socket.gethostname(), self._copy_id(), now)
            self.filesystem.create_dir(f"{self.base}/{_CLAIMS}", recursive=True)
            with self.filesystem.open_output_stream(f"{self.base}/{_CLAIMS}/{unit}") as stream:
                stream.write(json.dumps(claim._asdict()).encode())
            self._held[unit] = now

    def push(self) -> None:
        """Bring what changed here to the URL.

        Raises:
            SweepError: If that fails, or another process writes there.
        """
        with self._alone():
            index = self._index()
            names = [
                n for n, stamp in self._here().items() if index.get(n, {}).get("here") != stamp
            ]
            names.sort(key=_place)
            # read against the order of upload: curves that were read last hold all trials' ones
            contents = {}
            for name in reversed(names):
                with contextlib.suppress(FileNotFoundError):
                    stamp = _stamp(self.local / name)
                    contents[name] = (self.local / name).read_bytes(), stamp
            try:
                for unit in list(self._held):
                    self._renew(unit)
                for name in names:
                    if name in contents:
                        self._upload(name, *contents[name], index)
            except OSError as error:
                raise SweepError(f"cannot write to {self.url}: {first_line(error)}") from error
            finally:
                self._write_index(index)

    def _upload(self, name: str, content: bytes, here: Stamp, index: dict[str, Any]) -> None:
        path = f"{self.base}/{name}"
        if name.endswith(".jsonl") and self._stamp_there(path) != index.get(name, {}).get("there"):
            raise SweepError(
                f"{below(self.url, name)} was written by another process meanwhile: let one of "
                "them alone run the sweep"
            )
        self.filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(content)
        index[name] = {"there": self._stamp_there(path), "here": here}
        for unit in list(self._held):  # many models may take long
            self._renew(unit)

    def remove(self, unit: str) -> None:
        """Remove a sweep at the URL that was removed here."""
        with self._alone():
            index = self._index()
            names = [name for name in index if _unit(name) == unit]
            if names:
                with contextlib.suppress(OSError):  # then the next command brings it here again
                    self.filesystem.delete_dir(f"{self.base}/{unit}")
            for name in names:
                del index[name]
            self._write_index(index)

    def start(self) -> None:
        """Push every few seconds until ``close``."""
        self._thread.start()

    def _keep_pushing(self) -> None:
        while not self._over.wait(_SECONDS):
            try:
                self.push()
            except SweepError as error:
                if str(error) != self._told:  # once; it is tried again
                    self._told = str(error)
                    print(f"ibsweep: {error}", file=sys.stderr)

    def close(self) -> None:
        """Push for the last time.

        Raises:
            SweepError: If that fails; names the copy.
        """
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self.push()
        except SweepError as error:
            raise SweepError(
                f"{error}\nall of it is in {self.local}, and the next command with the same "
                "--results brings it there"
            ) from error

    def _there(self) -> dict[str, Stamp]:
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self.base, recursive=True, allow_not_found=True)
        return {
            info.path.removeprefix(self.base).lstrip("/"): [info.size, info.mtime_ns or 0]
            for info in self.filesystem.get_file_info(selector)
            if info.type == FileType.File
        }

    def _stamp_there(self, path: str) -> Stamp | None:
        from pyarrow.fs import FileType

        info = self.filesystem.get_file_info(path)
        return [info.size, info.mtime_ns or 0] if info.type == FileType.File else None

    def _read(self, name: str) -> bytes:
        try:
            with self.filesystem.open_input_stream(f"{self.base}/{name}") as stream:
                content: bytes = stream.read()
                return content
        except OSError as error:
            raise InputError(
                f"cannot read {below(self.url, name)}: {first_line(error)}"
            ) from error

    def _here(self) -> dict[str, Stamp]:
        found = {}
        for folder, folders, files in os.walk(self.local):
            folders[:] = [one for one in folders if not one.startswith(".")]
            for file in files:
                path = Path(folder, file)
                if not file.startswith("."):
                    with contextlib.suppress(FileNotFoundError):
                        found[path.relative_to(self.local).as_posix()] = _stamp(path)
        return found

    def _index(self) -> dict[str, Any]:
        """Return the stamps, here and there, that each file had when both were equal."""
        path = self.local / _INDEX
        try:
            index: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return {}
        return index

    def _write_index(self, index: dict[str, Any]) -> None:
        self.local.mkdir(parents=True, exist_ok=True)
        aside = self.local / f"{_INDEX}.new"
        aside.write_text(json.dumps(index))
        aside.replace(self.local / _INDEX)


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _unit(name: str) -> str:
    """Return what a file stands or falls with: its sweep, or itself where it is in none."""
    return name.split("/", 1)[0]


def _place(name: str) -> tuple[str, int, str]:
    unit, _, rest = name.partition("/")
    first = rest.split("/", 1)[0]
    return unit, _ORDER.index(first if first in _ORDER else ""), name


def below(url: str, name: str) -> str:
    """Return the URL of what lies in the results directory at a URL, which may have options."""
    path, mark, options = url.partition("?")
    return f"{path}/{name}{mark}{options}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
