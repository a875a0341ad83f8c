"""What a local Ray keeps in the directory that it is given: sockets, and logs of its daemons."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

__all__ = ["LONGEST_SOCKET", "last_words"]

LONGEST_SOCKET = "session_2026-11-27_14-24-56_642733_4194304/sockets/plasma_store"
"""What the longest of its sockets is called in there, at its longest."""

_FATAL = re.compile(r"\b[CFE] \d+ \d+\] (?:\(\w+\) )?(.*)|^((?:\w+Error|terminate).*)")
"""A line of a daemon's log that says why it ends: of Ray's core, of Python."""


def last_words(directory: Path) -> list[str]:
    """Return the last line of each daemon's logs that says why it ends; at most five."""
    found = []
    for path in sorted(directory.glob("session_*/logs/*.*")):
        if path.parent.parent.is_symlink() or path.suffix not in (".out", ".err", ".log"):
            continue
        with contextlib.suppress(OSError):
            said = _FATAL.findall(path.read_text("utf-8", "replace"))
            if said:
                found.append(f"{path.stem}: {''.join(said[-1])[:200]}")
    return list(dict.fromkeys(found))[:5]
