"""``ibsweep report``: what the sweeps found, as pages and in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import OutDir, ResultsDir
from ibsweep.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.load import Results as Loaded
    from ibsweep.analysis.report.cells import Cell, Table

__all__ = ["print_table", "print_tables", "report"]

EXAMPLES = """
Examples: ibsweep report | ibsweep report q7 --open | ibsweep report q7_wider-20261123-101500
"""

_COLOURS = {
    "supported": "green",
    "refuted": "red",
    "equivalent": "cyan",
    "open": "yellow",
    "not_tested": "dim",
}
_PLAIN = str.maketrans("✓✗≈·▁▂▃▄▅▆▇█", "+x~.12345678")
"""What stands in for signs and strips on a console that cannot show them."""
_WIDTH = 160
"""Columns of what goes to a file or a pipe, which has no width of its own."""
_TEXT = 24
"""Columns that a text needs at the least."""


def report(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUESTION|FILE|SWEEP|all]...",
            help="What to report: a question, by name or file, or a sweep in place of its "
            "arm's newest one. Default: everything.",
        ),
    ] = None,
    results: ResultsDir = Path("results"),
    out: OutDir = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the index in a browser.")] = False,
) -> None:
    """Write a page a question and an index, and print the same tables here.

    A page is one HTML file that needs no network. It tells the verdicts on the claims, the best
    configuration of every arm and the evidence for both.
    """
    from ibsweep.analysis.load import load
    from ibsweep.analysis.report import gather_all, write_pages

    loaded = load(results)
    evidence, asked = gather_all(loaded, targets)
    written = write_pages(loaded, evidence, asked, out or results / "report")
    console = PlainConsole() if PlainConsole().is_terminal else PlainConsole(width=_WIDTH)
    print_tables(loaded, [evidence[name] for name in asked], console)
    console.print(f"pages: {written[0]}", soft_wrap=True)
    if open_:
        typer.launch(written[0].resolve().as_uri())


def print_tables(results: Loaded, gathered: Iterable[Evidence], console: Console) -> None:
    """Print the tables of the pages, question by question.

    Args:
        results: Where the evidence comes from.
        gathered: One a question.
        console: Where to print.
    """
    from ibsweep.analysis.report.arms import arms_table
    from ibsweep.analysis.report.fronts import front_tables
    from ibsweep.analysis.report.repeats import repeats_table
    from ibsweep.analysis.report.tables import (
        efficiency_table,
        pairs_table,
        replications_table,
        sizes_needed_table,
    )
    from ibsweep.analysis.report.verdicts import claims_table, quick_note

    for evidence in gathered:
        question = evidence.question
        title = question.heading
        console.rule(title, align="left", style="dim")
        note = quick_note(evidence)
        if note:
            console.print(note)
        for table in (
            claims_table([evidence]),
            arms_table(evidence),
            repeats_table(evidence),
            pairs_table(evidence),
            *front_tables(evidence),
            sizes_needed_table(evidence),
            efficiency_table(evidence),
            replications_table(evidence),
        ):
            print_table(table, console)
    for line in results.what_is_wrong():
        console.print(line)


def print_table(table: Table, console: Console) -> None:
    """Print a table of the pages; one that is too wide for the console, a line a cell."""
    from rich import box
    from rich.table import Table as Grid

    if not table.rows:
        return
    widths = [_least_width(table, place) for place in range(len(table.columns))]
    if sum(widths) + 3 * len(widths) > console.width:
        _print_records(table, console)
        return
    grid = Grid(
        title=table.caption,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    wide = _widths(table, widths, console.width)
    for column, width in zip(table.columns, wide, strict=True):
        justify: Literal["left", "right"] = "right" if column in table.numeric else "left"
        grid.add_column(column, justify=justify, overflow="fold", width=width)
    for row in table.rows:
        grid.add_row(*(_shown(one, console) for one in row))
    console.print(grid)


def _widths(table: Table, least: list[int], most: int) -> list[int]:
    """Return the columns that each column gets of ``most``: the longest text, less the widest."""
    texts = zip(table.columns, *([one.text for one in row] for row in table.rows), strict=True)
    longest = [max(len(line) for text in column for line in text.splitlines()) for column in texts]
    widths = [max(pair) for pair in zip(longest, least, strict=True)]
    while sum(widths) + 3 * len(widths) > most:
        spare = [(width, place) for place, width in enumerate(widths) if width > least[place]]
        widths[max(spare)[1]] -= 1
    return widths


def _least_width(table: Table, place: int) -> int:
    """Return the columns that a column needs: figures stay in one piece, words give way."""
    signs = [2 * (row[place].verdict is not None) for row in table.rows]
    lines = [
        " " * sign + line
        for row, sign in zip(table.rows, signs, strict=True)
        for line in row[place].text.splitlines()
    ]
    longest = max(map(len, lines), default=0)
    words = max(map(len, table.columns[place].split()))
    whole = any(row[place].strip for row in table.rows)
    if place == 0 or whole or table.columns[place] in table.numeric:
        return max(longest, words)
    return max(min(longest, _TEXT), words)


def _print_records(table: Table, console: Console) -> None:
    """Print a table that is too wide for the terminal, a line a cell."""
    from rich.table import Table as Grid
    from rich.text import Text

    console.print(table.caption, style="bold")
    for name, *cells in table.rows:
        console.print(name.text)
        grid = Grid(box=None, show_header=False, padding=(0, 2), pad_edge=False)
        for column, one in zip(table.columns[1:], cells, strict=True):
            grid.add_row("", Text(column, style="dim"), _shown(one, console))
        console.print(grid)
    console.print()


def _shown(cell: Cell, console: Console) -> Text:
    """Return a cell as the console shows it; a verdict has a sign besides its colour."""
    from rich.text import Text

    from ibsweep.analysis.report.cells import SIGNS

    sign = f"{SIGNS[cell.verdict]} " if cell.verdict else ""
    text = Text(visible(showable(sign + cell.text, console)))
    if cell.verdict:
        text.stylize(_COLOURS[cell.verdict], 0, len(text.plain.splitlines()[0]))
    return text


def showable(text: str, console: Console) -> str:
    """Return a text without the signs that a console's encoding lacks."""
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN)
    return text
