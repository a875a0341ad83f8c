"""``ibsweep questions``: what there is to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ibsweep.cli.console import PlainConsole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.questions.schema import PublishedFigure, Question

__all__ = ["figures_in_words", "heading", "questions"]


def questions() -> None:
    """List the questions, their arms and the published figures."""
    from ibsweep.questions.files import load_all

    console = PlainConsole()
    for question in load_all().values():
        console.print(heading(question.question, question.title))
        console.print(f"    {' '.join(question.text.split())}")
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for column in ("    arm", "model", "images per class", "notebook: images -> accuracy"):
            table.add_column(column)
        for arm in question.arms.values():
            settings = [
                (f"    {arm.name}", arm.model, ", ".join(map(str, arm.sizes)), arm.published)
            ]
            settings += [(f"    {k}", "", "", v.published) for k, v in arm.variants.items()]
            for name, model, size, published in settings:
                figures = figures_in_words(published, question)
                table.add_row(name, model, size, figures or "none")
        console.print(table)
        console.print()
    console.print("ibsweep show ARM tells what is searched, ibsweep tune ARM searches.")
    console.print("A file of your own stands wherever an arm or a question does.")


def heading(name: str, title: str) -> Text:
    """Return a name with its title, as a list of either begins."""
    return Text.assemble((name, "bold"), f"  {title}")


def figures_in_words(published: Sequence[PublishedFigure], question: Question) -> str:
    """Return published figures on one line, each with the size of its training set."""

    def one(figure: PublishedFigure) -> str:
        unit = question.metric_of(figure.column).unit
        of = "" if figure.column == question.objective.valid else f" {figure.column}"
        return f"{figure.train_size} -> {figure.value:g}{f' {unit}' if unit else ''}{of}"

    return ", ".join(map(one, published))
