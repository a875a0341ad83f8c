"""Results at a URL: a copy on this machine, which is brought there as it grows.

Object stores cannot append, and a sweep must not wait for them; so commands work on the copy, in
the user's cache directory. What is further at the URL is fetched when a command begins.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ibsweep.errors import IbsweepError, InputError
from ibsweep.results.mirror import Mirror, below, first_line

__all__ = [
    "Mirror",
    "close",
    "display_path",
    "fetched",
    "held",
    "is_held_elsewhere",
    "no_transfer",
    "remove",
    "results_directory",
]


_urls: dict[Path, str] = {}
_mirrors: dict[Path, Mirror] = {}
_transfer = ContextVar("transfer", default=True)


def results_directory(where: str | Path) -> Path:
    """Return the directory that stands for what ``--results`` was given.

    Args:
        where: A directory, or a URL of a file system that pyarrow knows, such as
            ``s3://bucket/folder``.

    Returns:
        The directory; for a URL its copy here, up to date. It is kept up to date at the URL until
        ``close``.

    Raises:
        InputError: If the URL is none of pyarrow's or cannot be reached.
    """
    url, local = _parse(where)
    if url is None:
        return local
    _urls[local] = url
    if _transfer.get() and local not in _mirrors:
        mirror = _open(url, local)
        mirror.fetch()
        mirror.start()
        _mirrors[local] = mirror
    return local


def fetched(where: str | os.PathLike[str]) -> Path:
    """Return the directory that stands for a directory or URL, to read from it.

    Raises:
        InputError: As for ``results_directory``.
    """
    url, local = _parse(where)
    if url is not None and local not in _mirrors:
        _open(url, local).fetch()
    return local


def _parse(where: str | os.PathLike[str]) -> tuple[str | None, Path]:
    """Return a URL and where its copy is, or None and a directory."""
    text = str(where)
    if "://" not in text:
        return None, Path(text)
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
        return None, Path(url2pathname(urlsplit(url).path))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return url, cache / "ibsweep" / "results" / name


def _open(url: str, local: Path) -> Mirror:
    from pyarrow.fs import FileSystem

    asked = url
    if urlsplit(url).scheme in ("gs", "gcs") and "retry_limit_seconds" not in url:
        asked += f"{'&' if '?' in url else '?'}retry_limit_seconds=20"  # or it tries for minutes
    try:
        filesystem, base = FileSystem.from_uri(asked)
    except (ValueError, ImportError) as error:
        raise InputError(
            f"{first_line(error)}; name a directory, or a URL such as s3://bucket/folder"
        ) from error
    except OSError as error:
        raise InputError(f"cannot reach {url}: {first_line(error)}") from error
    return Mirror(filesystem, base, url, local)


def held(path: Path) -> contextlib.AbstractContextManager[None]:
    """Hold a sweep, or a file beside the sweeps, against other machines where it is at a URL.

    Raises:
        InputError: If another machine writes it.
        SweepError: If the URL cannot be written.
    """
    mirror = _mirrors.get(path.parent)
    return mirror.held(path.name) if mirror else contextlib.nullcontext()


def is_held_elsewhere(path: Path) -> bool:
    """Return whether another machine writes a sweep at a URL, as far as this command knows."""
    mirror = _mirrors.get(path.parent)
    return mirror is not None and mirror.is_held_elsewhere(path.name)


def remove(path: Path) -> None:
    """Remove a sweep that has nothing worth keeping, also at its URL where it has one."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)
    if mirror := _mirrors.get(path.parent):
        mirror.remove(path.name)


@contextmanager
def no_transfer() -> Iterator[None]:
    """Have ``results_directory`` only name the copy: for checks on another machine's behalf."""
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
            return below(url, path.relative_to(local).as_posix())
    return str(path)


def close() -> None:
    """Bring everything to its URL and end.

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
