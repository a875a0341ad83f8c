"""Two and five processes on one directory: one runs a sweep, none harms what others did."""

from __future__ import annotations

import random
import shutil
import signal
import time
from contextlib import suppress

import chaos
import pytest
import questions
from sweeps_run import BUDGET, SWEEPS, question
from victims import Command

from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(7200)]

TRIALS = 6
SWEEP = ("--name", "new", "--sampler", "random", "--trials", str(TRIALS), *BUDGET)

LOOKING = (
    ("report", "tiny"),
    ("report", "--out", "pages"),
    ("sweeps",),
    ("check", "all"),
    ("resume", "s-seed10"),
    ("replicate", "tiny.yaml", "--seeds", "2", "--quiet"),
    ("settle", "tiny", "--max-time", "1s", "--quiet"),
)
"""What goes on beside."""


def race(folder, findings, *commands):
    """Start commands at once, and return them as they ended: their words, codes and output."""
    chaos.tally[f"races of {len(commands)} processes"] += 1
    chaos.note(f"a race of {commands}")
    running = [(words, Command(folder, *words)) for words in commands]
    ended = []
    for words, command in running:
        if not command.wait(180):
            findings.add(f"`{words[0]}` hangs in a race", f"{words}: {command.end()}")
            continue
        said = command.end()
        code = command.process.returncode
        example = f"{' '.join(words)}, beside {[other for other, _ in running]}: {said}"
        if code not in (0, 1, 2) or "unexpected " in said or "Traceback" in said:
            findings.add(f"`{words[0]}` ends with {code} in a race", example)
        ended.append((words, code, said))
    return ended


def complete(folder, findings, stored, example):
    """Check that a sweep is whole, and that the others are as they were."""
    root = folder / "results" / "new"
    try:
        store = SweepStore(root)
        numbers = sorted(row.trial for row in store.trials())
        proposals = sorted(row.trial for row in store.proposals())
    except Exception as error:  # noqa: BLE001
        findings.add(f"a sweep is gone: {type(error).__name__}", f"{error}: {example}")
        return
    if not numbers == proposals == list(range(TRIALS)):
        findings.add("not every trial is there once", f"{numbers}, {proposals}: {example}")
    for name in ("best.yaml", "best.pt", "study.log"):
        if not (root / name).exists():
            findings.add(f"no {name} after a race", example)
    for name in SWEEPS:
        for file in ("trials.jsonl", "curves.jsonl", "proposals.jsonl", "best.pt"):
            if (folder / "results" / name / file).read_bytes() != (
                stored / name / file
            ).read_bytes():
                findings.add("a finished sweep was changed", f"{name}/{file}: {example}")
    rows = ReplicationStore(folder / "results").rows()
    if len({row.seed for row in rows}) != len(rows):
        findings.add("a replication stands twice", example)


@pytest.mark.parametrize("count", [2, 5] if chaos.LONG else [5])
def test_processes_on_one_directory(tmp_path, stored, findings, count):
    draws, over = random.Random(f"races {chaos.seed()}"), chaos.clock()
    for turn in range(chaos.count("races")):
        if over():
            break
        folder = tmp_path / str(turn)
        folder.mkdir()
        shutil.copytree(stored, folder / "results")
        questions.write_question(folder, question(), "tiny.yaml")
        tune = ("tune", "tiny.yaml", "--seed", "12", *SWEEP)
        beside = [draws.choice(LOOKING) for _ in range(count - 2)]
        ended = race(folder, findings, tune, tune, *beside)
        codes = sorted(code for words, code, _ in ended if words[0] == "tune")
        example = f"{count} processes: {ended}"
        if codes != [0, 2]:
            findings.add("not one of two `tune` of one name runs", example)
        complete(folder, findings, stored, example)
        if chaos.LONG:  # tests/sweep/test_interrupted.py has the like
            resumed(folder, findings, stored, tune, count, draws)
        pages(folder, findings, count)
    findings.check()


def resumed(folder, findings, stored, tune, count, draws):
    """Kill a sweep in its middle, and resume it in several processes at once."""
    shutil.rmtree(folder / "results" / "new", ignore_errors=True)
    first = Command(folder, *tune)
    path = folder / "results" / "new" / "trials.jsonl"
    while first.is_running() and (not path.exists() or path.read_bytes().count(b"\n") < 2):
        time.sleep(0.02)
    first.signal_all(signal.SIGKILL)
    first.end()
    kept = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    resume = ("resume", "new")
    beside = [draws.choice(LOOKING) for _ in range(count // 2)]
    ended = race(folder, findings, *[resume] * (count - len(beside)), *beside)
    example = f"{count} processes: {ended}"
    codes = [code for words, code, _ in ended if words == resume]
    if 0 not in codes or set(codes) - {0, 2}:
        findings.add("not one of several `resume` runs", example)
    if path.exists() and not path.read_bytes().startswith(kept):
        findings.add("a finished trial was lost or changed", example)
    complete(folder, findings, stored, example)


def pages(folder, findings, count):
    """Write the same pages at once."""
    ended = race(folder, findings, *[("report", "--out", "pages")] * count)
    if any(code != 0 for _, code, _ in ended):
        findings.add("`report` fails beside another", str(ended))
    found = list((folder / "pages").glob("*.html"))
    if not found or any(not page.read_text().rstrip().endswith("</html>") for page in found):
        findings.add("half a page", str(found))
    with suppress(OSError):
        if left := [p.name for p in (folder / "pages").iterdir() if p.name.startswith(".")]:
            findings.add("temporary files are left", str(left))
