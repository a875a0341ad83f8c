"""Titles, names and reasons on the console: as they were written, and harmless."""

from __future__ import annotations

import io

import pytest
import questions
import tiny
from rich.table import Table
from rich.text import Text

from ibsweep.cli import run
from ibsweep.cli.console import PlainConsole
from ibsweep.cli.progress import LineProgress, LiveProgress, RunsProgress
from ibsweep.questions.schema import Question
from ibsweep.results.store import SweepStore
from ibsweep.terminal import guarded_streams, visible

EVIL = "[bold]x[/red] :smile: [link=http://a]b \x1b[31m\x9b2J\x7f\u202e"


def console(*, terminal=False):
    return PlainConsole(file=io.StringIO(), width=200, force_terminal=terminal)


def test_a_text_says_what_it_says():
    out = console()
    table = Table(title=f"1 {EVIL}")
    table.add_column(f"2 {EVIL}")
    table.add_row(f"3 {EVIL}")
    table.add_row(Text(f"4 {EVIL}"))
    out.print(table)
    out.print(f"5 {EVIL}")
    out.print(f"6 {EVIL}", style="bold", soft_wrap=True)
    out.rule(f"7 {EVIL}")
    shown = out.file.getvalue()
    for number in range(1, 8):
        assert f"{number} {visible(EVIL)}" in shown
    assert visible(shown) == shown


def test_columns_are_as_wide_as_what_is_shown():
    out = console()
    table = Table("a", "b", box=None)
    table.add_row("\x1b", "|")
    table.add_row("1234", "|")
    out.print(table)
    _, first, second = out.file.getvalue().splitlines()
    assert first.index("|") == second.index("|")


@pytest.mark.parametrize("make", [LineProgress, LiveProgress])
def test_progress(make):
    out = console(terminal=make is LiveProgress)
    progress = make(out)
    with progress:
        progress.sweep_started(tiny.manifest(), tiny.question().objective, [])
        progress.note(f"from Ray: {EVIL}")
        progress.tally.name = EVIL
        progress.phase(EVIL)
        progress.trial_finished(tiny.trial(0, state="FAIL", reason=f"ValueError: {EVIL}"))
    shown = out.file.getvalue()
    assert f"from Ray: {visible(EVIL)}" in shown
    assert "\x9b" not in shown
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_of_runs(terminal):
    out = console(terminal=terminal)
    with RunsProgress(out, "replicate", "replicating", 2, quiet=False) as progress:
        progress.advance(1, EVIL, EVIL)
        progress.note(EVIL)
    assert visible(EVIL) in out.file.getvalue()
    assert "\x9b" not in out.file.getvalue()


def test_a_console_writes_past_the_guard_of_users_code(capsys):
    with guarded_streams():
        PlainConsole(force_terminal=True, no_color=False).print("x", style="bold")
        print("\x1b")
    assert capsys.readouterr().out == "\x1b[1mx\x1b[0m\n\\x1b\n"


def test_questions_with_markup_and_escapes_in_their_titles(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    document = questions.question_mapping()
    document["title"] = document["text"] = document["arms"]["tiny_cnn"]["title"] = EVIL
    tiny.write_question(tmp_path, questions.as_yaml(document))
    assert run(["show", "tiny.yaml"]) == 0
    out = capsys.readouterr().out
    assert visible(EVIL) in out
    assert visible(out) == out
    store = SweepStore.create(tmp_path / "results", tiny.manifest(name="first"))
    question = Question.model_validate(document).model_dump(mode="json")
    store.update_manifest(store.manifest.model_copy(update={"question": question}))
    (tmp_path / "results" / f"evil{EVIL}".replace("/", "")).mkdir()
    for name in ("\x1b[31mred", "[bold]", "\udcff\udcfe"):  # the last stands for bytes, no UTF-8
        folder = tmp_path / "results" / name
        folder.mkdir()
        (folder / "manifest.json").write_text("{")
    for command in ("report", "sweeps"):
        assert run([command]) == 0
        said = capsys.readouterr()
        assert visible(said.out + said.err) == said.out + said.err
        assert command != "report" or visible(EVIL) in said.out
    page = (tmp_path / "results" / "report" / "index.html").read_text("utf-8")
    assert r"\udcff\udcfe" in page


def test_logs_and_errors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["show", "--debug", f"[/red] \x1b[2J{EVIL}"]) == 2
    assert run(["tune", f"--{EVIL}", "q7"]) == 2
    said = capsys.readouterr()
    assert visible(said.err) == said.err
    assert "[/red] \\x1b[2J" in said.err
