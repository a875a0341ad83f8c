"""``ibsweep logs``: what a job on a cluster, or a trial's training function, has printed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ibsweep.cli.flags import JOB_SERVER, JobServer, ResultsDir, job_server_flag
from ibsweep.cli.interruption import LogFilter
from ibsweep.errors import IbsweepError, InputError
from ibsweep.terminal import say

if TYPE_CHECKING:
    from ibsweep.cluster.jobs import Jobs

__all__ = ["FollowFlag", "follow_job", "logs"]

FollowFlag = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until it ends; exit code 1 if it failed.")
]


def logs(
    job: Annotated[
        str, typer.Argument(metavar="JOB|SWEEP", help="See `ibsweep jobs` and `ibsweep sweeps`.")
    ],
    trial: Annotated[
        int | None, typer.Option(help="Of a sweep: the trial whose training function printed.")
    ] = None,
    follow: FollowFlag = False,
    address: JobServer = JOB_SERVER,
    results: ResultsDir = Path("results"),
) -> None:
    """Print what a job has printed, or with --trial what a sweep's training function has.

    Ctrl-C ends the following and not the job.
    """
    if trial is not None:
        if follow:
            raise InputError("--follow is for a job; a trial's log grows at its rungs")
        _write(_trial_log(results, job, trial))
        return
    from ibsweep.cluster.jobs import Jobs

    there = Jobs(address)
    name = there.find(job).name
    if follow:
        follow_job(there, name, job_server_flag(address))
    else:
        with closing(LogFilter(_write)) as log:
            log.feed(there.logs(name))


def _trial_log(results: Path, name: str, trial: int) -> str:
    """Return what the training function of a trial printed, each line with its replicate's seed.

    Raises:
        InputError: If there is no such sweep or trial, or its arm trains a model.
    """
    from ibsweep.results.sweeps import find_sweep

    store = find_sweep(results, name)
    path = store.paths.log(trial)
    if path.exists():
        return path.read_text(encoding="utf-8")
    if all(row.trial != trial for row in store.proposals()):
        raise InputError(f"{name} has no trial {trial}")
    raise InputError(
        f"trial {trial} of {name} has printed nothing: only training functions of one's own do"
    )


def follow_job(jobs: Jobs, name: str, flag: str) -> None:
    """Print what a job prints until it ends.

    Args:
        jobs: The jobs of its cluster.
        name: The job's id.
        flag: What other commands need to find that cluster.

    Raises:
        IbsweepError: If it failed or was stopped, or the connection was lost.
        typer.Exit: With code 130 on Ctrl-C.
    """
    how = f"`ibsweep logs {name} --follow{flag}` to go on, `ibsweep stop {name}{flag}` to end it"
    try:
        with closing(LogFilter(_write)) as log:
            job = jobs.follow(name, log.feed)
    except KeyboardInterrupt:
        say(f"ibsweep: {name} is still running; {how}")
        raise typer.Exit(130) from None
    except IbsweepError as error:
        raise IbsweepError(f"the connection to {jobs.address} was lost; {how}") from error
    if not job.ended:
        raise IbsweepError(f"the connection to {jobs.address} was lost; {how}")
    if job.state == "stopped":
        raise IbsweepError(f"{name} was stopped")
    if job.state == "failed":
        if job.exit_code is None:  # it never ran: Ray says why
            reason = (job.message.splitlines() or ["for no reason that Ray knows"])[0]
            raise IbsweepError(f"{name} failed: {reason}")
        raise IbsweepError(f"{name} failed with exit code {job.exit_code}")


def _write(text: str) -> None:
    say(text, to="stdout", end="")
