"""Who may import whom, read from the source; and what a light import loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "ibsweep"

# What each folder may import from the rest of the package, lowest floor first. Imports for type
# checkers alone do not count; imports inside functions do.
FLOORS = """
terminal   <-
errors     <- terminal
paths      <- errors
own_directory <-
gc_control <-
user_code  <- errors paths
metrics    <- errors user_code
results    <- terminal errors paths gc_control metrics.training_test
cluster    <- terminal errors gc_control own_directory
data       <- errors paths gc_control user_code
models     <- terminal errors gc_control user_code
training   <- errors gc_control metrics models
questions  <- terminal errors paths gc_control user_code metrics models data results
trial      <- errors gc_control user_code own_directory metrics models data results training questions.schema questions.yaml_file
analysis   <- errors paths gc_control models.catalogue data results questions
replicate  <- errors gc_control user_code models data results training questions trial cluster analysis
sweep      <- errors gc_control user_code models data results training questions trial cluster analysis
cli        <- terminal errors paths gc_control user_code models data results training questions trial cluster analysis replicate sweep
api        <- terminal errors results analysis sweep cluster cli
__main__   <- cli gc_control
"""  # noqa: E501

# Which parts of the package may import a library.
LIBRARIES = """
torch       <- metrics data models training trial sweep replicate
numba       <- models
optuna      <- questions.space sweep.proposals sweep.first sweep.samplers sweep.trial_storage sweep.optuna_trials sweep.study_export analysis.plots.search
pandas      <- analysis data
torchvision <- data.sources.pictures
matplotlib  <- analysis.plots analysis.report
ray         <- cluster sweep.trainable sweep.searcher sweep.runner sweep.attempts sweep.scheduler sweep.keeper
"""  # noqa: E501

RAY_INTERNALS = "cluster.ray_internals"
"""The only place that may use what Ray does not document."""
UNDOCUMENTED = ("ray.air.execution", "ray.tune.execution", "ray.tune.tune")
"""Internals of Ray whose names do not begin with an underscore."""
TOP = {
    "__init__",
    "__main__",
    "api",
    "errors",
    "gc_control",
    "own_directory",
    "paths",
    "terminal",
    "user_code",
}
"""All modules at the top of the package."""
HEAVY = ("torch", "ray", "optuna", "pandas", "matplotlib", "scipy")
"""What is loaded only when a command runs that needs it."""


def table(text: str) -> dict[str, list[str]]:
    rows = (line.split("<-") for line in text.strip().splitlines())
    return {name.strip(): allowed.split() for name, allowed in rows}


class Import(NamedTuple):
    """A name that a module imports, or an attribute of Ray that it reads."""

    name: str
    lazy: bool  # inside a function


Modules = dict[str, list[Import]]
"""Modules by name, without the package's own, and what each imports."""


def imports_of(source: str) -> Iterator[Import]:
    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from (Import(f"{node.module}.{alias.name}", lazy) for alias in node.names)
        elif isinstance(node, ast.Attribute) and re.fullmatch(r"ray[\w.]+", ast.unparse(node)):
            yield Import(ast.unparse(node), lazy)
            return
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, lazy)

    return walk(ast.parse(source), False)


def read(package: Path) -> Modules:
    modules = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package).with_suffix("").parts)
        modules[name.removesuffix(".__init__")] = list(imports_of(path.read_text("utf-8")))
    return modules


def within(name: str, parts: str | list[str] | tuple[str, ...]) -> bool:
    parts = [parts] if isinstance(parts, str) else parts
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def arrows(modules: Modules) -> set[tuple[str, str]]:
    """Return which module imports which other module of the package."""
    found = set()
    for module, imports in modules.items():
        for name in (one.name for one in imports if within(one.name, "ibsweep")):
            target = name.removeprefix("ibsweep").removeprefix(".")
            while target and target not in modules:
                target = target.rpartition(".")[0]
            found.add((module, target or "__init__"))
    return found


def closure(modules: Modules, steps: set[tuple[str, str]]) -> dict[str, set[str]]:
    """Return all modules that each of them leads to, in one step or more."""
    reached = {module: {b for a, b in steps if a == module} for module in modules}
    for middle in modules:
        for targets in reached.values():
            if middle in targets:
                targets |= reached[middle]
    return reached


# Each rule returns one line a fault.


def imports_only_from_lower_floors(modules: Modules) -> list[str]:
    floors = table(FLOORS)
    return [
        f"{module} imports {target}"
        for module, target in sorted(arrows(modules))
        if "__init__" not in (module, target)  # the version, and the public functions
        and (folder := module.split(".")[0]) in floors
        and not within(target, [folder, *floors[folder]])
    ]


def has_no_circles(modules: Modules) -> list[str]:
    """Name every group of modules that import each other, however far around."""
    reached = closure(modules, arrows(modules))
    circles = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in modules
        if module in reached[module]
    }
    return [" <-> ".join(circle) for circle in sorted(circles)]


def imports_libraries_only_where_they_belong(modules: Modules) -> list[str]:
    return [
        f"{module} imports {one.name}"
        for library, homes in table(LIBRARIES).items()
        for module, imports in modules.items()
        for one in imports
        if within(one.name, library) and not within(module, homes)
    ]


def uses_internals_of_ray_in_one_place(modules: Modules) -> list[str]:
    return [
        f"{module} uses {one.name}"
        for module, imports in modules.items()
        for one in imports
        if within(one.name, "ray") and not within(module, RAY_INTERNALS)
        if within(one.name, UNDOCUMENTED) or any(p.startswith("_") for p in one.name.split("."))
    ]


def commands_load_what_is_heavy_only_when_they_run(modules: Modules) -> list[str]:
    """Follow the imports outside functions, also of the packages that a module lies in."""
    eager = {m: [one for one in found if not one.lazy] for m, found in modules.items()}
    parents = {(m, m.rpartition(".")[0]) for m in modules if m.rpartition(".")[0] in modules}
    return [
        f"{module} imports {one.name}"
        for module in sorted({"cli", *closure(modules, arrows(eager) | parents)["cli"]})
        for one in eager[module]
        if within(one.name, HEAVY)
    ]


def has_a_floor_for_everything(modules: Modules) -> list[str]:
    loose = {module for module in modules if "." not in module} - table(FLOORS).keys() - TOP
    return [f"{name} has no floor" for name in sorted(loose)]


RULES = [
    imports_only_from_lower_floors,
    has_no_circles,
    imports_libraries_only_where_they_belong,
    uses_internals_of_ray_in_one_place,
    commands_load_what_is_heavy_only_when_they_run,
    has_a_floor_for_everything,
]
MODULES = read(PACKAGE)


@pytest.mark.parametrize("rule", RULES)
def test_the_package(rule):
    assert rule(MODULES) == []


def test_only_the_named_modules_stand_at_the_top():
    assert {path.stem for path in PACKAGE.glob("*.py")} == TOP


def test_the_tables_allow_nothing_that_is_not_there():
    """A module that moves takes its rows with it, or the rows would guard nothing."""
    assert len(MODULES) > 80
    assert RAY_INTERNALS in MODULES
    written = {name for row in table(FLOORS).items() for name in (row[0], *row[1])}
    assert {name for name in written if name not in MODULES} == set()
    homes = {(library, home) for library, homes in table(LIBRARIES).items() for home in homes}
    used = {
        (library, home)
        for library, home in homes
        for module, imports in MODULES.items()
        if within(module, home) and any(within(one.name, library) for one in imports)
    }
    assert homes - used == set()


FLOOR, CIRCLE, LIBRARY, INTERNAL, LAZY, PLACE = RULES


@pytest.mark.parametrize(
    ("rule", "module", "source", "fault"),
    [
        (FLOOR, "results.store", "import ibsweep.models.mlp", "results.store imports models.mlp"),
        (FLOOR, "trial.run", "from ibsweep.questions import space", "imports questions.space"),
        (FLOOR, "data.edges", "def f():\n  from ibsweep.sweep import a", "imports sweep.a"),
        (FLOOR, "errors", "from ibsweep.cli import app", "errors imports cli"),
        (CIRCLE, "models.mlp", "import ibsweep.models.layers", "models.layers <-> models.mlp"),
        (CIRCLE, "models.mlp", "def f():\n  import ibsweep.models.layers", "<-> models.mlp"),
        (LIBRARY, "training.loop", "import ray", "training.loop imports ray"),
        (LIBRARY, "sweep.searcher", "def f():\n  from optuna import x", "imports optuna.x"),
        (LIBRARY, "analysis.frames", "import torch.nn", "analysis.frames imports torch.nn"),
        (LIBRARY, "cli.tune", "import matplotlib.pyplot", "cli.tune imports matplotlib.pyplot"),
        (INTERNAL, "cluster.nodes", "from ray._private import a", "uses ray._private.a"),
        (INTERNAL, "sweep.runner", "def f():\n  ray._raylet.g(1)", "uses ray._raylet.g"),
        (INTERNAL, "sweep.runner", "from ray.tune.execution import a", "ray.tune.execution.a"),
        (LAZY, "cli.__init__", "import pandas", "cli imports pandas"),
        (LAZY, "cli.__init__", "import ibsweep.sweep.a", "sweep.a imports torch"),
        (PLACE, "helpers", "", "helpers has no floor"),
    ],
)  # fmt: skip
def test_a_fault_is_found(tmp_path, rule, module, source, fault):
    package = tmp_path / "ibsweep"
    modules = {
        "cli.__init__": "def f():\n  import ibsweep.sweep.a",
        "models.layers": "from ibsweep.models.mlp import MLP",
        "models.mlp": "",
        "questions.space": "",
        "sweep.a": "import torch",
    }
    for name, text in {**modules, module: source}.items():
        path = package.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (found,) = rule(read(package))
    assert found.endswith(fault)


def test_imports_for_type_checkers_alone_do_not_count():
    source = "if TYPE_CHECKING:\n  import ray\nelse:\n  import optuna\nimport torch"
    assert list(imports_of(source)) == [("torch", False)]


def test_the_tests_lie_as_the_package_does():
    tests = Path(__file__).parent
    beside = {"benchmarks", "builders", "chaos", "contracts", "docs", "examples", "notebooks"}
    folders = {path.parent.name for path in tests.glob("*/*.py")} - beside
    assert folders == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    files = [path for path in tests.rglob("*.py") if "builders" not in path.parts]
    assert len(files) > 40
    for path in files:
        named = path.name.startswith("test_") and "def test_" in path.read_text("utf-8")
        assert named or path.name == "conftest.py", f"pytest finds no test in {path}"


HELP = "import runpy; sys.argv[1:] = ['--help']; runpy.run_module('ibsweep', run_name='__main__')"


def everything_in(*folders: str) -> str:
    return "import " + ", ".join(f"ibsweep.{name}" for name in MODULES if within(name, folders))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import ibsweep", ""),
        ("import ibsweep.questions.schema", ""),
        ("import ibsweep.analysis.summary", "scipy numpy"),
        (HELP, ""),
        # what a command imports before Ray's processes start; they leave time for the rest
        ("import ibsweep.cli.progress, ibsweep.cli.run_sweeps", ""),
        ("import ibsweep.sweep.manifest, ibsweep.sweep.progress", ""),
        (everything_in("results", "questions", "cli"), "scipy numpy"),
        (everything_in("data", "models", "training", "trial"), "torch scipy numba numpy"),
        (everything_in("analysis"), "pandas scipy numpy"),
        ("import ibsweep.questions.space, ibsweep.sweep.proposals", "optuna numpy"),
    ],
)
def test_a_light_import_loads_nothing_heavy(code, expected):
    libraries = (*HEAVY, "numba", "numpy")
    heavy = f"[n for n in {libraries} if n in sys.modules]"
    script = f"import sys\ntry:\n    {code}\nfinally:\n    print('LOADED', *{heavy})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1].split() == ["LOADED", *expected.split()]
