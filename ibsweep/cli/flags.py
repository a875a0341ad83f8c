"""Options that several commands share."""

from __future__ import annotations

import math
import os
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ibsweep.errors import InputError, format_value
from ibsweep.paths import usable_path
from ibsweep.results.location import results_directory
from ibsweep.sweep.options import resource_faults

__all__ = [
    "JOB_SERVER",
    "Address",
    "CpusPerTrial",
    "GpusPerTrial",
    "JobServer",
    "JsonFlag",
    "OutDir",
    "QuietFlag",
    "ResultsDir",
    "check_resources",
    "job_server_flag",
    "parse_duration",
]

CpusPerTrial = Annotated[float, typer.Option(help="CPUs, and threads, of a trial.")]
GpusPerTrial = Annotated[float, typer.Option(help="GPU share of a trial, such as 0.25.")]
Address = Annotated[
    str | None, typer.Option(help="Join the Ray cluster there; default: this machine alone.")
]
JobServer = Annotated[
    str,
    typer.Option(
        "--address",
        metavar="URL",
        envvar="RAY_API_SERVER_ADDRESS",
        help="Ray's job server, on the cluster's head.",
    ),
]

JOB_SERVER = "http://127.0.0.1:8265"
"""Where Ray's job server listens unless told otherwise."""

ResultsDir = Annotated[
    Path,
    typer.Option(
        "--results",
        metavar="DIR|URL",
        parser=results_directory,
        help="Where sweeps are stored: a directory, or such as s3://bucket/folder.",
    ),
]
OutDir = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        parser=usable_path,
        help="Where to write; default: under --results.",
    ),
]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
JsonFlag = Annotated[
    bool, typer.Option("--json", help="Put one JSON document on stdout, and nothing else.")
]


def check_resources(cpus: float, gpus: float) -> None:
    """Refuse CPUs and GPUs that a trial cannot have.

    Raises:
        InputError: One line for each rule that does not hold.
    """
    if faults := resource_faults(cpus, gpus):
        raise InputError("\n".join(faults))


def job_server_flag(address: str) -> str:
    """Return what a command for the same job server needs on its line, with a space before it."""
    default = os.environ.get("RAY_API_SERVER_ADDRESS") or JOB_SERVER
    return "" if address == default else f" --address {shlex.quote(address)}"


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> float:
    """Return seconds for a number with an optional unit: ``90``, ``90s``, ``5m``, ``1.5h``.

    Raises:
        typer.BadParameter: For anything else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds < math.inf:
        got = format_value(text)
        raise typer.BadParameter(f"a duration is such as 90, 90s, 5m or 1.5h, but got {got}")
    return seconds
