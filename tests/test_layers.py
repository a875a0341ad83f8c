"""Who may import whom, read from the source; and what a light import loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ibsweep"
ENGINE = ("ibsweep.data", "ibsweep.models", "ibsweep.training")
FRAMEWORKS = ("ray", "optuna", "pandas", "matplotlib", "pydantic")
HEAVY = (
    *("torch", "ray", "optuna", "pandas", "matplotlib", "scipy"),
    *("ibsweep.sweep", "ibsweep.models", "ibsweep.replicate"),
)


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports(path):
    """Return what a file imports, with whether that happens only inside functions."""
    found = []

    def walk(node, inside):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return  # never happens
        if isinstance(node, ast.Import):
            found.extend((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append((node.module, inside))
            found.extend((f"{node.module}.{alias.name}", inside) for alias in node.names)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            walk(child, inside)

    walk(ast.parse(path.read_text("utf-8")), False)
    return found


FILES = {module_name(path): imports(path) for path in sorted(PACKAGE.rglob("*.py"))}


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def users(of):
    return {module for module, found in FILES.items() if any(within(n, of) for n, _ in found)}


def test_the_walk_sees_the_package():
    assert len(FILES) > 30
    assert {
        "ibsweep",
        "ibsweep.results.store",
        "ibsweep.cli.tune",
        "ibsweep.trial.run",
    } <= FILES.keys()
    assert users(["torch"]) > {"ibsweep.models.base", "ibsweep.trial.run"}


def test_the_engine_knows_no_framework():
    assert {module for module in users(FRAMEWORKS) if within(module, ENGINE)} == set()
    others = ["ibsweep.sweep", "ibsweep.analysis", "ibsweep.cli", "ibsweep.results.store"]
    assert {module for module in users(others) if within(module, ENGINE)} == set()


def test_ray_is_used_by_the_sweep_the_confirmation_and_the_cluster_alone():
    allowed = (
        "ibsweep.sweep",
        "ibsweep.sweep.confirm",
        "ibsweep.replicate.runs",
        "ibsweep.cluster",
    )
    assert {module for module in users(["ray"]) if not within(module, allowed)} == set()
    assert "ibsweep.trial.run" not in users(["ray"])


def test_optuna_is_used_by_search_spaces_proposals_and_their_plots_alone():
    plots = "ibsweep.analysis.plots.search"
    assert users(["optuna"]) == {"ibsweep.questions.space", "ibsweep.sweep.proposals", plots}


def test_matplotlib_is_used_by_plots_and_pages_alone():
    drawing = users(["matplotlib"])
    assert len(drawing) >= 3
    assert {m for m in drawing if not m.startswith("ibsweep.analysis.")} == set()
    parts = {module.split(".")[2] for module in drawing}
    assert {part for part in parts if not part.startswith(("plots", "report"))} == set()


def test_the_analysis_needs_neither_engine_nor_sweep():
    forbidden = ["ibsweep.training", "ibsweep.sweep", "ibsweep.models", "torch"]
    assert {m for m in users(forbidden) if within(m, ["ibsweep.analysis"])} == set()


def test_commands_import_what_is_heavy_only_when_they_run():
    commands = {
        module: found for module, found in FILES.items() if within(module, ["ibsweep.cli"])
    }
    assert len(commands) > 5
    eager = {
        (module, name)
        for module, found in commands.items()
        for name, inside in found
        if not inside and within(name, HEAVY)
    }
    assert eager == set()
    assert any(
        inside and within(name, HEAVY) for found in commands.values() for name, inside in found
    )


HELP = "import runpy; sys.argv[1:] = ['--help']; runpy.run_module('ibsweep', run_name='__main__')"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import ibsweep", ""),
        ("import ibsweep.questions.schema", ""),
        ("import ibsweep.analysis.summary", ""),
        (HELP, ""),
        ("import ibsweep.questions.space, ibsweep.sweep.proposals", "optuna"),  # it can be seen
    ],
)
def test_a_light_import_loads_nothing_heavy(code, expected):
    heavy = "[n for n in ('torch', 'ray', 'optuna', 'pandas') if n in sys.modules]"
    script = f"import sys\ntry:\n    {code}\nfinally:\n    print('LOADED', *{heavy})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1].split() == ["LOADED", *expected.split()]
