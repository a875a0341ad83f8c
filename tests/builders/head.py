"""The head node of a Ray cluster on this machine, with its own token, ports and files."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Head:
    """A running head node."""

    pid: int
    address: str
    """Address of its job server."""
    home: Path
    """Home directory of its jobs."""
    token: Path
    """File that holds its token."""

    def environment(self, **more: str | None) -> dict[str, str]:
        """Return the environment of a client of this head; a variable given as None is unset."""
        settings = {
            **clean_environment(),
            "RAY_API_SERVER_ADDRESS": self.address,
            "RAY_AUTH_TOKEN_PATH": str(self.token),
            **more,
        }
        return {name: value for name, value in settings.items() if value is not None}


def clean_environment() -> dict[str, str]:
    """Return this environment without Ray's variables, with this source tree on the path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])}


def free_ports(count: int) -> list[int]:
    """Return ports that are not in use."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def start_head(**settings: str) -> Iterator[Head]:
    """Start a head with two CPUs as a user does; at the end, stop it and all its processes.

    Args:
        **settings: Environment variables to add or to replace.
    """
    folder = Path(tempfile.mkdtemp(prefix="head"))  # short: the paths of sockets have a limit
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    (folder / "home").mkdir()
    gcs, dashboard, client, agent = free_ports(4)
    head = None
    try:
        with (folder / "log").open("w") as log:
            head = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
                    *("--num-cpus=2", "--object-store-memory=104857600", "--disable-usage-stats"),
                    *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
                    *(f"--port={gcs}", f"--ray-client-server-port={client}"),
                    *(f"--dashboard-agent-listen-port={agent}", "--node-ip-address=127.0.0.1"),
                    *("--min-worker-port=0", "--max-worker-port=0", f"--temp-dir={folder / 'r'}"),
                ],
                cwd=folder,
                env={
                    **clean_environment(),
                    # jobs call `python`: let it be this interpreter
                    "PATH": os.pathsep.join(
                        [str(Path(sys.executable).parent), os.environ["PATH"]]
                    ),
                    "HOME": str(folder / "home"),
                    "RAY_AUTH_MODE": "token",
                    "RAY_AUTH_TOKEN_PATH": str(token),
                    "AUTOSCALER_METRIC_PORT": "-1",  # the default port may be another Ray's
                    "DASHBOARD_METRIC_PORT": "-1",
                    "RAY_enable_metrics_collection": "0",
                    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
                    **settings,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        address = f"http://127.0.0.1:{dashboard}"
        deadline = time.monotonic() + 120
        while not _answers(address):
            assert head.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield Head(head.pid, address, folder / "home", token)
    finally:
        if head is not None:
            _stop(head)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/api/version", timeout=5).status_code in (200, 401)
    except requests.RequestException:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its descendants, by their ids."""
    with suppress(psutil.NoSuchProcess):
        tree = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        _, alive = psutil.wait_procs(tree, timeout=15)
        for one in alive:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(alive, timeout=15)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=15)
    if process.poll() is None:
        process.kill()
        process.wait()
