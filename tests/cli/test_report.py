"""The command ``report``, and its tables in the terminal."""

from __future__ import annotations

import io

import pytest
import report_results as rows
from pages import texts
from rich.console import Console

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.analysis.report.arms import arms_table
from ibsweep.analysis.report.tables import (
    efficiency_table,
    pairs_table,
)
from ibsweep.cli.report import print_tables, report


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    return load(rows.full(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="session")
def evidence(results):
    return gather(results)["duel"]


def printed(results, width):
    console = Console(width=width, record=True, file=io.StringIO())
    print_tables(results, gather(results).values(), console)
    return console.export_text()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_shows_the_same_figures(results, evidence, width):
    text = printed(results, width)
    for table in (arms_table(evidence), pairs_table(evidence), efficiency_table(evidence)):
        for name in table.numeric:
            for cell in texts(table, name):
                for line in cell.splitlines():
                    assert line in text, (width, name)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert "supported" in text


def test_the_command(results, tmp_path, capsys):
    report(["duel"], results=results.path, out=tmp_path / "pages")
    out = capsys.readouterr().out
    assert "duel: two arms" in out
    assert "duel_cnn over duel_mlp" in out
    assert out.splitlines()[-1] == f"pages: {tmp_path / 'pages' / 'index.html'}"
    assert (tmp_path / "pages" / "duel.html").exists()


def test_pages_go_beside_the_results_unless_told_otherwise(tmp_path, capsys):
    rows.add_sweep(tmp_path, "duel_cnn", confirmed=False)
    report(results=tmp_path)
    assert (tmp_path / "report" / "duel.html").exists()
    capsys.readouterr()
    report(results=tmp_path)  # what it wrote is no sweep
    assert "left out" not in capsys.readouterr().out
