"""Before the first trial: can it be placed, and does every node train as the driver would?"""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import ray
from packaging.version import InvalidVersion, Version

from ibsweep.cluster.failures import classify_error
from ibsweep.cluster.nodes import Nodes, is_lost, node_name
from ibsweep.errors import InputError

__all__ = ["check_cluster", "no_gpu", "process_environment", "software_differences"]

_PACKAGES = ("ibsweep", "ray", "torch", "numba", "numpy")
_ANSWER_SECONDS = 60.0
"""How long a node may take to start a worker."""
_FREE = 0.8
"""What of the trials' share of a GPU must be free; drivers and displays take some."""


def _probe() -> Callable[[], dict[str, Any]]:
    """Return a function that describes the process it is called in.

    It is pickled by value, since it is nested, and needs the standard library alone: so it also
    runs where ibsweep is missing or another one.
    """
    packages = _PACKAGES

    def probe() -> dict[str, Any]:
        import hashlib
        import importlib.metadata
        import importlib.util
        import os
        import pathlib
        import subprocess
        import sys

        def version(name: str) -> str | None:
            try:
                return importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                return None

        digest = hashlib.sha256()
        spec = importlib.util.find_spec("ibsweep")
        for folder in (spec.submodule_search_locations or []) if spec else []:
            root = pathlib.Path(folder)
            for file in sorted(root.rglob("*.py")):
                digest.update(str(file.relative_to(root)).encode() + file.read_bytes())

        def mib(text: str) -> float | None:
            return float(text) if text.replace(".", "").isdigit() else None  # some say "[N/A]"

        gpus = []
        try:
            fields = "--query-gpu=name,memory.free,memory.total"
            command = ["nvidia-smi", fields, "--format=csv,noheader,nounits"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
            for line in done.stdout.splitlines():
                name, free, total = (part.strip() for part in line.rsplit(",", 2))
                gpus.append({"name": name, "free_mib": mib(free), "total_mib": mib(total)})
        except (OSError, ValueError, subprocess.SubprocessError):
            pass  # no driver, so no GPU that torch could use
        given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        if all(one.isdigit() and int(one) < len(gpus) for one in given):
            gpus = [gpus[int(one)] for one in given]
        return {
            "python": "{}.{}.{}".format(*sys.version_info),
            "packages": {name: version(name) for name in packages},
            "source": digest.hexdigest() if spec else None,
            "gpus": gpus,
        }

    return probe


@lru_cache(maxsize=1)
def process_environment() -> dict[str, Any]:
    """Return what this process runs on: ``python``, ``packages`` by name, a digest of ibsweep's
    ``source`` and ``gpus`` with their memory in MiB, None where a driver does not tell it.
    """
    return _probe()()


def software_differences(node: Mapping[str, Any], driver: Mapping[str, Any]) -> list[str]:
    """Return how a node's software differs from the driver's, and what would mend it.

    Another patch release of Python is the same, and so is another build of a package: torch for a
    GPU is the same torch.

    Args:
        node: What ``process_environment`` returns on the node.
        driver: What it returns at the driver.
    """
    differences = []
    pythons = Version(node["python"]), Version(driver["python"])
    if pythons[0].release[:2] != pythons[1].release[:2]:
        differs = f"Python {pythons[0]}, here {pythons[1]}"
        differences.append(f"{differs}: start Ray with that one")
    for name, wanted in driver["packages"].items():
        found = node["packages"][name]
        if found is None and wanted is not None:
            differences.append(f"no {name}: install ibsweep there with the same constraints.txt")
        elif found and wanted and _public(found) != _public(wanted):
            differs = f"{name} {_public(found)}, here {_public(wanted)}"
            differences.append(f"{differs}: install the same version there")
    if not differences and node["source"] != driver["source"]:
        differences.append("an ibsweep of other source than here: install the same revision there")
    return differences


def _public(version: str) -> str:
    """Return a version without its build; some that vendors make up are not as Python has them."""
    try:
        return Version(version).public
    except InvalidVersion:
        return version


def gpu_faults(gpus: Sequence[Mapping[str, Any]], share: float) -> list[str]:
    """Return which GPUs lack the memory that the trials on them are promised.

    Args:
        gpus: Name and memory of each, as in ``process_environment``.
        share: What of a GPU a trial asks for.
    """
    if not 0 < share <= 1:
        return []
    together = int(1 / share) * share
    return [
        f"GPU {number} ({gpu['name']}) has {gpu['free_mib'] / 1024:.1f} of "
        f"{gpu['total_mib'] / 1024:.1f} GiB free, where trials of {share:g} GPU take up to "
        f"{together * gpu['total_mib'] / 1024:.1f} GiB: end what else runs there (nvidia-smi "
        "lists it)"
        for number, gpu in enumerate(gpus)
        if None not in (gpu["free_mib"], gpu["total_mib"])
        and gpu["free_mib"] < _FREE * together * gpu["total_mib"]
    ]


def check_cluster(
    nodes: Nodes, note: Callable[[str], None], *, local: bool
) -> list[dict[str, Any]]:
    """Check every node that could hold a trial, and return what there is.

    Results come to the driver, so nothing is asked about a node's disk.

    Args:
        nodes: The nodes, and what a trial asks for.
        note: Called with what a user should know although it forbids nothing.
        local: Whether Ray runs on this machine alone. A cluster may still grow, so that nodes
            which could hold a trial may be missing there.

    Returns:
        Each node's record, see ``Nodes.register``; nodes that were lost meanwhile have none.

    Raises:
        InputError: If nothing can ever be placed; or with a line for each node on which a check
            failed, which says what would mend it.
    """
    usable = nodes.usable()
    if local and not usable:
        raise InputError(_too_much(nodes.resources))
    driver = process_environment()
    answers = {one["NodeID"]: driver for one in usable} if local else _probe_nodes(usable)
    share = nodes.resources.get("GPU", 0)
    faults, found = [], []
    for node in usable:
        node_id, name = node["NodeID"], node_name(node["NodeID"])
        answer = answers[node_id]
        if isinstance(answer, str):
            if not is_lost(node_id):
                faults.append(f"{name}: {answer}")
            continue
        # where Ray was given fewer GPUs than there are, it hands out the first ones
        gpus = answer["gpus"][: math.ceil(node["Resources"].get("GPU", 0))]
        wrong = [*software_differences(answer, driver), *gpu_faults(gpus, share)]
        faults += [f"{name}: {one}" for one in wrong]
        if share and not gpus:
            note(no_gpu(name))
        found.append(nodes.register(node_id, [gpu["name"] for gpu in gpus]))
    if faults:
        raise InputError("\n".join(faults))
    return found


def no_gpu(name: str) -> str:
    """Return the note on a node, given by its name, that offers a GPU and has none."""
    return f"{name} offers a GPU and has none that works: trials train on its CPU"


def _too_much(resources: Mapping[str, float]) -> str:
    there = ray.cluster_resources()
    name = next((one for one in resources if resources[one] > there.get(one, 0)), "CPU")
    flag = f"--{name.lower()}s-per-trial"
    return (
        f"a trial asks for {resources[name]:g} {name}, this machine offers "
        f"{there.get(name, 0):g}: tune with a lower {flag}, or join a cluster with --address"
    )


def _probe_nodes(nodes: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any] | str]:
    """Return for each node's id what a process there runs on, or why none answers."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(_probe())
    silence = f"no worker started within {_ANSWER_SECONDS:.0f} s: see Ray's logs there"
    if shlex.quote(sys.executable) != sys.executable:
        silence += (
            f"; where the path of its Python is {sys.executable!r} too, that is why, as Ray gives "
            "it to a shell: make the virtual environment where no path has a blank"
        )
    answers: dict[str, dict[str, Any] | str] = {node["NodeID"]: silence for node in nodes}
    asked = {
        remote.options(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        ).remote(): node
        for node in answers
    }
    if not asked:
        return answers
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER_SECONDS)
    for one in answered:
        node = asked[one]
        try:
            answers[node] = ray.get(one)
        except ray.exceptions.RayError as error:
            reason = classify_error(error, node).reason
            answers[node] = f"a worker cannot run there, {reason}: see to that, or to Ray's logs"
    return answers
