"""Kill -9 at one of a process's file operations in a folder.

Python's audit events tell of files that are opened, renamed, removed and locked, whoever does it;
what is written and synced through ``os`` is counted besides, and a write that is hit is half done.
Nothing of the package is imported here: a command is armed before it starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import Any

_PATHS = {  # events of files by name: how many of the arguments are paths, where folders follow
    "os.rename": (2, 2),
    "os.remove": (1, 1),
    "os.mkdir": (1, 2),
    "os.rmdir": (1, 1),
    "os.truncate": (1, None),
    "os.link": (2, 2),
    "os.symlink": (2, 2),
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def environment(root: os.PathLike[str], at: int) -> dict[str, str]:
    """Return variables that arm a command: it kills itself at its so-manieth operation."""
    hook = os.path.join(os.path.dirname(__file__), "hook")  # noqa: PTH118, PTH120
    path = os.pathsep.join([hook, os.environ.get("PYTHONPATH", "")])
    return {"CHAOS_ROOT": os.fspath(root), "CHAOS_AT": str(at), "PYTHONPATH": path}


def arm(root: str, at: int) -> None:
    """Count this process's operations in a folder, and kill it at the given one, from 1."""
    root = os.path.realpath(root)
    counted = 0

    def inside(path: Any, folder: Any = None) -> bool:
        with contextlib.suppress(OSError, ValueError, TypeError):
            if isinstance(path, int):
                path = os.readlink(f"/proc/self/fd/{path}")  # noqa: PTH115
            name = os.fsdecode(path)
            if not os.path.isabs(name):  # noqa: PTH117
                known = isinstance(folder, int) and folder >= 0
                base = "/proc/self/cwd" if not known else f"/proc/self/fd/{folder}"
                base = os.readlink(base)  # noqa: PTH115
                name = os.path.join(base, name)  # noqa: PTH118
            return name == root or name.startswith(f"{root}/")
        return False

    def hit() -> bool:
        nonlocal counted
        counted += 1
        return counted == at

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # other threads run on until it arrives

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            met = isinstance(flags, int) and bool(flags & _WRITES) and inside(path)
        elif event == "fcntl.flock":
            met = inside(arguments[0])
        elif event in _PATHS:
            count, first = _PATHS[event]
            folders = arguments[first:] if first is not None else ()
            folder = next((f for f in folders if isinstance(f, int) and f >= 0), None)
            met = any(inside(path, folder) for path in arguments[:count])
        else:
            return
        if met and hit():
            die()

    def counting(name: str) -> None:
        real = getattr(os, name)

        def wrapped(file: Any, *rest: Any, **named: Any) -> Any:
            folder = named.get("dir_fd")
            relevant = inside(file, folder) if name != "open" or folder is not None else False
            if relevant and hit():
                if name == "write" and rest and len(rest[0]) > 1:
                    real(file, bytes(rest[0])[: len(rest[0]) // 2])
                die()
            return real(file, *rest, **named)

        setattr(os, name, wrapped)

    for name in ("open", "write", "fsync", "fdatasync", "ftruncate"):
        counting(name)
    sys.addaudithook(audit)


def arm_command() -> None:
    """Arm this process if it is the command line that was started to be killed."""
    root, at = os.environ.get("CHAOS_ROOT"), os.environ.get("CHAOS_AT")
    if root and at and sys.orig_argv[1:3] == ["-m", "ibsweep"]:
        arm(root, int(at))
