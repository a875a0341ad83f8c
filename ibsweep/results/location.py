"""What ``--results`` stands for: a directory, or a URL, of which commands use a copy here.

The copies lie in the user's cache directory, and ``Mirror`` keeps them up to date. Everything else
in the package knows a plain directory; what has to differ at a URL is asked for here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ibsweep.errors import IbsweepError, InputError
from ibsweep.paths import operand, usable_path
from ibsweep.results.mirror import Mirror
from ibsweep.results.remote import RemoteDirectory, url_of

__all__ = [
    "close_mirrors",
    "display_path",
    "fetch_results",
    "is_leased_elsewhere",
    "lease",
    "no_transfer",
    "remove_at_url",
    "results_directory",
    "results_words",
]

_urls: dict[Path, str] = {}
"""The URL of every copy that this process has asked for."""

_mirrors: dict[Path, Mirror] = {}
"""The mirrors that run, by their copy."""

_transfer = ContextVar("transfer", default=True)


def results_directory(where: str | Path) -> Path:
    """Return the directory that stands for what ``--results`` was given.

    Args:
        where: A directory, or a URL of a file system that pyarrow knows, such as
            ``s3://bucket/folder``.

    Returns:
        The directory; for a URL its copy here, up to date. It is kept up to date at the URL until
        ``close_mirrors``.

    Raises:
        InputError: If the URL is none of pyarrow's or cannot be reached.
    """
    url, local = _parse(where)
    if url is None:
        return local
    _urls[local] = url
    if _transfer.get() and local not in _mirrors:
        mirror = Mirror(RemoteDirectory.from_url(url), local)
        mirror.pull()
        mirror.start()
        _mirrors[local] = mirror
    return local


def fetch_results(where: str | os.PathLike[str]) -> Path:
    """Return the directory that stands for a directory or URL, up to date, to read from it.

    Raises:
        InputError: As for ``results_directory``.
    """
    url, local = _parse(where)
    if url is not None and local not in _mirrors:
        Mirror(RemoteDirectory.from_url(url), local).pull()
    return local


def _parse(where: str | os.PathLike[str]) -> tuple[str | None, Path]:
    """Return a URL and where its copy is, or None and a directory."""
    text = str(where)
    if "://" not in text:
        return None, usable_path(text)
    url = text.rstrip("/")
    if not text.split("://", 1)[1].strip("/"):
        raise InputError(f"{text} names no bucket: a URL is such as s3://bucket/folder")
    if urlsplit(url).password:
        raise InputError(
            "a password in the URL of --results would stand in manifests and pages: put it where "
            "the cloud's own tools look for it, such as ~/.aws/credentials or AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        )
    if urlsplit(url).scheme == "file":
        return None, usable_path(url2pathname(urlsplit(url).path))
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    # on every system the same, and never elsewhere: a copy may hold rows not yet at its URL
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise InputError(
            "results at a URL are copied to the user's cache directory, and nobody knows this "
            "user's home: set HOME or XDG_CACHE_HOME"
        ) from error
    return url, cache / "ibsweep" / "results" / name


def lease(path: Path) -> contextlib.AbstractContextManager[None]:
    """Keep other machines from writing a sweep, or a file beside the sweeps, that is at a URL.

    Raises:
        InputError: If another machine writes it.
        SweepError: If the URL cannot be written.
    """
    mirror = _mirrors.get(path.parent)
    return mirror.lease(path.name) if mirror else contextlib.nullcontext()


def is_leased_elsewhere(path: Path) -> bool:
    """Return whether another machine writes a sweep at a URL, as far as this command knows."""
    mirror = _mirrors.get(path.parent)
    return mirror is not None and mirror.is_leased_elsewhere(path.name)


def remove_at_url(path: Path) -> None:
    """Remove a sweep that was removed here, and that this process holds, at its URL too."""
    if mirror := _mirrors.get(path.parent):
        mirror.remove(path.name)


@contextmanager
def no_transfer() -> Iterator[None]:
    """Let ``results_directory`` only name the copy, without reaching for the URL.

    For commands that another machine will run, such as what ``submit`` checks.
    """
    token = _transfer.set(False)
    try:
        yield
    finally:
        _transfer.reset(token)


def display_path(path: Path) -> str:
    """Return a path as a user names it: at its URL where it is a copy."""
    for local, url in _urls.items():
        if path == local:
            return url
        if path.is_relative_to(local):
            return url_of(url, path.relative_to(local).as_posix())
    return str(path)


def results_words(results: Path) -> list[str]:
    """Return what a command line needs to find a results directory: nothing for the default."""
    if results == Path("results"):
        return []
    shown = display_path(results)
    return ["--results", shown if "://" in shown else operand(Path(shown))]


def close_mirrors() -> None:
    """Bring everything to its URL, at the end of a command.

    Raises:
        IbsweepError: If that fails.
    """
    failure: IbsweepError | None = None
    while _mirrors:
        _, mirror = _mirrors.popitem()
        try:
            mirror.close()
        except IbsweepError as error:
            failure = error
    if failure:
        raise failure
