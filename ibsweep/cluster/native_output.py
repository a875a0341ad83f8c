"""What Ray's core writes to the standard error stream by itself, past Python."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from ibsweep.terminal import GuardedStream

__all__ = ["redirect_native_stderr"]


@contextmanager
def redirect_native_stderr() -> Iterator[IO[bytes]]:
    """Yield a file that gets what is written past Python to the standard error stream.

    Ray's core writes there by itself, a line a second while a cluster refuses it. Python's own
    output, such as the progress, goes where it went.
    """
    with tempfile.TemporaryFile() as log, os.fdopen(os.dup(2), "w", buffering=1) as terminal:
        os.dup2(log.fileno(), 2)
        try:
            guarded: Any = GuardedStream(terminal)
            with contextlib.redirect_stderr(guarded):
                yield log
        finally:
            os.dup2(terminal.fileno(), 2)
