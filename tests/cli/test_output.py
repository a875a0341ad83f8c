"""The end of a sweep in the terminal: how sure, single runs, and whether the best is better."""

from __future__ import annotations

import io

import pytest
import report_results as rows
from rich.console import Console

from ibsweep.analysis.load import load
from ibsweep.cli.output import print_summary
from ibsweep.sweep.progress import Tally


def printed(results, width=80, **sweep):
    rows.add_sweep(results, "duel_cnn", **sweep)
    summary = load(results).summary("duel_cnn")
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True)
    print_summary(summary, Tally(summary.name, 5, summary.question.objective), console)
    return console.export_text()


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off(tmp_path, width):
    text = printed(tmp_path, width, fails={1: 2})
    assert all(len(line) <= width for line in text.splitlines())
    assert "\u2026" not in text
    assert "trains in 6 of 8 runs [35, 97 %]; then 90.25 % [88.52, 91.98]" in flat(text)
    assert "not to be trusted where runs fail" in flat(text)
    baseline, best = [
        line.partition("single")[0] for line in text.splitlines() if "single runs" in line
    ]
    assert "x" not in baseline  # all of its runs train
    assert "x" in best


def test_choice_and_score(tmp_path):
    old = flat(printed(tmp_path / "old"))
    assert "chosen chosen and scored on the same replicates: a little optimism remains" in old
    new = flat(printed(tmp_path / "new", apart=True))
    assert "optimism remains" not in new
    assert "on validation images of 4 fresh replicates, against 2 others" in new
    assert "no failure in 8 runs (up to 31 % could fail), on held-out test images" in new
    assert "better than the baseline: +10.00 points" in new


def test_a_quick_look_says_so(tmp_path):
    store = rows.add_sweep(tmp_path, "duel_cnn")
    store.update_manifest(store.manifest.model_copy(update={"quick": True}))
    summary = load(tmp_path).summary("duel_cnn")
    console = Console(width=80, record=True, file=io.StringIO())
    print_summary(summary, Tally(summary.name, 5, summary.question.objective), console)
    assert "a quick look" in console.export_text()


def test_what_is_not_shown_to_be_better_is_not_called_so(tmp_path):
    text = flat(printed(tmp_path, fails={1: 4}))
    assert "not shown to be better than the baseline: trains in 4, the other in 8" in text
