"""Commands that write without Ray, each in a fork that is killed at one of its file operations.

Run as a program: what they import is imported once, and a kill costs a tenth of a second. It
prints a JSON document with counts and findings.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import fault_points
from sweeps_run import SWEEPS

from ibsweep.analysis.load import load
from ibsweep.cli import run
from ibsweep.results.journal import replace_file
from ibsweep.results.repair import repair
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore

JOURNALS = ("proposals.jsonl", "trials.jsonl", "curves.jsonl", "confirmations.jsonl")
RECORDS = (*JOURNALS, "best.yaml", "best.pt")


class Killed:
    """Runs writers in forks, over and over until one comes to its end.

    Args:
        stored: Results that are finished.
        folder: Where to work.
        draws: Draws what happens.
    """

    def __init__(self, stored: Path, folder: Path, draws: random.Random) -> None:
        self.stored, self.folder, self.draws = stored, folder, draws
        self.counts: Counter[str] = Counter()
        self.found: list[tuple[str, str]] = []

    def until_done(
        self, what: str, write: Callable[[], int], check: Callable[[str], None], most: int
    ) -> None:
        """Kill a writer at operation after operation, checking after each, until it is done.

        Args:
            what: It, in words.
            write: Writes, and returns an exit code.
            check: Called with an example after every kill.
            most: About how many operations it takes.
        """
        for attempt in range(40):
            at = self.draws.randint(1, most) if attempt < 39 else 10**9
            status, said = self._fork(write, at)
            example = f"{what}, killed at operation {at} of {self.folder}"
            if status == -signal.SIGKILL:
                self.counts[f"kills -9 of {what}"] += 1
                check(example)
            elif status == 0:
                check(f"{what}, to its end")
                return
            else:
                self.found.append(
                    (f"{what} ends with {status} after a kill", f"{example}: {said}")
                )
                return

    def _fork(self, write: Callable[[], int], at: int) -> tuple[int, str]:
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    os.dup2(said.fileno(), 2)
                    fault_points.arm(str(self.folder), at)
                    with contextlib.redirect_stdout(io.StringIO()):
                        code = write()
                except BaseException:  # noqa: BLE001
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            _, status = os.waitpid(child, 0)
            said.seek(0)
            return os.waitstatus_to_exitcode(status), said.read().decode()[-1500:]

    def sweep(self) -> None:
        """What a sweep writes, row by row."""
        name = self.draws.choice(SWEEPS)
        source, results = SweepStore(self.stored / name), self.folder / "results"
        root = results / name
        kept: dict[str, list[bytes]] = {}

        def write() -> int:
            there = (root / "manifest.json").exists()
            store = SweepStore(root) if there else SweepStore.create(results, source.manifest)
            with store.lock():
                repair(store)
                proposed = {row.trial for row in store.proposals()}
                for row in source.proposals():
                    if row.trial not in proposed:
                        store.add_proposal(row)
                done = {row.trial for row in store.trials()}
                for row in source.trials():
                    if row.trial not in done:
                        curves = [one for one in source.curves() if one.trial == row.trial]
                        store.add_trial(row, curves)
                have = {(r.purpose, r.trial, r.train_size) for r in store.confirmations()}
                sets: dict[tuple[object, ...], list[object]] = {}
                for row in source.confirmations():
                    sets.setdefault((row.purpose, row.trial, row.train_size), []).append(row)
                for key, rows in sets.items():
                    if key not in have:
                        store.add_confirmations(rows)
                for file in ("best.pt", "best.yaml"):
                    replace_file(root / file, (self.stored / name / file).read_bytes())
            return 0

        def check(example: str) -> None:
            if root.exists() and not (root / "manifest.json").exists():
                if any((root / file).exists() for file in RECORDS):
                    self.found.append(("records without a manifest", example))
                shutil.rmtree(root)  # as the command says: nobody needs it
            for file in ("trials.jsonl", "proposals.jsonl"):
                now = _whole_lines(root / file)
                if now[: len(kept.get(file, []))] != kept.get(file, []):
                    self.found.append((f"{file} lost or changed a line", example))
                kept[file] = now

        self.until_done("a sweep's records", write, check, 150)
        self.same(root, self.stored / name, "a sweep's records")

    def same(self, root: Path, right: Path, what: str) -> None:
        """Check that a sweep has what another has."""
        for file in RECORDS:
            with contextlib.suppress(FileNotFoundError):
                own = (root / file).read_bytes()
                if own != (right / file).read_bytes():
                    self.found.append((f"{file} differs after kills of {what}", str(root)))
                continue
            self.found.append((f"{file} is missing after kills of {what}", str(root)))

    def command(self, *words: str) -> int:
        """Run a command on the copy."""
        return run([*words, "--results", str(self.folder / "results")])

    def resume(self) -> None:
        """Resuming what is finished, with what an earlier kill left."""
        name = self.draws.choice(SWEEPS)
        root = self.folder / "results" / name
        shutil.copytree(self.stored, root.parent)
        with (root / self.draws.choice(JOURNALS)).open("ab") as file:
            file.write(b'{"trial": 1, "orig')
        if self.draws.random() < 0.5:
            (root / "study.log").unlink()

        def check(example: str) -> None:
            self.tails(root, self.stored / name, example)

        self.until_done("`resume`", lambda: self.command("resume", name), check, 60)
        self.same(root, self.stored / name, "`resume`")
        if not (root / "study.log").exists():
            self.found.append(("no study.log after `resume`", str(root)))

    def tails(self, root: Path, right: Path, example: str) -> None:
        """Check that every journal begins with all the lines it had."""
        for file in JOURNALS:
            had = _whole_lines(right / file)
            if _whole_lines(root / file)[: len(had)] != had:
                self.found.append((f"{file} lost or changed a line", example))

    def report(self) -> None:
        """Pages, which are whole or not there."""
        pages = self.folder / "pages"
        shutil.copytree(self.stored, self.folder / "results")

        def check(example: str) -> None:
            for page in pages.glob("*.html"):
                if not page.read_text("utf-8").rstrip().endswith("</html>"):
                    self.found.append(("half a page", f"{page.name}: {example}"))

        self.until_done("`report`", lambda: self.command("report", "--out", str(pages)), check, 30)
        if not any(pages.glob("*.html")):
            self.found.append(("no pages after `report`", str(pages)))
        for name in SWEEPS:
            self.same(self.folder / "results" / name, self.stored / name, "`report`")

    def check(self) -> None:
        """`check` of results that a kill left behind."""
        shutil.copytree(self.stored, self.folder / "results")

        def unchanged(example: str) -> None:
            for name in SWEEPS:
                self.tails(self.folder / "results" / name, self.stored / name, example)

        self.until_done("`check`", lambda: self.command("check", "all"), unchanged, 10)

    def replications(self) -> None:
        """Rows beside the sweeps."""
        rows = ReplicationStore(self.stored).rows()
        path = self.folder / "results" / "replications.jsonl"
        kept: list[bytes] = []

        def write() -> int:
            store = ReplicationStore(path.parent)
            with store.open():
                there = {row.seed for row in store.rows()}
                for row in rows:
                    if row.seed not in there:
                        store.add([row])
            return 0

        def check(example: str) -> None:
            now = _whole_lines(path)
            if now[: len(kept)] != kept:
                self.found.append(("replications.jsonl lost or changed a line", example))
            kept[:] = now

        self.until_done("replications", write, check, 40)
        if path.read_bytes() != (self.stored / path.name).read_bytes():
            self.found.append(("replications.jsonl differs after kills", str(path)))


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def main(stored: str, seed: str, count: str) -> None:
    """Kill so many writers, and print what came of it."""
    draws = random.Random(seed)
    load(stored).best()
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        run(["report", "--results", stored, "--out", folder])  # imports what they all need
    counts: Counter[str] = Counter()
    found: list[tuple[str, str]] = []
    kinds = ("sweep", "sweep", "sweep", "resume", "resume", "report", "check", "replications")
    while counts.total() < int(count) and len(found) < 50:
        with tempfile.TemporaryDirectory() as folder:
            killed = Killed(Path(stored), Path(folder), draws)
            kind = draws.choice(kinds)
            try:
                getattr(killed, kind)()
            except Exception:  # noqa: BLE001
                found.append((f"{kind} cannot be checked", traceback.format_exc()[-1500:]))
            counts += killed.counts
            found += killed.found
    json.dump({"counts": counts, "found": found}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
