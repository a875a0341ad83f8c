"""A cluster of three nodes that are killed, replaced and come again while a sweep runs on it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress

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

CODE = '''\
"""A loop that waits more than it computes; every other trial keeps checkpoints."""

import os
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

PAUSE = float(os.environ.get("CHAOS_PAUSE", "0.1"))


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
        print("restored after epoch", report.epoch)
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


class Disturber:
    """Kills nodes of a cluster and brings others, while a command runs."""

    def __init__(self, cluster, draws):
        self.cluster, self.draws = cluster, draws
        self.nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]

    def once(self, process):
        """Lose a node on which something trains; another comes before, after or much later."""
        draws = self.draws
        deadline = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            busy = [node for node in self.nodes if training(node)]
            if busy:
                break
            time.sleep(0.1)
        else:
            return False
        time.sleep(draws.uniform(0, 3))
        if process.poll() is not None:
            return False
        kind = draws.choice(("first another", "then another", "later another", "with its workers"))
        victim = draws.choice(busy)
        if kind == "first another":
            self.nodes.append(self.cluster.add_node(num_cpus=1))
        if kind == "with its workers":
            for worker in training(victim):
                worker.kill()
        self.nodes.remove(victim)
        self.cluster.remove_node(victim, allow_graceful=False)
        chaos.tally[f"nodes lost ({kind})"] += 1
        chaos.note(f"a node is lost ({kind})")
        if kind == "later another":
            time.sleep(draws.uniform(3, 10))
        while len(self.nodes) < 3:
            self.nodes.append(self.cluster.add_node(num_cpus=1))
        return True


def training(node):
    """Return the workers of a node that train now."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(raylet.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "Trainable.train" in " ".join(process.cmdline()):
                    found.append(process)
    return found


def test_nodes_that_are_lost_added_and_rejoin(tmp_path, cluster, findings, monkeypatch):
    draws = random.Random(f"nodes {chaos.seed()}")
    wanted, killed = chaos.count("nodes"), 0
    path = write_question(tmp_path)
    disturber = Disturber(cluster, draws)
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
            while done < here and disturber.once(process):
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
        check(SweepStore(results / name), trials, findings, monkeypatch, example)
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
    logs = "".join(log.read_text() for log in store.paths.logs.glob("*"))
    chaos.tally["replicates restored from a checkpoint"] += logs.count("restored after")
    monkeypatch.setenv("CHAOS_PAUSE", "0")
    for number, replicates in reference(store, lost | {0, trials - 1}).items():
        chaos.tally["trials compared with undisturbed ones"] += 1
        if rows[number].replicates != replicates:
            findings.add("figures differ from undisturbed ones", f"trial {number} of {example}")
