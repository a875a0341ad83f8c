"""Paths as users give them: what no file system has is refused in words before it is used."""

from __future__ import annotations

import os
from pathlib import Path

from ibsweep.errors import InputError, format_value

__all__ = ["is_directory", "is_there", "operand", "usable_path"]


def usable_path(where: str | os.PathLike[str], folder: Path | None = None) -> Path:
    """Return a path that a file system could have, whether or not anything is there.

    Args:
        where: What a user gave.
        folder: Where a relative path begins, and ``~`` stands for a home directory; None for the
            working directory and a path as it is, since a shell has read it.

    Raises:
        InputError: If it is too long, leads through a file, or nothing has such a name.
    """
    try:
        path = Path(where) if folder is None else folder / Path(where).expanduser()
        str(path).encode()
        os.lstat(path)
    except (FileNotFoundError, PermissionError):
        pass  # whoever reads or writes there says so
    # ValueError: a zero byte, bytes that are not UTF-8; RuntimeError: no user has that home
    except (OSError, ValueError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{format_value(str(where))}: {reason}; name another place") from None
    return path


def is_there(path: str | os.PathLike[str]) -> bool:
    """Tell whether anything is there; nothing is where no file system has such a path."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def is_directory(path: Path) -> bool:
    """Tell whether a directory is there.

    Raises:
        InputError: If nobody can tell, since one on the way to it is closed to this user.
    """
    try:
        return path.is_dir()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path} cannot be read: {reason}") from error


def operand(path: str | os.PathLike[str]) -> str:
    """Return a path as a word of a command line that cannot be taken for an option.

    Example:
        >>> operand("--trials=7.yaml"), operand("mine.yaml")
        ('./--trials=7.yaml', 'mine.yaml')
    """
    word = str(path)
    return f"./{word}" if word.startswith("-") else word
