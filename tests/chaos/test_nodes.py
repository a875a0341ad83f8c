"""A cluster of three nodes that are killed, replaced and come again while a sweep runs on it."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from contextlib import suppress
from typing import NamedTuple

import chaos
import psutil
import pytest
import questions
from clusters import environment
from sweeps_run import BUDGET

from ibsweep.questions.files import question_from_manifest
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.plans import trial_plan
from ibsweep.trial.run import start_run

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(7200)]

_EPOCHS = 40

_WORTH = range(3, _EPOCHS - 10)
"""Epochs of a checkpoint from which a trial has to go on when its node is lost then."""

CODE = '''\
"""A loop that waits more than it computes; every other trial keeps checkpoints."""

import os
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

PAUSE = float(os.environ.get("CHAOS_PAUSE", "0.1"))
MARKS = Path(os.environ["CHAOS_MARKS"])


def slow(config, data, seed, report):
    x, y = data.train.x.flatten(1), data.train.y
    model = nn.Linear(x.shape[1], data.outputs)
    with torch.no_grad():
        for values in model.parameters():
            values.copy_(torch.linspace(-0.1, 0.1, values.numel()).reshape(values.shape))
            values.add_(torch.rand(values.shape) * 0.01)
    first = 1
    if (saved := report.restore()) is not None:
        model.load_state_dict(torch.load(saved / "model.pt", weights_only=True))
        first = report.epoch + 1
        print(f"restored seed {seed} after epoch {report.epoch}")
    for epoch in range(first, config["epochs"] + 1):
        time.sleep(PAUSE)
        loss = nn.functional.cross_entropy(model(x), y)
        loss = loss + 0.01 * torch.rand(()) * sum(v.square().sum() for v in model.parameters())
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for values in model.parameters():
                values -= config["lr"] * values.grad
        report(epoch, predict=lambda inputs: model(inputs.flatten(1)))
        if config["keeps"]:
            with tempfile.TemporaryDirectory() as folder:
                torch.save(model.state_dict(), Path(folder) / "model.pt")
                report.checkpoint(folder)
            new = MARKS / f"new-{os.getpid()}"
            new.write_text(f"{config['lr']} {seed} {epoch}")
            new.replace(MARKS / str(os.getpid()))
    (MARKS / str(os.getpid())).unlink(missing_ok=True)
'''


def write_question(folder):
    arm = {
        "title": "a slow loop",
        "train": "slow.py:slow",
        "train_size": 10,
        "fixed": {"epochs": _EPOCHS},
        "space": {
            "lr": {"type": "float", "low": 0.01, "high": 0.4, "step": 0.01},
            "keeps": {"type": "categorical", "choices": [True, False]},
        },
    }
    (folder / "slow.py").write_text(CODE)
    return questions.write_question(folder, questions.question_mapping(arms={"loop": arm}))


def reference(store, numbers):
    """Train trials of a sweep here, undisturbed; return their replicates by number."""
    manifest = store.manifest
    question = question_from_manifest(manifest.question, store.paths.manifest)
    found = {}
    for row in store.trials():
        if row.trial in numbers:
            plan = trial_plan(
                manifest,
                question,
                question.arms[manifest.arm],
                trial=row.trial,
                config=row.config,
                train_size=10,
                seeds=manifest.replicate_seeds,
                rungs=manifest.pruner["rungs"],
            )
            run = start_run(plan)
            found[row.trial] = run.complete().replicates
            run.close()
    return found


class Mark(NamedTuple):
    """A checkpoint of a replicate that trains now."""

    lr: float
    seed: int
    epoch: int


class Disturber:
    """Kills nodes of a cluster and brings others, while a command runs.

    Args:
        cluster: The cluster.
        draws: Draws what happens, and when.
        marks: Where trials with checkpoints say how far they are.
    """

    def __init__(self, cluster, draws, marks):
        self.cluster, self.draws, self.marks = cluster, draws, marks
        self.nodes = []
        while len(self.nodes) < 3:
            self.add()
        self.lost = []
        """What the trials whose nodes are lost have to go on from."""

    def once(self, process, *, checkpoint):
        """Lose a node on which something trains; another comes before, after or much later.

        Args:
            process: The command.
            checkpoint: Whether it is to be one with a checkpoint.

        Returns:
            Whether one was lost; not if the command has ended.
        """
        draws = self.draws
        time.sleep(draws.uniform(0, 3))
        kind = draws.choice(("first another", "then another", "later another", "with its workers"))
        if kind == "first another":
            self.add()
        deadline = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            busy = [(node, mark) for node in self.nodes for mark in self.training(node)]
            worth = [one for one in busy if one[1] or not checkpoint]
            if worth:
                break
            time.sleep(0.05)
        else:
            return False
        victim, mark = draws.choice(worth)
        if kind == "with its workers":
            for worker in workers(victim):
                worker.kill()
        self.nodes.remove(victim)
        self.cluster.remove_node(victim, allow_graceful=False)
        if mark:
            self.lost.append(mark)
        what = f"nodes lost ({kind}{', with a checkpoint' if mark else ''})"
        chaos.tally[what] += 1
        chaos.note(f"{what} {mark or ''}")
        if kind == "later another":
            time.sleep(draws.uniform(3, 10))
        while len(self.nodes) < 3:
            self.add()
        return True

    def add(self):
        """Add a node; three times if need be, since Ray gives up early on a busy machine."""
        for left in (2, 1, 0):
            try:
                self.nodes.append(self.cluster.add_node(num_cpus=1))
                return
            except Exception:
                if not left:
                    raise

    def training(self, node):
        """Return for each of a node's workers that train how far its checkpoint is, or None."""
        found = []
        for worker in workers(node):
            mark = None
            with suppress(OSError):
                lr, seed, epoch = (self.marks / str(worker.pid)).read_text().split()
                if int(epoch) in _WORTH:
                    mark = Mark(float(lr), int(seed), int(epoch))
            found.append(mark)
        return found


def workers(node):
    """Return the workers of a node that train now."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(raylet.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "Trainable.train" in " ".join(process.cmdline()):
                    found.append(process)
    return found


# of a node that could not be started Ray drops the processes without waiting for them
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nodes_that_are_lost_added_and_rejoin(tmp_path, cluster, findings, monkeypatch):
    draws = random.Random(f"nodes {chaos.seed()}")
    wanted, killed = chaos.count("nodes"), 0
    path = write_question(tmp_path)
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv("CHAOS_MARKS", str(marks))
    disturber = Disturber(cluster, draws, marks)
    results, over = tmp_path / "results", chaos.clock()
    for sweep in range(3 * wanted):
        if killed >= wanted or over():
            break
        here = min(wanted - killed, 10)
        trials = 4 + 3 * here
        name = f"s{sweep}"
        words = ["tune", str(path), "--name", name, "--address", cluster.address, "--json"]
        words += ["--sampler", "grid", "--seed", "10", "--trials", str(trials), *BUDGET]
        process = subprocess.Popen(
            [sys.executable, "-m", "ibsweep", *words, "--results", str(results)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**environment(), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        try:
            done = 0
            disturber.lost.clear()
            # two of three with a checkpoint
            while done < here and disturber.once(process, checkpoint=(killed + done) % 3 < 2):
                done += 1
            killed += done
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            findings.add("a sweep hangs", f"{name} after {done} nodes were lost")
            process.kill()
            _, err = process.communicate()
            findings.add("what it said", err[-1500:])
            continue
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
        example = f"{name}, {trials} trials, {done} nodes lost, CHAOS_SEED={chaos.seed()}"
        if process.returncode != 0:
            findings.add(f"a sweep ends with {process.returncode}", f"{example}: {err[-1500:]}")
            continue
        try:
            told = json.loads(out)["sweeps"][0]["trials"]
        except ValueError:
            findings.add(
                "a sweep ends well without its document", f"{example}: {out!r} {err[-800:]}"
            )
            told = None
        if told is not None and told != {"complete": trials, "pruned": 0, "failed": 0}:
            findings.add("not all trials are complete", f"{told} of {example}: {err[-1500:]}")
        store = SweepStore(results / name)
        check(store, trials, findings, monkeypatch, example)
        check_restored(store, disturber.lost, findings, example)
    if killed < wanted:
        findings.add("too few nodes could be killed", f"{killed} of {wanted}")
    findings.check()


def check(store, trials, findings, monkeypatch, example):
    """Compare what was disturbed with what is trained undisturbed."""
    rows = {row.trial: row for row in store.trials()}
    if sorted(rows) != list(range(trials)) or len(store.trials()) != trials:
        findings.add("not every trial is there once", f"{sorted(rows)} of {example}")
    if any(row.state != TrialState.COMPLETE for row in rows.values()):
        findings.add("trials failed", example)
    lost = {number for number, row in rows.items() if row.lost}
    chaos.tally["trials that were tried again"] += len(lost)
    with monkeypatch.context() as patch:
        patch.setenv("CHAOS_PAUSE", "0")
        right = reference(store, lost | {0, trials - 1})
    for number, replicates in right.items():
        chaos.tally["trials compared with undisturbed ones"] += 1
        if rows[number].replicates != replicates:
            findings.add("figures differ from undisturbed ones", f"trial {number} of {example}")


def check_restored(store, lost, findings, example):
    """See that trials went on from the checkpoints that they had when their nodes were lost."""
    trials = {row.config["lr"]: row.trial for row in store.trials() if row.config["keeps"]}
    for mark in lost:
        log = store.paths.log(trials[mark.lr])
        text = log.read_text() if log.exists() else ""
        epochs = re.findall(rf"restored seed {mark.seed} after epoch (\d+)", text)
        if any(int(epoch) >= mark.epoch for epoch in epochs):
            chaos.tally["replicates that went on from a checkpoint"] += 1
        else:
            findings.add(
                "a trial did not go on from its checkpoint", f"{mark} of {example}: {text}"
            )
