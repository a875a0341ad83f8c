"""``ibsweep jobs``: what runs on a cluster, and what has run there."""

from __future__ import annotations

import datetime
import json as json_module

from rich.table import Table

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import JOB_SERVER, JobServer, JsonFlag
from ibsweep.terminal import say

_UNBROKEN = 10_000
"""Columns of what goes to a file or a pipe: a line a job."""


def jobs(address: JobServer = JOB_SERVER, json: JsonFlag = False) -> None:
    """List the jobs of a cluster and their state, the newest last."""
    from ibsweep.cluster.jobs import Jobs

    found = Jobs(address).all()
    if json:
        say(json_module.dumps({"jobs": [job.to_json() for job in found]}), to="stdout")
        return
    console = PlainConsole() if PlainConsole().is_terminal else PlainConsole(width=_UNBROKEN)
    if not found:
        console.print(f"no jobs at {address} yet")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("job", "state", "started", "duration"):
        table.add_column(column, no_wrap=True)
    table.add_column("command", overflow="fold")
    for job in found:
        started = f"{job.started.astimezone():%Y-%m-%d %H:%M}" if job.started else ""
        command = job.command.removeprefix("python -m ibsweep ")
        table.add_row(job.name, job.state, started, _duration(job.seconds), command)
    console.print(table)


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else str(datetime.timedelta(seconds=round(seconds)))
