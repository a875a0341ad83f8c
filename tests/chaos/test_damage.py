"""Stored results, damaged at random: right figures, or a visible fault, within a second."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import chaos
import pandas as pd
import pytest
from damage import damage
from hypothesis import given
from hypothesis import strategies as st
from sweeps_run import SWEEPS

from ibsweep.analysis.load import Results, load
from ibsweep.cli import run
from ibsweep.errors import IbsweepError
from ibsweep.results.repair import repair
from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200, method="thread")]

UNEXPECTED = re.compile(r"unexpected [A-Z]\w*: |Traceback")
"""What the command line says of a fault of its own."""

FRAMES = ("trials", "curves", "confirmations")

NOT_FIGURES = {"created", "state", "current", "repeats", "design", "device", "node", "reason"}
"""Columns that say how a sweep came about, or of which of several is meant."""


def figures(results: Results) -> dict[str, dict[str, set[str]]]:
    """Return what was measured, by sweep and frame, a text a row."""
    found: dict[str, dict[str, set[str]]] = {}
    for name in FRAMES:
        frame: pd.DataFrame = getattr(results, name)
        columns = sorted(set(frame.columns) - NOT_FIGURES - {"sweep", "role", "score_replicates"})
        texts = frame[columns].apply(
            lambda row: ", ".join(f"{k} {v!r}" for k, v in row.items() if not _missing(v)),
            axis=1,
        )
        for sweep, text in zip(frame["sweep"], texts, strict=True):
            rows = found.setdefault(sweep, {})
            if text in rows.setdefault(name, set()):
                rows.setdefault("twice", set()).add(text)
            rows[name].add(text)
    for sweep in results.stored:
        own = found.setdefault(sweep.summary.name, {})
        if sweep.has_best:
            best = sweep.summary.best
            own["best"] = {f"trial {best.trial.trial}: {best.runs}"}
    return found


def _missing(value: Any) -> bool:
    return (isinstance(value, float) and value != value) or value is None or value is pd.NA


def read(results: Path) -> tuple[dict[str, dict[str, set[str]]], set[str]]:
    """Read a directory with all of its frames; return its figures, and the names in its faults."""
    found = load(results)
    own = figures(found)
    found.best()
    replications = found.replications
    own["replications.jsonl"] = {"rows": set(replications.to_csv(index=False).splitlines())}
    assert isinstance(found.sweeps, pd.DataFrame)
    words = "\n".join(found.what_is_wrong())
    # a sweep is known by its manifest's name, or by its directory's
    named = {path.name for path in results.iterdir() if f"/{path.name}/" in words}
    return own, {*found.unreadable, *found.notes, *named}


def is_damaged(results: Path) -> bool:
    """Return whether anything in it is not a plain file or directory."""
    return any(
        not stat.S_ISREG(path.lstat().st_mode) and not stat.S_ISDIR(path.lstat().st_mode)
        for path in results.rglob("*")
    )


def output(*words: str) -> tuple[int, str]:
    """Run a command here and return its exit code and what it printed."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        code = run(words)
    return code, text.getvalue()


class Copies:
    """Makes copies of stored results and compares what is read of them with the original."""

    def __init__(self, stored: Path, findings: chaos.Findings) -> None:
        self.stored, self.findings = stored, findings
        self.right, none = read(stored)
        assert not none

    def compare(self, copy: Path, example: str, begun: str | None = None) -> set[str]:
        """Compare, and return which sweeps are said to be damaged.

        Args:
            copy: The results that may be damaged.
            example: How, in words.
            begun: A sweep that was made ready to go on: what it lost it trains again.
        """
        try:
            with chaos.watched(30) as spent:
                now, said = read(copy)
        except IbsweepError as error:
            if not str(error).strip():
                self.findings.add("an error without words", example)
            self.findings.add(f"`load` of a whole directory fails: {error}"[:150], example)
            return set()
        except chaos.HangError:
            self.findings.add("reading hangs", example)
            return set()
        except Exception as error:  # noqa: BLE001
            self.findings.add(f"reading fails: {type(error).__name__}: {error}"[:150], example)
            return set()
        if spent.seconds > 1:
            self.findings.add(
                "reading takes more than a second", f"{spent.seconds:.1f} s {example}"
            )
        for name, rows in now.items():
            right = self.right.get(name, {})
            if "twice" in rows:
                self.findings.add("a row is counted twice", f"{example}: {rows['twice']}")
            for frame, own in rows.items():
                if frame != "best" and not own <= right.get(frame, set()) and frame != "twice":
                    wrong = sorted(own - right.get(frame, set()))[:2]
                    self.findings.add(f"wrong {frame}", f"{example}: {wrong}")
        for name, rows in self.right.items():
            there = now.get(name, {})
            gone = [frame for frame, own in rows.items() if there.get(frame) != own]
            if name == "replications.jsonl" and there.get("rows", set()) <= rows["rows"]:
                continue  # nothing says how many there were
            if "best" not in there and (name == begun or gone == ["best"]):
                continue  # it is unfinished, and says so
            # a sweep of another name is what is left of one whose directory was renamed
            if gone and not any(name in one or one in name for one in said):
                self.findings.add(f"{', '.join(gone)} changed or gone, and not a word", example)
        return said


@pytest.fixture
def copies(stored, findings):
    return Copies(stored, findings)


def test_damaged_results_give_right_figures_or_a_visible_fault(stored, copies, findings):
    """As they are read, and after the repair that a sweep begins with."""

    over = chaos.clock()

    @chaos.examples("damaged")
    @given(st.sampled_from(SWEEPS), st.integers(1, 3), st.integers(0, 2**32))
    def damaged(sweep, times, drawn):
        if over():
            return
        chaos.tally["damaged results"] += 1
        draws = random.Random(f"{chaos.seed()} {drawn}")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "results"
            shutil.copytree(stored, copy)
            done = damage(copy, sweep, draws, times)
            example = f"{sweep}, {times} times, {drawn}: {done}"
            said = copies.compare(copy, example)
            check_command(copy, said, example)
            repaired(copy, sweep, example)
            if draws.random() < 0.02:
                pages(copy, read(copy)[1], example)

    def check_command(copy, said, example):
        try:
            with chaos.watched(30):
                code, text = output("check", "all", "--results", str(copy))
        except chaos.HangError:
            findings.add("`check all` hangs", example)
            return
        if UNEXPECTED.search(text) or code not in (0, 1, 2):
            findings.add("`check all` fails", f"{example}: {text}")
        elif said and code == 0:
            findings.add("`check all` is content where `load` is not", f"{example}: {said}")
        elif any(name not in text for name in said):
            findings.add("`check all` does not name what is damaged", f"{example}: {said}, {text}")

    def repaired(copy, sweep, example):
        """Nothing that was right may be gone afterwards."""
        try:
            before, _ = read(copy)
            with chaos.watched(30):
                store = SweepStore(copy / sweep)
                with store.lock():
                    repair(store)
        except IbsweepError:
            return
        except chaos.HangError:
            findings.add("repair hangs", example)
            return
        except Exception as error:  # noqa: BLE001
            findings.add(f"repair fails: {type(error).__name__}: {error}"[:150], example)
            return
        copies.compare(copy, f"after repair, {example}", begun=sweep)
        after, _ = read(copy)
        lost = before.get(sweep, {}).get("trials", set()) - after.get(sweep, {}).get(
            "trials", set()
        )
        if lost:
            findings.add("repair loses a finished trial", f"{example}: {sorted(lost)[:2]}")

    def pages(copy, said, example):
        chaos.tally["reports of damaged results"] += 1
        code, text = output("report", "--results", str(copy), "--out", str(copy.parent / "pages"))
        if UNEXPECTED.search(text) or code not in (0, 1, 2):
            findings.add("`report` fails", f"{example}: {text}")
        shown = text + "".join(p.read_text() for p in (copy.parent / "pages").glob("*.html"))
        if any(name not in shown for name in said):
            findings.add("`report` does not say what is damaged", f"{example}: {said}")

    os.environ.setdefault("COLUMNS", "200")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    damaged()
    left = len(os.listdir("/proc/self/fd")) - before  # noqa: PTH208
    if left > 20:  # what is imported on the way keeps a few
        findings.add("descriptors are left open", f"{left}")
    findings.check()


def test_damaged_results_of_older_formats_are_read_or_refused(tmp_path, findings):
    """Their rows carry no checksum; reading ends all the same, and in words."""
    stored = Path(__file__).parents[1] / "results" / "format_2"

    over = chaos.clock()

    @chaos.examples("damaged")
    @given(st.sampled_from(["done", "cut"]), st.integers(0, 2**32))
    def damaged(sweep, drawn):
        if over():
            return
        chaos.tally["damaged results of format 2"] += 1
        draws = random.Random(f"{chaos.seed()} {drawn}")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "results"
            shutil.copytree(stored, copy)
            example = f"{sweep}, {drawn}: {damage(copy, sweep, draws, 1)}"
            try:
                with chaos.watched(30) as spent:
                    read(copy)
            except IbsweepError as error:
                findings.add(f"`load` of a whole directory fails: {error}"[:150], example)
            except chaos.HangError:
                findings.add("reading hangs", example)
            except Exception as error:  # noqa: BLE001
                findings.add(f"reading fails: {type(error).__name__}: {error}"[:150], example)
            else:
                if spent.seconds > 1:
                    findings.add("reading takes more than a second", example)

    damaged()
    findings.check()
    chaos.require("damaged", chaos.tally["damaged results of format 2"], over)
    chaos.require("damaged", chaos.tally["damaged results"], over)
