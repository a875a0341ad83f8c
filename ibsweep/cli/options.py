"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["JsonFlag", "QuietFlag", "Results", "parse_duration"]

Results = Annotated[
    Path, typer.Option("--results", metavar="DIR", help="Where sweeps are stored.")
]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
JsonFlag = Annotated[
    bool, typer.Option("--json", help="Put one JSON document on stdout, and nothing else.")
]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> float:
    """Return seconds for a number with an optional unit: ``90``, ``90s``, ``5m``, ``1.5h``.

    Raises:
        typer.BadParameter: For anything else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not match or float(match[1]) == 0:
        raise typer.BadParameter(f"a duration is such as 90, 90s, 5m or 1.5h, but got {text!r}")
    return float(match[1]) * _UNITS[match[2]]
