"""Where the files of data documents lie."""

from __future__ import annotations

from pathlib import Path

from ibsweep.data.faults import DataError
from ibsweep.errors import Fault, InputError, suggestion
from ibsweep.paths import usable_path

__all__ = ["data_file"]


def data_file(name: str, folder: Path | None) -> Path:
    """Return the absolute path of a data file.

    Args:
        name: Its path; a relative one begins in the folder.
        folder: The folder of the question file; None for the working directory.

    Raises:
        DataError: There is no such file; the message has the path that was looked at.
    """
    try:
        path = usable_path(name, folder or Path()).resolve()
    except InputError as error:
        raise DataError([Fault(("from",), str(error))]) from error
    if path.is_file():
        return path
    nearby = [other.name for other in path.parent.glob(f"*{path.suffix}")]
    hint = f"; {suggestion(path.name, nearby)}" if nearby else ""
    raise DataError([Fault(("from",), f"there is no file {path}{hint}")])
