"""Nothing that a user, a file or another program wrote steers the terminal."""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

import pytest

from ibsweep.terminal import GuardedStream, guarded_streams, say, visible

PACKAGE = Path(__file__).parent.parent / "ibsweep"
EVIL = "\x1b[31mred\x1b[0m \x07\x9b2J\x7f\r\x85\u202egnp.exe\u2066\ud800"
"""Colours, a bell, a C1 sequence, a line that is written over, text that runs the other way."""


def test_what_steers_is_shown():
    assert visible("plain\tText, Größe, 文\n") == "plain\tText, Größe, 文\n"
    assert visible(EVIL) == (r"\x1b[31mred\x1b[0m \x07\x9b2J\x7f\r\x85\u202egnp.exe\u2066\ud800")


@pytest.mark.parametrize("to", ["stdout", "stderr"])
def test_saying(capsys, monkeypatch, to):
    say(f"title {EVIL}", to=to)
    assert getattr(capsys.readouterr(), to[3:]) == f"title {visible(EVIL)}\n"
    monkeypatch.setattr(sys, to, None)  # as where it was closed before Python began
    say("nothing", to=to)
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "")


def test_code_of_the_users_prints_through_a_guard(capsys):
    with guarded_streams():
        assert isinstance(sys.stdout, GuardedStream)
        print(EVIL)
        print("10 %\r20 %", file=sys.stderr)
        sys.stdout.writelines(["a\x1b", "b\n"])
    assert not isinstance(sys.stdout, GuardedStream)
    found = capsys.readouterr()
    assert found.out == visible(EVIL).replace("\\r", "\r") + "\na\\x1bb\n"
    assert found.err == "10 %\r20 %\n"


def test_a_guard_is_a_stream_like_the_one_beneath():
    beneath = io.TextIOWrapper(io.BytesIO(), "utf-8")
    guard = GuardedStream(beneath)
    assert guard.write("\x1b") == 1  # as it was given
    guard.flush()
    assert guard.buffer.getvalue() == b"\\x1b"
    assert not guard.isatty()


def prints(source: str) -> set[str]:
    """Return what prints in a module: functions and methods by the names that it calls them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found & {
        *("print", "typer.echo", "typer.secho", "click.echo", "rich.print", "Console"),
        *("sys.stdout.write", "sys.stderr.write", "sys.__stdout__.write", "sys.__stderr__.write"),
        *("traceback.print_exc", "traceback.print_exception", "traceback.print_tb"),
        *("traceback.print_stack", "warnings.showwarning"),
    }


def test_everything_is_printed_in_one_place():
    assert prints("print(1); Console()") == {"print", "Console"}
    found = {path: prints(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
    assert len(found) > 200
    homes = {path.relative_to(PACKAGE).as_posix(): names for path, names in found.items() if names}
    assert homes == {"terminal.py": {"print"}}
