"""The wheel carries types and search spaces and works from where pip puts it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_types_and_search_spaces(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("ibsweep-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert (tmp_path / "site" / "ibsweep" / "py.typed").exists()
    spaces = {path.name for path in (ROOT / "search_spaces").glob("*.yaml")}
    assert len(spaces) >= 1
    inside = tmp_path / "site" / "ibsweep" / "search_spaces"
    assert {path.name for path in inside.iterdir()} == spaces
    templates = tmp_path / "site" / "ibsweep" / "analysis" / "report" / "templates"
    assert {"question.html", "index.html", "page.css"} <= {p.name for p in templates.iterdir()}
    code = (
        "import ibsweep.questions.files as q; print(q.search_spaces_dir()); "
        "print(len(q.find_arms('all')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, arms = done.stdout.split()
    assert Path(folder) == inside
    assert int(arms) >= 3


def test_constraints_pin_every_dependency_plainly():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            pins[name.lower().replace("_", "-")] = version
    exact = {"torch": "2.13.0", "torchvision": "0.28.0", "ray": "2.60.0", "optuna": "5.0.0"}
    assert exact.items() <= pins.items()
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {w.split(">")[0].split("[")[0].lower().replace("_", "-") for w in wanted}
    assert len(names) >= 15
    assert names <= pins.keys()


def test_the_source_distribution_names_what_there_is():
    names = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {"ibsweep", "search_spaces", "docs", "tests", "CONTRIBUTING.md"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []
