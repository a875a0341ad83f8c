"""Question files and command lines drawn at random: what is right works, all else is refused in
words, within a second.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
import zlib
from collections import Counter
from pathlib import Path

import chaos
import pytest
import tiny
from hypothesis import given
from wild import command_lines, commands, question_files

from ibsweep.cli import run
from ibsweep.errors import IbsweepError, InputError
from ibsweep.questions.files import load_file
from ibsweep.questions.schema import Question
from ibsweep.questions.space import to_distributions
from ibsweep.results.store import SweepStore
from ibsweep.sweep.proposals import Proposer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200, method="thread")]

_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What steers a terminal, besides line ends and tabs."""

_UNEXPECTED = re.compile(r"unexpected [A-Z]\w*: .*")
"""What the command line says of a fault of its own."""

_LONGEST = 20_000
"""Characters of an error that somebody still reads."""


class Heavy(IbsweepError):
    """Stands where a command would train."""

    exit_code = 0


def no_training(*_: object, **__: object) -> None:
    raise Heavy("would train")


def fault_of(words: str) -> str | None:
    """Return what is wrong with an error's words."""
    if not words.strip():
        return "an error without words"
    if len(words) > _LONGEST:
        return "an error that nobody reads to its end"
    if _STEERS.search(words):
        return "an error steers the terminal"
    return None


def printed(*words: str) -> tuple[int, str, str]:
    """Run a command here; return its exit code, its output and its errors."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    return code, out.getvalue(), err.getvalue()


def test_question_files(tmp_path, findings):
    path = tmp_path / "mine.yaml"

    over = chaos.clock()

    @chaos.examples("files")
    @given(question_files())
    def files(content):
        if over():
            return
        path.write_bytes(content)
        example = repr(content)
        try:
            with chaos.watched() as spent:
                question = load_file(path)
        except InputError as error:
            chaos.tally["question files that are refused"] += 1
            if fault := fault_of(str(error)):
                findings.add(fault, f"{str(error)[:300]!r} of {example}")
            if any(not line.startswith(f"{path}: ") for line in str(error).split("\n")):
                findings.add("a line does not say which file", f"{error} of {example}")
        except (Exception, chaos.HangError) as error:  # noqa: BLE001
            findings.add(f"unexpected {type(error).__name__}: {error}"[:150], example)
        else:
            chaos.tally["question files that are right"] += 1
            usable(question, example)
        if spent.seconds > 1:
            findings.add("more than a second", f"{spent.seconds:.1f} s {example}")

    def usable(question, example):
        """What was accepted is shown, and what is proposed lies in its space."""
        try:
            if Question.model_validate(question.model_dump()) != question:
                findings.add("another question once it is stored", example)
            with chaos.watched() as spent:
                code, out, err = printed("show", str(path))
            if code != 0 or not out:
                findings.add("`show` fails", f"{err} of {example}")
            if _STEERS.search(out):
                findings.add("`show` steers the terminal", example)
            if spent.seconds > 1:
                findings.add("`show` takes more than a second", f"{spent.seconds:.1f} s {example}")
            for arm in question.arms.values():
                proposals(question, arm, example)
        except (Exception, chaos.HangError) as error:  # noqa: BLE001
            findings.add(f"unusable: {type(error).__name__}: {error}"[:150], example)

    def proposals(question, arm, example):
        sampler = random.Random(example).choice(("random", "grid"))
        asked = question.model_copy(update={"arms": {arm.name: arm}})
        manifest = tiny.manifest("s", sampler=sampler, trials=6)
        manifest = manifest.model_copy(update={"question": asked.model_dump(), "arm": arm.name})
        cannot = most_of_them if random.Random(f"{example} rule").random() < 0.5 else None
        with chaos.watched():
            proposer = Proposer(arm, question.objective, manifest, cannot=cannot)
            drawn = [found[0].config for found in (proposer.propose() for _ in range(6)) if found]
        distributions = to_distributions(arm.space)
        for config in drawn:
            for name, value in config.items():
                inside = distributions[name]._contains(distributions[name].to_internal_repr(value))
                if not inside:
                    findings.add("a proposal outside of its space", f"{name}={value!r} {example}")
        if cannot is not None and any(map(cannot, drawn)):
            findings.add("what cannot be trained is proposed", f"{drawn} of {example}")
        keys = [repr(sorted(config.items())) for config in drawn]
        if len(keys) != len(set(keys)):
            findings.add("a configuration is proposed twice", f"{drawn} of {example}")

    files()
    findings.check()
    right = chaos.tally["question files that are right"]
    refused = chaos.tally["question files that are refused"]
    chaos.require("files", right + refused, over)
    assert right
    assert refused


def most_of_them(config):
    """Say that a configuration cannot be trained: seven of ten cannot."""
    return zlib.crc32(repr(sorted(config.items())).encode()) % 10 < 7


@pytest.fixture
def here(tmp_path, monkeypatch, stored):
    """A folder with what the words of a command line may name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    tiny.write_question(tmp_path)
    (tmp_path / "bad.yaml").write_text("question: [")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    shutil.copytree(stored, tmp_path / "results")
    return tmp_path


def test_command_lines(here, monkeypatch, findings):
    """Without what trains: those that would are right, and end there."""
    monkeypatch.setattr("ibsweep.cluster.session.ray_session", no_training)
    monkeypatch.setattr("ibsweep.trial.train_one.train_one", no_training)
    for module in ("ibsweep.sweep.runner", "ibsweep.cluster.pool"):
        monkeypatch.setattr(f"{module}.ray_session", no_training, raising=False)
    before = {
        path.name: path.read_bytes() for path in (here / "results" / "s-seed10").glob("*.jsonl")
    }
    for command in commands():  # what is imported counts once
        printed(command, "--help")
    for words in (["tune", "tiny.yaml"], ["report"], ["sweeps"], ["resume", "s-seed10"]):
        printed(*words)

    over = chaos.clock()

    @chaos.examples("lines")
    @given(command_lines())
    def lines(words):
        if over():
            return
        chaos.tally["command lines"] += 1
        example = repr(words)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(here / "new")
        try:
            with chaos.watched() as spent:
                code, out, err = printed(*words)
        except SystemExit as error:
            findings.add(f"exits past `run`: {error}"[:100], example)
            return
        except (Exception, chaos.HangError) as error:  # noqa: BLE001
            findings.add(f"unexpected {type(error).__name__}: {error}"[:150], example)
            return
        if found := _UNEXPECTED.search(err):
            findings.add(found[0][:100], example)
        codes[code] += 1
        if code not in (0, 1, 2, 130):
            findings.add(f"exit code {code}", example)
        if code and (fault := fault_of(err)):
            findings.add(fault, f"{err[:300]!r} of {example}")
        if code == 2 and spent.seconds > 1:
            findings.add("refused after more than a second", f"{spent.seconds:.1f} s {example}")
        if _STEERS.search(out):
            findings.add("output steers the terminal", f"{out[:300]!r} of {example}")

    codes: Counter[int] = Counter()
    lines()
    chaos.require("lines", chaos.tally["command lines"], over)
    assert codes[0]
    assert codes[2]
    after = {
        path.name: path.read_bytes() for path in (here / "results" / "s-seed10").glob("*.jsonl")
    }
    if after != before:
        findings.add("a finished sweep was changed", "")
    for path in (here / "results").iterdir():
        if path.is_dir() and (path / "manifest.json").exists():
            try:
                SweepStore(path)
            except IbsweepError as error:
                findings.add("an unreadable sweep is left", f"{path.name}: {error}")
    outside = [p.name for p in Path(here).iterdir()]
    if len(outside) > 200:
        findings.add("litters the folder", repr(outside[:20]))
    findings.check()
