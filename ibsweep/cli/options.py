"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ibsweep.errors import InputError
from ibsweep.options import share_faults

__all__ = [
    "Address",
    "CpusPerTrial",
    "GpusPerTrial",
    "JsonFlag",
    "QuietFlag",
    "Results",
    "check_shares",
    "parse_duration",
]

CpusPerTrial = Annotated[float, typer.Option(help="CPUs, and threads, of a trial.")]
GpusPerTrial = Annotated[float, typer.Option(help="GPU share of a trial, such as 0.25.")]
Address = Annotated[
    str | None, typer.Option(help="Join the Ray cluster there; default: this machine alone.")
]

Results = Annotated[
    Path, typer.Option("--results", metavar="DIR", help="Where sweeps are stored.")
]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
JsonFlag = Annotated[
    bool, typer.Option("--json", help="Put one JSON document on stdout, and nothing else.")
]


def check_shares(cpus: float, gpus: float) -> None:
    """Refuse a share of a machine that a trial cannot have.

    Raises:
        InputError: One line for each rule that does not hold.
    """
    if faults := share_faults(cpus, gpus):
        raise InputError("\n".join(faults))


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
