"""What a node's answers to the check before the first trial are taken for."""

from __future__ import annotations

import copy
import os

import pytest

from ibsweep.cluster.nodes import trial_slots
from ibsweep.cluster.placement import describe_resources
from ibsweep.cluster.preflight import (
    _probe,
    gpu_faults,
    process_environment,
    software_differences,
)


@pytest.fixture
def there():
    return copy.deepcopy(process_environment())


def test_the_driver_agrees_with_itself(there):
    assert there["packages"]["torch"].startswith("2.")
    assert len(there["source"]) == 64
    assert software_differences(there, process_environment()) == []


def test_another_build_of_torch_and_another_patch_of_python_are_the_same(there):
    major, minor, _ = there["python"].split(".")
    there["python"] = f"{major}.{minor}.99"
    there["packages"]["torch"] = there["packages"]["torch"].split("+")[0] + "+cu130"
    assert software_differences(there, process_environment()) == []


def test_every_difference_is_named_with_what_mends_it(there):
    there["python"] = "3.8.1"
    there["packages"]["ray"] = "2.59.0"
    there["packages"]["numba"] = None
    python, ray, numba = software_differences(there, process_environment())
    assert python.startswith("Python 3.8.1, here 3.")
    assert ray == "ray 2.59.0, here 2.60.0: install the same version there"
    assert numba.startswith("no numba: install ibsweep there")


@pytest.mark.parametrize(
    ("python", "torch", "same"),
    [
        ("3.11.9", "2.13.0+cu130", True),
        ("3.11.10", "2.13.0", True),
        ("3.1.9", "2.13.0+cpu", False),
        ("3.11.9", "2.13.0rc1", False),
        ("3.11.9", "2.13.0a0+17540c5+nv22.4", False),  # a vendor's, not as Python has them
    ],
)
def test_versions_are_the_same_up_to_the_build(there, python, torch, same):
    driver = {**there, "python": "3.11.2", "packages": {"torch": "2.13.0+cpu"}}
    there["python"], there["packages"]["torch"] = python, torch
    assert (software_differences(there, driver) == []) == same


def test_the_same_version_of_other_source_is_told(there):
    there["source"] = "0" * 64
    assert software_differences(there, process_environment()) == [
        "an ibsweep of other source than here: install the same revision there"
    ]


def smi(folder, monkeypatch, *lines):
    """Put an ``nvidia-smi`` that prints these lines first on the path."""
    script = folder / "nvidia-smi"
    script.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_gpus_are_told_with_their_memory_where_the_driver_tells_it(tmp_path, monkeypatch):
    smi(tmp_path, monkeypatch, "H100, 80000, 81559", "GB10, [N/A], [N/A]")
    gpus = _probe()()["gpus"]
    assert gpus == [
        {"name": "H100", "free_mib": 80000.0, "total_mib": 81559.0},
        {"name": "GB10", "free_mib": None, "total_mib": None},
    ]
    assert gpu_faults(gpus, 1) == []


def test_gpus_that_ray_was_not_given_are_not_looked_at(tmp_path, monkeypatch):
    smi(tmp_path, monkeypatch, "busy, 10, 81559", "free, 80000, 81559")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [gpu["name"] for gpu in _probe()()["gpus"]] == ["free"]


def gpu(free, total=81920.0):
    return {"name": "H100", "free_mib": free, "total_mib": total}


@pytest.mark.parametrize(("share", "free", "fails"), [
    (0.25, 80000, False),
    (0.25, 60000, True),
    (1, 60000, True),
    (0.4, 60000, False),  # two trials: 80 % of it
    (0, 0, False),
])  # fmt: skip
def test_the_memory_that_all_trials_of_a_gpu_are_promised_must_be_free(share, free, fails):
    assert bool(gpu_faults([gpu(free)], share)) == fails


def test_the_gpu_that_is_full_is_named():
    (fault,) = gpu_faults([gpu(80000), gpu(10240)], 0.25)
    assert fault == (
        "GPU 1 (H100) has 10.0 of 80.0 GiB free, where trials of 0.25 GPU take up to 80.0 GiB: "
        "end what else runs there (nvidia-smi lists it)"
    )


def test_offers_of_equal_nodes_are_counted_together():
    def node(alive=True, **resources):
        return {"Alive": alive, "Resources": resources}

    nodes = [node(CPU=4.0), node(CPU=4.0), node(CPU=8.0, GPU=1.0), node(alive=False, CPU=99.0)]
    assert describe_resources(nodes, {"CPU": 1, "GPU": 0.5}) == (
        "2 nodes offer 4 CPU and 0 GPU, 1 node offers 8 CPU and 1 GPU"
    )
    assert describe_resources([], {"CPU": 1}) == "there is no node"


@pytest.mark.parametrize(
    ("there", "share", "expected"),
    [
        ([{"CPU": 16.0}], {"CPU": 1}, 16),
        ([{"CPU": 16.0}], {"CPU": 0.1}, 160),
        ([{"CPU": 16.0}, {"CPU": 16.0}], {"CPU": 3}, 10),
        ([{"CPU": 16.0, "GPU": 2.0}], {"CPU": 1, "GPU": 0.25}, 8),
        ([{"CPU": 4.0, "GPU": 2.0}], {"CPU": 1, "GPU": 0.25}, 4),
        ([], {"CPU": 1}, 0),
    ],
)
def test_places_are_counted_by_node_and_by_what_is_scarcest(there, share, expected):
    assert trial_slots([{"Resources": one} for one in there], share) == expected
