"""The environment in which a sweep runs, for its manifest: versions, machine, git revision."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

import ibsweep

__all__ = ["cpu_info", "environment", "processor_name"]

_PACKAGES = ("ray", "optuna", "torch", "numba", "numpy", "scipy")


def environment() -> dict[str, Any]:
    """Return ``versions``, ``machine`` and ``git``, as they stand in a manifest.

    A package that is not installed has the version None.
    """
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        "versions": {
            "python": platform.python_version(),
            "ibsweep": ibsweep.__version__,
            **versions,
        },
        "machine": {
            "host": socket.gethostname(),
            "system": platform.platform(),
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "memory_gib": round(_memory() / 2**30, 1),
        },
        "git": _git(),
    }


def processor_name() -> str:
    """Return the model of this machine's processor, or what the platform says of it."""
    return cpu_info("model name") or platform.processor()


def cpu_info(key: str) -> str:
    """Return an entry of the first processor in Linux' ``/proc/cpuinfo``, empty without one.

    Args:
        key: Such as ``model name`` or ``flags``.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return ""
    entries = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in entries if name.strip() == key), "")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _git() -> dict[str, Any] | None:
    """Return the working directory's revision, None outside of a repository or without git."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    try:
        return {"revision": run("rev-parse", "HEAD"), "dirty": bool(run("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
