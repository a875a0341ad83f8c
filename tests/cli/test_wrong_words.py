"""Command lines that nobody means: refused in a few words, and nothing is unexpected."""

from __future__ import annotations

import shlex

import pytest
import tiny
import typer
from typer.testing import CliRunner

from ibsweep.cli import app, run
from ibsweep.cli.flags import job_server_flag
from ibsweep.cli.submit import checked, job_command
from ibsweep.errors import InputError
from ibsweep.questions.files import find_arms
from ibsweep.results.location import results_words
from ibsweep.results.store import SweepStore

NUMBERS = ["nan", "inf", "-inf", "1e309", "-0.5", "9" * 5000, "0x10", ""]
NAMES = ["x" * 300, "x" * 5000, "a/" * 3000, "a\0b", "\udcff.yaml", "tiny.yaml:" + "a" * 300, "\n"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with a question and a sweep; nothing is trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    tiny.write_question(tmp_path)
    SweepStore.create(tmp_path / "results", tiny.manifest(name="first"))
    return tmp_path


def refused(capsys, *words):
    assert run(words) == 2
    said = capsys.readouterr()
    assert "unexpected" not in said.err
    assert 10 < len(said.err) < 8000
    return said.err


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "flag",
    [
        *("trials", "replicates", "confirm", "choice-replicates", "confirm-replicates", "seed"),
        *("sweeps", "time-budget", "cpus-per-trial", "gpus-per-trial"),
    ],
)
def test_numbers(here, capsys, flag, number):
    said = refused(capsys, "tune", "tiny.yaml", f"--{flag}={number}")
    assert flag in said or "a duration is such as" in said
    assert [path.name for path in (here / "results").iterdir()] == ["first"]


@pytest.mark.parametrize("flag", ["max-time", "max-replicates"])
@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_of_settle(here, capsys, flag, number):
    refused(capsys, "settle", "tiny", f"--{flag}={number}")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "words",
    [
        ["tune"],
        ["show"],
        ["train"],
        ["report"],
        ["settle"],
        ["efficiency"],
        ["replicate"],
        ["resume"],
        ["logs", "--trial", "0"],
        ["submit", "--", "tune"],
        ["tune", "tiny.yaml", "--name"],
        ["tune", "tiny.yaml", "--from"],
        ["tune", "tiny.yaml", "--sampler"],
        ["train", "tiny.yaml", "--config"],
    ],
)
def test_names(here, capsys, words, name):
    refused(capsys, *words, name)


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "a\0b", "\udcff", "tiny.yaml/x"])
@pytest.mark.parametrize(
    "words", [["sweeps", "--results"], ["tune", "tiny.yaml", "--results"], ["report", "--out"]]
)
def test_places(here, capsys, words, name):
    refused(capsys, *words, name)


@pytest.mark.parametrize("address", ["http://" + "x" * 300, "http://[", "http://a:b", "\n", "x y"])
def test_addresses_of_job_servers(here, capsys, address):
    refused(capsys, "jobs", "--address", address)


def test_what_is_no_utf8_is_named(here, capsys):
    assert r"'\udcff.yaml' on the command line is not UTF-8" in refused(
        capsys, "show", "\udcff.yaml"
    )


def test_an_error_that_ran_away_is_cut(here, capsys, monkeypatch):
    def fail(*_):
        raise InputError("\n".join(["x" * 5000] * 1000))

    monkeypatch.setattr("ibsweep.questions.files.find_arms", fail)
    said = refused(capsys, "show", "tiny.yaml")
    assert said.endswith("ibsweep: and more; --debug shows all of it\n")


@pytest.mark.parametrize("name", ["--trials=7.yaml", "-x.yaml", "-é.yaml", "--help.yaml"])
def test_a_file_that_is_called_like_an_option(here, name):
    (here / "tiny.yaml").rename(here / name)
    root = typer.Context(typer.main.get_command(app), info_name="ibsweep")
    inner = checked(root, ["tune", f"./{name}", "--trials", "3"])
    line = job_command(inner, "python").line
    _, _, _, word, *rest = shlex.split(line)
    there = root.command.commands[word].make_context(word, rest)
    assert there.params["trials"] == 3
    (target,) = there.params["targets"]
    assert target.endswith(".yaml")
    assert not target.startswith("-")
    (found,) = find_arms(f"./{name}")
    assert found.target == f"./{name}:tiny_cnn"
    assert found.question.of_file(found.file).word("tiny_cnn") == shlex.quote(found.target)


def test_a_sweep_that_is_called_like_an_option_stays_an_argument(here):
    root = typer.Context(typer.main.get_command(app), info_name="ibsweep")
    line = job_command(checked(root, ["resume", "--quiet", "--", "--json"]), "python").line
    assert line.endswith(" -- --json")
    assert " --quiet " in line


def test_places_that_are_called_like_options(here):
    assert results_words(here / "x") == ["--results", str(here / "x")]
    assert results_words(type(here)("-x")) == ["--results", "./-x"]
    assert job_server_flag("http://a b") == " --address 'http://a b'"


def test_the_runner_of_typer_agrees():
    """What tests run in this process is what the program runs."""
    assert CliRunner().invoke(app, ["tune", "--trials"]).exit_code == 2
