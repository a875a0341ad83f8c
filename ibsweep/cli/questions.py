"""``ibsweep questions``: what there is to ask."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def questions() -> None:
    """List the questions, their arms and the notebook's figures."""
    from ibsweep.questions import load_all

    console = Console()
    for question in load_all().values():
        console.print(f"[bold]{question.question}[/bold]  {question.title}", highlight=False)
        console.print(f"    {' '.join(question.text.split())}", highlight=False, markup=False)
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for column in ("    arm", "model", "images per class", "notebook: images -> accuracy"):
            table.add_column(column)
        for arm in question.arms.values():
            figures = ", ".join(f"{f.images} -> {f.valid_accuracy:g} %" for f in arm.notebook)
            table.add_row(f"    {arm.name}", arm.model, str(arm.images), figures or "none")
        console.print(table)
        console.print()
    console.print("ibsweep show ARM tells what is searched, ibsweep tune ARM searches.")
