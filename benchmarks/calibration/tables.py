"""The calibration's rows as tables: in the terminal, and in ``docs/calibration.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.calibration.rows import COVERS, ERRS, Row

__all__ = ["renew", "save", "show"]

BEGIN, END = "<!-- measured: python -m benchmarks calibration --save docs -->", "<!-- end -->"


def show(rows: Sequence[Row], console: Console) -> None:
    """Print a table a kind of row; figures that break a promise are red."""
    for title, mine in _by_table(rows):
        labels, columns = _columns(mine)
        table = Table(title=title, title_justify="left")
        for column in (*labels, *columns):
            table.add_column(column, justify="left" if column == labels[0] else "right")
        for row in mine:
            broken = row.broken()
            cells = [str(row.labels.get(label, "")) for label in labels]
            for column in columns:
                text = _figure(column, row.figures.get(column))
                cells.append(f"[red]{text}[/red]" if column in broken else text)
            table.add_row(*cells)
        console.print(table)
    for row in rows:
        for column in row.broken():
            said = ", ".join(f"{key} {value}" for key, value in row.labels.items())
            console.print(f"not kept: {column} {_figure(column, row.figures[column])} ({said})")


def save(folder: Path, rows: Sequence[Row]) -> None:
    """Write ``calibration.json`` and renew the tables of ``calibration.md``.

    Args:
        folder: Where to; tables that were not run stay as they were measured.
        rows: What came out.
    """
    path = folder / "calibration.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else []
    fresh = {row.table for row in rows}
    kept = [found for found in (Row(**each) for each in before) if found.table not in fresh]
    whole = [*rows, *kept]
    path.write_text(json.dumps([row._asdict() for row in whole], indent=1) + "\n", "utf-8")
    page = folder / "calibration.md"
    page.write_text(renew(page.read_text("utf-8") if page.exists() else "", whole), "utf-8")


def renew(text: str, rows: Sequence[Row]) -> str:
    """Return a page with these tables in place of those between its two marks."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    lines: list[str] = []
    for title, mine in _by_table(rows):
        labels, columns = _columns(mine)
        lines += ["", f"### {title}", ""]
        lines += [
            f"| {' | '.join((*labels, *columns))} |",
            f"| {' | '.join(['---', *['---:'] * (len(labels) + len(columns) - 1)])} |",
        ]
        for row in mine:
            broken = row.broken()
            cells = [str(row.labels.get(label, "")) for label in labels]
            for column in columns:
                cell = _figure(column, row.figures.get(column))
                cells.append(f"**{cell}**" if column in broken else cell)
            lines.append(f"| {' | '.join(cells)} |")
    return f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{tail or chr(10)}"


def _by_table(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    for title in dict.fromkeys(row.table for row in rows):
        yield title, [row for row in rows if row.table == title]


def _columns(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    labels = dict.fromkeys(label for row in rows for label in row.labels)
    return list(labels), list(dict.fromkeys(column for row in rows for column in row.figures))


def _figure(column: str, figure: float | None) -> str:
    """Return a figure: shares in percent, numbers of replicates, biases and regret as they are."""
    if figure is None:
        return ""
    if "bias" in column:
        return f"{figure:+.2f}"
    if column == "regret":
        return f"{figure:.2f}"
    if column.startswith((COVERS, ERRS, "shown", "mean of all", "p below", "share")):
        return f"{100 * figure:.1f} %"
    return f"{figure:.1f}" if figure % 1 else f"{figure:.0f}"
