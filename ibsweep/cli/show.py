"""``ibsweep show``: what a sweep of an arm would do."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table


def show(
    arm: Annotated[str, typer.Argument(metavar="ARM", help="An arm, a question or a file.")],
) -> None:
    """Print the resolved search space, task and default budget of an arm."""
    from ibsweep.questions.files import find_arms
    from ibsweep.questions.space import highest
    from ibsweep.sweep.options import SweepOptions
    from ibsweep.sweep.pruning import rungs

    console = Console()
    options = SweepOptions()
    for question, found in find_arms(arm):
        console.print(f"[bold]{found.name}[/bold]  {found.title}", highlight=False)
        facts = _table()
        facts.add_row("model", found.model)
        facts.add_row("images per class", str(found.images))
        facts.add_row("task", ", ".join(f"{k} {_plain(v)}" for k, v in question.task.items()))
        facts.add_row("objective", f"{question.objective.direction} {question.objective.metric}")
        for figure in found.notebook:
            kind = "" if figure.metric == "valid_accuracy" else " of the training images"
            facts.add_row(f"notebook, {figure.images} images", f"{figure.percent:g} %{kind}")
        for name, variant in found.variants.items():
            changed = ", ".join(f"{k} {_plain(v)}" for k, v in variant.changes.items())
            figures = ", ".join(f"{f.images} -> {f.percent:g} %" for f in variant.notebook)
            facts.add_row(f"notebook's {name}", f"{variant.title} ({changed}): {figures}")
        if found.fixed:
            facts.add_row("fixed", ", ".join(f"{k} {_plain(v)}" for k, v in found.fixed.items()))
        epochs = found.space.get("epochs")
        stops = rungs(int(highest(epochs))) if epochs else []
        budget = f"{options.trials} trials of {options.replicates} replicates"
        if stops:
            budget += f", compared at epochs {', '.join(map(str, stops))}"
        budget += f"; {options.confirm} confirmed with {options.confirm_replicates} replicates"
        facts.add_row("default budget", budget)
        facts.add_row("efficiency", f"at {_plain(question.efficiency)} images per class")
        for claim in question.claims:
            if any(found.name in (test.arm, getattr(test, "than", None)) for test in claim.tests):
                facts.add_row("claim", claim.text)
        console.print(facts)
        space = _table("tuned", "distribution", "baseline")
        for name, spec in found.space.items():
            space.add_row(name, _distribution(spec.model_dump()), _plain(found.baseline[name]))
        console.print(space)
        console.print()


def _table(*columns: str) -> Table:
    return Table(
        *columns,
        box=None,
        padding=(0, 2, 0, 0),
        header_style="dim",
        show_header=bool(columns),
    )


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _distribution(spec: dict[str, Any]) -> str:
    if spec["type"] == "categorical":
        return f"one of {_plain(spec['choices'])}"
    text = f"{spec['type']} {spec['low']:g} to {spec['high']:g}"
    if spec["log"]:
        text += ", logarithmic"
    if spec["step"] not in (None, 1):
        text += f", step {spec['step']:g}"
    return text
