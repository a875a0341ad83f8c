"""What a manifest tells of the environment, also where little of it is there."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

import ibsweep
from ibsweep.results.manifest import Manifest
from ibsweep.sweep.environment import cpu_info, environment, processor_name


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    installed = importlib.metadata.version

    def version(name):
        if name in ("numba", "ibsweep"):
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    versions = environment()["versions"]
    assert versions["numba"] is None
    assert versions["ibsweep"] == ibsweep.__version__
    assert versions["torch"] == installed("torch")
    manifest = tiny.manifest()
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_a_source_tree_on_the_path_has_an_unknown_version(tmp_path):
    """As where nothing is installed: no package of this interpreter has metadata."""
    code = (
        "import importlib.metadata as m\n"
        "def version(name): raise m.PackageNotFoundError(name)\n"
        "m.version = version\n"
        "from ibsweep.sweep.environment import environment\n"
        "print(environment()['versions']['ibsweep'])\n"
    )
    root = Path(ibsweep.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "0+unknown\n"


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux tells of its processors")
def test_the_processor_is_named_as_linux_names_it():
    text = Path("/proc/cpuinfo").read_text()
    assert cpu_info("processor") == "0"
    assert cpu_info("no such key") == ""
    if "model name" in text:
        assert f": {processor_name()}\n" in text
