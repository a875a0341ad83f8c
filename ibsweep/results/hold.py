"""The hold on a sweep: the right of one process to write its directory, and to remove it."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

from ibsweep.errors import IbsweepError, SweepGoneError
from ibsweep.results.files import disk_errors, is_leftover
from ibsweep.results.layout import SweepPaths
from ibsweep.results.location import display_path, lease, remove_at_url
from ibsweep.results.locks import exclusive_lock

__all__ = ["Hold", "is_unmade"]


def is_unmade(root: Path) -> bool:
    """Return whether a directory is empty, or what is left of a sweep whose making was killed."""
    try:
        names = [path.name for path in root.iterdir()]
    except OSError:
        return False
    lock = SweepPaths(root).lock.name
    return not root.is_symlink() and all(name == lock or is_leftover(name) for name in names)


class Hold:
    """The right of one process to write a sweep, here and where its results are at a URL.

    It is lost with the process, and with the directory: what somebody removed, moved away or
    replaced in the meantime is noticed by ``check``.

    Args:
        root: The sweep's directory.
        name: The sweep's name.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self._paths = SweepPaths(root)
        self._stack: ExitStack | None = None
        self._directory = self._parent = -1

    @property
    def held(self) -> bool:
        """Whether this process has it."""
        return self._stack is not None

    @property
    def lost(self) -> bool:
        """Whether this process has it, and the directory is gone or another one."""
        return self.held and not _is_at(self.root, self._directory)

    def acquire(self) -> None:
        """Take it.

        Raises:
            InputError: If another process has it, here or on another machine.
            SweepError: If the directory cannot be written.
        """
        taken = f"sweep {self.name!r} is being run by another process"
        with ExitStack() as stack:
            stack.enter_context(exclusive_lock(self._paths.lock, taken))
            try:
                stack.enter_context(lease(self.root))
            except IbsweepError:
                self.discard_unmade()
                raise
            # open, so that no other directory gets their numbers
            with disk_errors(self.root):
                self._directory = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, self._directory)
                self._parent = os.open(self.root.parent, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, self._parent)
            self._stack = stack.pop_all()

    def release(self) -> None:
        """Give it back; without it nothing happens."""
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.close()

    def check(self) -> None:
        """Check that the directory is still the one that is held.

        Raises:
            SweepGoneError: If it is not.
        """
        if self.lost:
            raise SweepGoneError(
                f"{display_path(self.root)} was removed or moved away while sweep {self.name!r} "
                "ran: what it had finished went with it"
            )

    def remove(self) -> None:
        """Remove the sweep's directory with all that is in it, also at its URL where it has one.

        The manifest goes last: whenever this is cut off there is a whole sweep or none.
        """
        self.check()
        for path in list(self.root.iterdir()):
            if path not in (self._paths.manifest, self._paths.lock):
                _remove(path)
        self._paths.manifest.unlink(missing_ok=True)
        self.discard_unmade()
        remove_at_url(self.root)

    def discard_unmade(self) -> None:
        """Remove a directory without a manifest; where there is more in it, nothing."""
        if is_unmade(self.root):
            with suppress(OSError):
                for path in list(self.root.iterdir()):
                    path.unlink(missing_ok=True)
                self.root.rmdir()

    def remove_traces(self) -> None:
        """Remove what Ray Tune has made anew in place of a directory that is gone.

        Whatever else is there by now is somebody else's.
        """
        if not self.lost or self._paths.manifest.exists():
            return
        with suppress(OSError):
            if {path.name for path in self.root.iterdir()} <= {self._paths.tune.name}:
                shutil.rmtree(self._paths.tune, ignore_errors=True)
                self.root.rmdir()
            if not _is_at(self.root.parent, self._parent):
                self.root.parent.rmdir()


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open directory is the one at a path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
