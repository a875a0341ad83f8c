"""The systems on which sweeps run; what a sweep has stored can be read on any."""

from __future__ import annotations

import platform

from ibsweep.errors import InputError

__all__ = ["require_system"]


def require_system() -> None:
    """Refuse a system where neither sweeps run nor results are written.

    Files are written so that links and crashes do no harm, with calls of POSIX that Windows lacks.

    Raises:
        InputError: If this is one.
    """
    system = platform.system()
    if system not in ("Linux", "Darwin"):
        raise InputError(
            f"sweeps and pages are made on Linux, and this is {system or 'an unknown system'}: "
            "use a Linux machine, a container or WSL 2; `ibsweep.load` reads results here too"
        )
