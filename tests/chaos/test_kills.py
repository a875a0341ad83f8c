"""Sweeps whose driver, tree, daemons and workers are killed, stopped and told to end at random.

After each of these the sweep is resumed. No finished trial may be lost or changed, and in the end
a sweep has what one has that nobody disturbed, to the last digit.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import chaos
import fault_points
import pytest
import questions
import torch
import yaml
from sweeps_run import BUDGET, GRID_SWEEP, TRIALS, question, start
from victims import DAEMONS, Command

from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(7200)]

GRID = ("--seed", "10", *GRID_SWEEP, *BUDGET)

_OF_THE_RUN = {"seconds", "node", "device", "lost", "check", "told"}
"""Fields of a row that say how it came about, and what depends on them."""

_LINGER = 20
"""Seconds after which nothing of a dead command runs any more, on a machine with nothing else."""

_END = 120
"""Seconds within which a sweep ends there, whatever has happened to it."""

_ALONE = 15
"""Seconds that an undisturbed one takes there."""

DISTURBANCES = {
    "operation": 6,
    "tree": 3,
    "driver": 2,
    "worker": 3,
    "raylet": 2,
    "gcs_server": 2,
    "agent": 1,
    "log monitor": 1,
    "SIGINT": 1,
    "SIGTERM": 2,
    "SIGHUP": 1,
    "SIGUSR1 to all": 1,
    "SIGTERM to all": 1,
    "SIGSTOP of the driver": 1,
    "SIGSTOP of all": 1,
}
"""What is done to a command, and how often in proportion."""


def lines(path: Path) -> list[bytes]:
    """Return the whole lines of a file."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def figures(root: Path) -> dict[str, object]:
    """Return all that a sweep found, but for how it came about."""

    def rows(name: str, *keys: str) -> list[object]:
        documents = [json.loads(line) for line in lines(root / name)]
        kept = [{k: v for k, v in row.items() if k not in _OF_THE_RUN} for row in documents]
        return sorted(kept, key=lambda row: [str(row[key]) for key in keys])

    best = yaml.safe_load((root / "best.yaml").read_text())
    best.pop("sweep")
    weights = torch.load(root / "best.pt", weights_only=True)
    return {
        "trials.jsonl": rows("trials.jsonl", "trial"),
        "proposals.jsonl": rows("proposals.jsonl", "trial"),
        "curves.jsonl": rows("curves.jsonl", "trial", "epoch"),
        "confirmations.jsonl": rows("confirmations.jsonl", "purpose", "trial", "seed"),
        "best.yaml": best,
        "best.pt": {name: value.tolist() for name, value in weights.items()},
    }


class Disturbed:
    """One sweep after another, each disturbed until it comes to its end.

    Args:
        folder: Where they lie.
        findings: Takes what went wrong.
        draws: Draws what happens, and when.
        right: The figures of the sweep that nobody disturbed.
        seconds: How long it took.
    """

    def __init__(
        self,
        folder: Path,
        findings: chaos.Findings,
        draws: random.Random,
        right: dict[str, object],
        seconds: float,
    ) -> None:
        self.folder, self.findings, self.draws = folder, findings, draws
        self.right, self.seconds = right, seconds
        slower = max(1.0, seconds / _ALONE)
        self.end, self.linger = _END * slower, _LINGER * slower
        self.done = 0
        self.sweeps = 0
        self.counts: Counter[str] = Counter()

    def sweep(self, most: int) -> None:
        """Run a sweep to its end, disturbed at most so often."""
        self.sweeps += 1
        name = f"s{self.sweeps}"
        root = self.folder / "results" / name
        kept: list[bytes] = []
        history: list[str] = []
        for _ in range(most):
            began = (root / "manifest.json").exists()
            words = ("resume", name) if began else ("tune", "tiny.yaml", "--name", name, *GRID)
            if not began and root.exists():
                if any(root.iterdir()) and lines(root / "proposals.jsonl"):
                    self.findings.add("records without a manifest", f"{name}: {history}")
                for path in sorted(root.rglob("*"), reverse=True):
                    path.unlink() if not path.is_dir() else path.rmdir()
                root.rmdir()
            kinds, weights = zip(*DISTURBANCES.items(), strict=True)
            kind = self.draws.choices(kinds, weights)[0]
            ended = self.disturb(root, words, kind, history)
            now = lines(root / "trials.jsonl")
            if now[: len(kept)] != kept:
                self.findings.add("a finished trial was lost or changed", f"{name}: {history}")
            kept = now
            if ended:
                break
        last = Command(self.folder, "resume", name, "--json", "--quiet")
        if not last.wait(self.end):
            self.findings.add("the last `resume` hangs", f"{name}: {history}: {last.end()}")
            return
        code, said = last.process.returncode, last.end()
        if code != 0:
            self.findings.add(f"the last `resume` ends with {code}", f"{name} {history}: {said}")
            return
        if lines(root / "trials.jsonl")[: len(kept)] != kept:
            self.findings.add("`resume` lost or changed a trial", f"{name}: {history}")
        self.complete(root, f"{name}: {history}")

    def disturb(self, root: Path, words: tuple[str, ...], kind: str, history: list[str]) -> bool:
        """Run a command and disturb it; return whether it came to the sweep's end."""
        armed: dict[str, str] = {}
        at = 0
        if kind == "operation":
            at = chaos.pick(self.draws, bound=160) + 1
            armed = fault_points.environment(self.folder / "results", at)
        command = Command(self.folder, *words, **armed)
        when = self.draws.uniform(0.5, 1.1 * self.seconds) if kind != "operation" else self.end
        history.append(f"{kind} after {when:.1f} s" if kind != "operation" else f"{kind} {at}")
        example = f"{root}: {history}"
        try:
            command.wait(when)
            if not command.is_running():
                hit = kind == "operation" and command.process.returncode == -signal.SIGKILL
                if hit:
                    self._count("kills -9 of a driver at a file operation")
                else:
                    history[-1] += " (too late)"
                    if command.process.returncode != 0:
                        said = command.end()
                        code = command.process.returncode
                        self.findings.add(f"undisturbed `{words[0]}` ends with {code}", said)
                self._left(command, example)
                return not hit and command.process.returncode == 0
            if kind == "operation":
                self.findings.add("a sweep hangs", f"{example}: {command.end()}")
                return False
            allowed, ends_at_once = self._strike(command, kind)
            if allowed is None:
                history[-1] += " (nothing there)"
                allowed, ends_at_once = {0}, False
            if not command.wait(self.linger if ends_at_once else self.end):
                self.findings.add(f"a sweep hangs after {kind}", f"{example}: {command.end()}")
                return False
            code = command.process.returncode
            self._left(command, example)
            said = command.end()
            if code == 2 and kind in DAEMONS and "cannot start Ray" in said:
                allowed = {2}  # it was killed while Ray started
            if code not in allowed:
                self.findings.add(f"exit code {code} after {kind}", f"{example}: {said}")
            # one that is told to end before it has begun has nothing to go on with
            told = "ibsweep resume" in said or (code == 130 and "ibsweep: interrupted" in said)
            if code in (1, 130) and not told:
                self.findings.add(f"no word on how to go on after {kind}", f"{example}: {said}")
            if "Traceback" in said or "unexpected " in said:
                self.findings.add(f"a traceback after {kind}", f"{example}: {said}")
            return code == 0
        finally:
            command.end() if not command.process.stdout.closed else None

    def _strike(self, command: Command, kind: str) -> tuple[set[int] | None, bool]:
        """Disturb a command now.

        Returns:
            The exit codes with which it may end, None if there was nothing to disturb; and whether
            it has to end at once.
        """
        driver = command.process
        if kind == "tree":
            command.signal_all(signal.SIGKILL)
            self._count("kills -9 of the whole tree")
            return {-signal.SIGKILL}, True
        if kind == "driver":
            driver.kill()
            self._count("kills -9 of the driver")
            return {-signal.SIGKILL}, True
        if kind.startswith("SIGSTOP"):
            whole = kind.endswith("all")
            for sent, pause in ((signal.SIGSTOP, self.draws.uniform(0.5, 6)), (signal.SIGCONT, 0)):
                command.signal_all(sent) if whole else os.kill(driver.pid, sent)
                time.sleep(pause)
            self._count(f"{kind} and SIGCONT")
            return {0}, False
        if kind.startswith("SIG"):
            sent = signal.Signals[kind.split()[0]]
            command.signal_all(sent) if kind.endswith("all") else os.kill(driver.pid, sent)
            self._count(kind)
            # before the command has come to its handlers, a signal does what it does by default
            return {0, 1, 130, -sent}, True
        found = command.daemons(kind)
        if not found:
            return None, False
        victim = self.draws.choice(found)
        victim.kill()
        self._count(f"kills -9 of a {kind}")
        return {0, 1}, False

    def _left(self, command: Command, example: str) -> None:
        if left := command.leftovers(self.linger):
            kind = f"processes are left after {self.linger:.0f} s"
            self.findings.add(kind, f"{left}: {example}")

    def _count(self, what: str) -> None:
        self.done += 1
        chaos.tally[what] += 1
        chaos.note(f"{self.done} {what}")

    def complete(self, root: Path, example: str) -> None:
        """Check that a sweep has all that an undisturbed one has."""
        chaos.tally["disturbed sweeps that came to their end"] += 1
        try:
            now = figures(root)
        except Exception as error:  # noqa: BLE001
            self.findings.add(f"{type(error).__name__} in what is left: {error}", example)
            return
        for name, right in self.right.items():
            if now[name] != right:
                self.findings.add(f"{name} is not what it is without disturbance", example)
        store = SweepStore(root)
        numbers = sorted(row.trial for row in store.trials())
        if numbers != list(range(TRIALS)):
            self.findings.add("not every trial is there once", f"{numbers} of {example}")
        if not store.paths.study.exists():
            self.findings.add("there is no study.log", example)
        if store.paths.tune.exists():
            self.findings.add("Ray Tune's files are left", example)
        check = start(self.folder, "check", root.name)
        out, err = check.communicate(timeout=self.end)
        if check.returncode != 0:
            self.findings.add("`check` is not content", f"{out} {err}: {example}")


def test_sweeps_that_are_killed_stopped_and_interrupted(tmp_path, stored, findings):
    questions.write_question(tmp_path, question(), "tiny.yaml")
    right = figures(stored / "s-seed10")
    began = time.monotonic()
    first = Command(tmp_path, "tune", "tiny.yaml", "--name", "undisturbed", *GRID)
    first.wait(10 * _END)
    seconds = time.monotonic() - began
    said = first.end()
    assert first.process.returncode == 0, said
    assert figures(tmp_path / "results" / "undisturbed") == right
    draws, over = random.Random(f"kills {chaos.seed()}"), chaos.clock()
    disturbed = Disturbed(tmp_path, findings, draws, right, seconds)
    wanted = chaos.count("kills")
    while disturbed.done < wanted and disturbed.sweeps < 2 * wanted and not over():
        disturbed.sweep(min(8, wanted - disturbed.done))
    findings.check()
