"""The command line: ``python -m ibsweep`` and the ``ibsweep`` script."""

from __future__ import annotations

import sys

from ibsweep.cli import run
from ibsweep.cli.restart import remember_process
from ibsweep.cli.streams import open_streams
from ibsweep.gc_control import freeze_imports


def main() -> None:
    """Run the command line and exit with its code."""
    remember_process()
    open_streams()
    freeze_imports()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
