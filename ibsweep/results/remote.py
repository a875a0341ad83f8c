"""A results directory at a URL: its files listed, read, written and deleted through pyarrow."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ibsweep.errors import InputError

__all__ = ["RemoteDirectory", "Stamp", "first_line", "url_of"]

Stamp = list[int]
"""Size of a file in bytes and time of its last change in nanoseconds."""


class RemoteDirectory:
    """A directory of a remote file system; names of files are relative to it.

    Object stores cannot append: a file is written whole or not at all. Unless it says otherwise,
    every method raises OSError where the file system refuses.

    Args:
        filesystem: A ``pyarrow.fs.FileSystem``.
        base: The directory's path there.
        url: What messages call it.
    """

    def __init__(self, filesystem: Any, base: str, url: str) -> None:
        self.filesystem, self.base, self.url = filesystem, base.rstrip("/"), url

    @classmethod
    def from_url(cls, url: str) -> RemoteDirectory:
        """Open the directory at a URL.

        Raises:
            InputError: If pyarrow knows no such file system, or it cannot be reached.
        """
        from pyarrow.fs import FileSystem

        address = url
        if urlsplit(url).scheme in ("gs", "gcs") and "retry_limit_seconds" not in url:
            # or it tries for minutes
            address += f"{'&' if '?' in url else '?'}retry_limit_seconds=20"
        try:
            filesystem, base = FileSystem.from_uri(address)
        except (ValueError, ImportError) as error:
            raise InputError(
                f"{first_line(error)}; name a directory, or a URL such as s3://bucket/folder"
            ) from error
        except OSError as error:
            raise InputError(f"cannot reach {url}: {first_line(error)}") from error
        return cls(filesystem, base, url)

    def create(self) -> None:
        """Make the directory where there is none."""
        self.filesystem.create_dir(self.base, recursive=True)

    def files(self) -> dict[str, Stamp]:
        """Return the stamp of every file in the directory and below, by name."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self.base, recursive=True, allow_not_found=True)
        return {
            info.path.removeprefix(self.base).lstrip("/"): [info.size, info.mtime_ns or 0]
            for info in self.filesystem.get_file_info(selector)
            if info.type == FileType.File
        }

    def stamp(self, name: str) -> Stamp | None:
        """Return the stamp of a file; None where there is no such file."""
        from pyarrow.fs import FileType

        info = self.filesystem.get_file_info(self._path(name))
        return [info.size, info.mtime_ns or 0] if info.type == FileType.File else None

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            InputError: If it cannot be read.
        """
        try:
            with self.filesystem.open_input_stream(self._path(name)) as stream:
                content: bytes = stream.read()
                return content
        except OSError as error:
            raise InputError(
                f"cannot read {url_of(self.url, name)}: {first_line(error)}"
            ) from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file, and make the directories that it lies in."""
        path = self._path(name)
        self.filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(content)

    def delete_file(self, name: str) -> None:
        """Delete a file."""
        self.filesystem.delete_file(self._path(name))

    def delete_directory(self, name: str) -> None:
        """Delete a directory with all that is in it."""
        self.filesystem.delete_dir(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.base}/{name}"


def url_of(url: str, name: str) -> str:
    """Return the URL of what lies in the directory at a URL, which may end with options."""
    path, mark, options = url.partition("?")
    return f"{path}/{name}{mark}{options}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
