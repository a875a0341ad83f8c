"""``ibsweep questions``: what there is to ask."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def questions() -> None:
    """List the questions, their arms and the notebook's figures."""
    from ibsweep.questions.files import load_all

    console = Console()
    for question in load_all().values():
        console.print(f"[bold]{question.question}[/bold]  {question.title}", highlight=False)
        console.print(f"    {' '.join(question.text.split())}", highlight=False, markup=False)
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for column in ("    arm", "model", "images per class", "notebook: images -> accuracy"):
            table.add_column(column)
        for arm in question.arms.values():
            settings = [(f"    {arm.name}", arm.model, str(arm.images), arm.notebook)]
            settings += [(f"    {k}", "", "", v.notebook) for k, v in arm.variants.items()]
            for name, model, images, published in settings:
                figures = ", ".join(f"{f.images} -> {f.percent:g} %" for f in published)
                if any(f.metric == "train_accuracy" for f in published):
                    figures += " of the training images"
                table.add_row(name, model, images, figures or "none")
        console.print(table)
        console.print()
    console.print("ibsweep show ARM tells what is searched, ibsweep tune ARM searches.")
