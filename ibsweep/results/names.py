"""What sweeps and jobs can be called."""

from __future__ import annotations

import re

from ibsweep.errors import InputError, format_value
from ibsweep.results.layout import REPLICATIONS

__all__ = ["check_name", "check_new_name", "is_name"]

_RESERVED = {
    "all": "it stands for every sweep",
    "report": "the pages of `ibsweep report` lie there",
    REPLICATIONS: "what `ibsweep replicate` finds lies there",
}
"""Names that are a sweep's in no case, and why."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(name: str) -> bool:
    """Return whether a name can be a directory's and nothing else."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def check_name(name: str, of: str = "sweep") -> str:
    """Return a sweep's or job's name if it can be a directory's and nothing else.

    Raises:
        InputError: If it could leave the results directory or is no plain name.
    """
    if not is_name(name):
        raise InputError(
            f"a {of}'s name is 1 to 100 letters, digits, '.', '_' or '-', starts with a letter "
            f"or digit and has no '..', but got {format_value(name)}"
        )
    return name


def check_new_name(name: str) -> str:
    """Return the name of a new sweep if it can be one.

    Raises:
        InputError: If it is no plain name, or stands for something else.
    """
    if why := _RESERVED.get(check_name(name).lower()):
        raise InputError(f"no sweep can be named {name!r}: {why}; choose another --name")
    return name
