"""Sweeps as jobs of a Ray cluster, through the job server on its head.

A job is a command line that Ray runs on the head of the cluster, in a shell, with the cluster's
address and token in its environment. It ends as Ctrl-C ends it when it is stopped: Ray sends
SIGTERM, and SIGKILL where that does not help in time.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ibsweep.cluster.in_job import IN_JOB
from ibsweep.cluster.ray_internals.messages import (
    JOB_CLIENT_LOGGERS,
    JOB_EXISTS,
    TOKEN_REFUSED_OVER_HTTP,
)
from ibsweep.errors import IbsweepError, InputError, format_value, suggestion

__all__ = ["Job", "Jobs"]

_STOP_GRACE = 60
"""Seconds that a stopped job has before it is killed; Ray's own 3 can be too few to leave it."""
_POLL_INTERVAL = 0.25
"""Seconds between two looks at a job that is being stopped."""
_CONNECT_TIMEOUT = 5
"""Seconds in which a job server must answer at first."""

_MAX_BYTES = 250_000_000
"""Of a folder that goes along with a job: Ray takes packages of up to 500 MiB."""
_MAX_FILES = 10_000

_TOKEN_PLACES = "RAY_AUTH_TOKEN, the file that RAY_AUTH_TOKEN_PATH names, or ~/.ray/auth_token"


@dataclass(frozen=True)
class Job:
    """What the job server knows of a job.

    Attributes:
        name: Its id.
        state: ``pending``, ``running``, ``succeeded``, ``failed`` or ``stopped``.
        command: The command line.
        started: When it was submitted, as a time in UTC.
        seconds: How long it ran, or has run until now.
        exit_code: Of its command, None before it has ended by itself.
        message: What Ray says about the state.
    """

    name: str
    state: str
    command: str
    started: datetime.datetime | None
    seconds: float | None
    exit_code: int | None
    message: str

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.state not in ("pending", "running")

    def to_json(self) -> dict[str, Any]:
        """Return it as ``jobs --json`` shows it."""
        return {
            "job": self.name,
            "state": self.state,
            "command": self.command,
            "started": self.started.isoformat(timespec="seconds") if self.started else None,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }


class Jobs:
    """The jobs of one cluster.

    Args:
        address: The job server's, such as ``http://127.0.0.1:8265``.

    Raises:
        InputError: If no job server is there, it runs without token authentication, or the token
            is missing or wrong.
    """

    def __init__(self, address: str) -> None:
        self.address = _url(address)
        _require_job_server(self.address)
        from ibsweep.cluster.ray_internals.core import enable_token_authentication

        enable_token_authentication()
        from ray.job_submission import JobSubmissionClient

        # this class reports what the client logs
        for name in ("ray", *JOB_CLIENT_LOGGERS):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with self._clear_errors(), _environment(RAY_API_SERVER_ADDRESS=self.address):
            self._client = JobSubmissionClient(self.address)

    def submit(self, name: str, command: str, files: Mapping[str, Path]) -> None:
        """Have a command run.

        Args:
            name: The job's id.
            command: For a shell on the cluster's head.
            files: Files and folders that the command finds in its working directory, by name
                there. Without any it runs where Ray was started.

        Raises:
            InputError: If the name is taken, or a folder is too large.
            IbsweepError: If the job server refuses.
        """
        environment: dict[str, Any] = {
            "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(_STOP_GRACE), IN_JOB: name}
        }
        with tempfile.TemporaryDirectory() as folder, self._clear_errors():
            for name_there, path in files.items():
                if path.is_dir():
                    _require_small(path)
                    shutil.copytree(path, Path(folder, name_there), ignore=_not_shipped)
                else:
                    shutil.copyfile(path, Path(folder, name_there))
            if files:
                environment["working_dir"] = folder
            try:
                self._client.submit_job(
                    entrypoint=command, submission_id=name, runtime_env=environment
                )
            except RuntimeError as error:
                if JOB_EXISTS not in str(error):
                    raise
                raise InputError(
                    f"a job named {name!r} is at {self.address} already: choose another --name"
                ) from error

    def all(self) -> list[Job]:
        """Return the jobs that were submitted, the oldest first."""
        with self._clear_errors():
            details = self._client.list_jobs()
        jobs = [_to_job(one) for one in details if one.submission_id]
        earliest = datetime.datetime.min.replace(tzinfo=datetime.UTC)
        return sorted(jobs, key=lambda job: (job.started or earliest, job.name))

    def find(self, name: str) -> Job:
        """Return a job.

        Raises:
            InputError: If there is none of that name; the message lists those that are near.
        """
        jobs = {job.name: job for job in self.all()}
        if name not in jobs:
            hint = suggestion(name, jobs) if jobs else "there are none yet"
            raise InputError(f"no job {name!r} at {self.address}: {hint}")
        return jobs[name]

    def logs(self, name: str) -> str:
        """Return what a job has printed so far, on both of its streams."""
        with self._clear_errors():
            return str(self._client.get_job_logs(name))

    def follow(self, name: str, write: Callable[[str], object]) -> Job:
        """Pass on what a job has printed and prints until it ends.

        Args:
            name: The job's id.
            write: Called with each piece of text.

        Returns:
            The job as it ended; as it runs, if the connection was lost.
        """
        from aiohttp import ClientError

        async def tail() -> None:
            async for text in self._client.tail_job_logs(name):
                write(text)

        with suppress(ClientError, RuntimeError):
            asyncio.run(tail())
        return self.find(name)

    def stop(self, name: str) -> Job:
        """End a job and wait until it has ended; one that has ended stays as it is.

        Raises:
            IbsweepError: If it does not end, although it was to be killed.
        """
        deadline = time.monotonic() + 2 * _STOP_GRACE
        stopping = False
        while not (job := self.find(name)).ended:
            if time.monotonic() > deadline:
                raise IbsweepError(
                    f"{name} has not ended within {2 * _STOP_GRACE} s: stop it again"
                )
            if not stopping:
                with self._clear_errors():
                    stopping = self._client.stop_job(name)
            time.sleep(_POLL_INTERVAL)
        return job

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Turn what the client raises into one clear line."""
        import requests
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            raise InputError(_token_fault(self.address, str(error))) from error
        except (ConnectionError, requests.RequestException) as error:
            raise IbsweepError(f"the job server at {self.address} does not answer") from error
        except RuntimeError as error:
            lines = [line for line in str(error).splitlines() if line.strip(" .")]
            raise IbsweepError(
                f"the job server at {self.address} refuses: {(lines or ['?'])[-1]}"
            ) from error


def _not_shipped(folder: str, names: list[str]) -> list[str]:
    """Return what of a folder no job needs: results, environments and caches."""
    return [name for name in names if _is_of_no_use(Path(folder, name))]


def _is_of_no_use(path: Path) -> bool:
    if path.is_symlink() and not path.exists():
        return True
    if not path.is_dir():
        return path.name.startswith(".")
    marks = ("pyvenv.cfg", "index.html")  # of an environment; of a report
    return (
        path.name.startswith(".")
        or path.name in ("__pycache__", "node_modules", "results")
        or any((path / mark).is_file() for mark in marks)
        or any(path.glob("*/manifest.json"))
    )


def _require_small(folder: Path) -> None:
    """Refuse a folder that is more than a question with its code and data.

    Raises:
        InputError: If it is; the message names what is largest.
    """
    sizes: dict[Path, int] = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _is_of_no_use(Path(place, name))]
        for name in names:
            path = Path(place, name)
            if not _is_of_no_use(path):
                sizes[path.relative_to(folder)] = path.stat().st_size
        if sum(sizes.values()) > _MAX_BYTES or len(sizes) > _MAX_FILES:
            largest = max(sizes, key=sizes.__getitem__)
            raise InputError(
                f"{folder} goes along with the job, but holds more than {_MAX_BYTES / 1e6:.0f} MB "
                f"or {_MAX_FILES:,} files, {largest} above all: keep the question in a folder "
                "with its code and data alone"
            )


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for a block: Ray reads its addresses there before its arguments."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _url(address: str) -> str:
    """Return the address of a job server with its scheme, as Ray's client wants it.

    Raises:
        InputError: If it is none.
    """
    url = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        good = False
    if not good:
        raise InputError(
            f"the address of a job server is such as http://127.0.0.1:8265, but got "
            f"{format_value(address)}"
        )
    return url.rstrip("/")


def _require_job_server(address: str) -> None:
    """Ask, without a token, whether a job server is there that wants one.

    Raises:
        InputError: If not.
    """
    import requests

    try:
        answer = requests.get(f"{address}/api/version", timeout=_CONNECT_TIMEOUT)
    except (requests.RequestException, ValueError) as error:  # ValueError: no host has that name
        raise InputError(
            f"no Ray job server answers at {address}: give the address of the cluster's, with "
            "--address or in RAY_API_SERVER_ADDRESS\n"
            "(with ibsweep[cluster], `RAY_AUTH_MODE=token ray start --head` starts one here)"
        ) from error
    if answer.status_code in (401, 403):
        return
    if answer.ok and "ray_version" in answer.text:
        raise InputError(
            f"the Ray cluster at {address} runs without token authentication, so that anybody can "
            "run anything there:\nstart it with RAY_AUTH_MODE=token and a token"
        )
    raise InputError(
        f"what answers at {address} is no Ray job server (status {answer.status_code}): give the "
        "address of the cluster's, with --address or in RAY_API_SERVER_ADDRESS"
    )


def _token_fault(address: str, message: str) -> str:
    if TOKEN_REFUSED_OVER_HTTP in message:
        return (
            f"the Ray cluster at {address} refuses this token: its own must be in {_TOKEN_PLACES}"
        )
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if path and not os.environ.get("RAY_AUTH_TOKEN"):
        return (
            f"RAY_AUTH_TOKEN_PATH names {path}, which is missing or empty: the Ray cluster at "
            f"{address} wants the token that it was started with"
        )
    return f"the Ray cluster at {address} wants its token: put it into {_TOKEN_PLACES}"


def _to_job(details: Any) -> Job:
    """Return the job that Ray's client describes; its times are in milliseconds."""
    seconds = None
    if details.start_time is not None:
        end = details.end_time if details.end_time is not None else time.time() * 1000
        seconds = max(0.0, (end - details.start_time) / 1000)
    return Job(
        name=details.submission_id,
        state=details.status.value.lower(),
        command=details.entrypoint,
        started=(
            None
            if details.start_time is None
            else datetime.datetime.fromtimestamp(details.start_time / 1000, datetime.UTC)
        ),
        seconds=seconds,
        exit_code=details.driver_exit_code,
        message=details.message or "",
    )
