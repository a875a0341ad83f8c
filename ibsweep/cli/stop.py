"""``ibsweep stop``: end a job on a cluster so that its sweep can go on later."""

from __future__ import annotations

from typing import Annotated

import typer

from ibsweep.cli.flags import JOB_SERVER, JobServer, job_server_flag
from ibsweep.cli.interruption import HowToResume
from ibsweep.terminal import say


def stop(
    job: Annotated[str, typer.Argument(metavar="JOB", help="See `ibsweep jobs`.")],
    address: JobServer = JOB_SERVER,
) -> None:
    """Stop a job, wait until it has ended, and say how to go on with its sweep."""
    from ibsweep.cluster.jobs import Jobs

    there = Jobs(address)
    found = there.find(job)
    if found.ended:
        say(f"{job} has ended before: {found.state}", to="stdout")
        return
    try:
        found = there.stop(job)
    except KeyboardInterrupt:
        say(f"ibsweep: {job} may still be running; see `ibsweep jobs`")
        raise typer.Exit(130) from None
    if found.state != "stopped":  # it was quicker than the stopping
        say(f"{job} has ended: {found.state}", to="stdout")
        return
    flag = job_server_flag(address)
    how = HowToResume.from_log(there.logs(job))
    if how is None:
        say(
            f"{job} is stopped; it did not say how far it came: submit it again, or what it had "
            f"begun goes on with: ibsweep submit{flag} -- resume all",
            to="stdout",
        )
    else:
        words = how.text(f"ibsweep submit{flag} -- resume")
        say(f"{job} is stopped; {words}", to="stdout")
