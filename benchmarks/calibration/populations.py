"""Populations: configurations trained with so many replicates that their true figures are known.

A sweep's claims are held against the truth by replaying whole sweeps on them: see ``replay``. They
are trained once, within about an hour, and kept in a file each; those of this folder were.

The configurations are those that a sweep meets. The library's own proposer draws them: the arm's
baseline, then about ten at random, then what Optuna's TPE makes of the figures so far. These are
of the first four replicates, pruned by ASHA as in a sweep by default. Every configuration is
trained to its end all the same.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.search import Member, search
from ibsweep.questions.files import find_arms
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Proposal
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

__all__ = ["FOLDER", "SIZES", "Population", "build", "read"]

FOLDER = Path(__file__).parent / "populations"
"""The populations that come with the benchmark."""

SIZES = {"q2_cnn": (50, 48), "q7_wider": (50, 24)}
"""Configurations, and replicates of each, by arm: the first has runs that fail, the other none."""

_FIRST_SEED = 3_000_000_000
"""Beyond those that sweeps of older formats count up to; to meet one of another sweep by chance is
next to impossible."""


class Population(NamedTuple):
    """An arm's configurations, the baseline first.

    Attributes:
        question: Of the arm.
        arm: The arm.
        manifest: The sweep that they are drawn by.
        members: The configurations with their figures.
    """

    question: Question
    arm: Arm
    manifest: Manifest
    members: tuple[Member, ...]


def read(arm: str, folder: Path = FOLDER) -> Population:
    """Return a population as far as it was built.

    Args:
        arm: Name of the arm.
        folder: Where it is kept.
    """
    (found,) = find_arms(arm)
    manifest = make_manifest(
        f"population-{arm}", found.question, found.arm, SweepOptions(seed=10), ["benchmarks"]
    )
    path = _path(arm, folder)
    lines = gzip.decompress(path.read_bytes()).decode().splitlines() if path.exists() else []
    members = tuple(_unpacked(json.loads(line)) for line in lines)
    return Population(found.question, found.arm, manifest, members)


def build(
    arm: str,
    configurations: int,
    replicates: int,
    folder: Path = FOLDER,
    tell: Callable[[str], None] = print,
) -> Population:
    """Train what is missing of a population, and write every configuration as it is finished.

    Where it was interrupted makes no difference to what is trained.

    Args:
        arm: Name of the arm.
        configurations: Number of configurations.
        replicates: Replicates of each.
        folder: Where to keep it.
        tell: Called with a line for every configuration.

    Returns:
        The population, whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    population = read(arm, folder)
    while len(population.members) < configurations:
        proposal = _proposal(population)
        member = _trained(population, proposal, replicates)
        with _path(arm, folder).open("ab") as file:  # compressed parts may follow one another
            line = json.dumps(_packed(member), separators=(",", ":")) + "\n"
            file.write(gzip.compress(line.encode(), mtime=0))
        population = population._replace(members=(*population.members, member))
        tell(
            f"{arm} {proposal.trial}: {member.test.mean():.1f} % in {member.seconds:.0f} s, "
            f"lowest {np.sort(member.test)[:4].round(1)}"
        )
    return population


def _path(arm: str, folder: Path) -> Path:
    return folder / f"{arm}.jsonl.gz"


def _proposal(population: Population) -> Proposal:
    """Return the next configuration that a sweep would try after those that there are."""
    from ibsweep.sweep.proposals import Proposer

    question, arm, manifest, members = population
    first = np.arange(manifest.replicates)
    trials = search(members, range(len(members)), first, manifest, question.objective)
    made = [Proposal(trial=row.trial, origin=row.origin, config=row.config) for row in trials]
    proposed = Proposer(arm, question.objective, manifest, made, trials).propose()
    assert proposed is not None, "the search space is not used up"
    return proposed[0]


def _trained(population: Population, proposal: Proposal, replicates: int) -> Member:
    from ibsweep.sweep.plans import trial_plan
    from ibsweep.trial.device import configure_device
    from ibsweep.trial.run import start_run

    question, arm, manifest, _ = population
    plan = trial_plan(
        manifest,
        question,
        arm,
        trial=proposal.trial,
        config=proposal.config,
        train_size=arm.train_size,
        seeds=range(_FIRST_SEED, _FIRST_SEED + replicates),
        rungs=manifest.pruner["rungs"],
    )
    started = time.perf_counter()
    run = start_run(plan, configure_device({"CPU": 1}))
    curves = [run.advance()]
    while not run.finished:
        curves.append(run.advance())
    confusion = run.score("test").confusion
    assert confusion is not None, "populations are of classes"
    last = curves[-1].replicates

    def figures(name: str, curve: Any) -> NDArray[np.float64]:
        # a loss that is not a number loses every tie
        return np.array([np.inf if r.valid[name] is None else r.valid[name] for r in curve])

    return Member(
        proposal.origin,
        dict(proposal.config),
        time.perf_counter() - started,
        tuple(curve.epoch for curve in curves),
        np.array([figures(question.objective.metric, curve.replicates) for curve in curves]),
        figures("loss", last),
        confusion.cpu().numpy().astype(int),
        np.array([r.diverged_epoch or 0 for r in last]),
    )


def _packed(member: Member) -> dict[str, Any]:
    """Return a configuration as short JSON: accuracies and losses to four decimals."""
    return {
        "origin": member.origin,
        "config": member.config,
        "seconds": round(member.seconds, 1),
        "epochs": member.epochs,
        "valid": member.valid.round(4).tolist(),
        "valid_loss": [float(f"{v:.4g}") if np.isfinite(v) else None for v in member.valid_loss],
        "test_confusion": member.test_confusion.tolist(),
        "diverged_epoch": member.diverged_epoch.tolist(),
    }


def _unpacked(line: dict[str, Any]) -> Member:
    losses: Sequence[float | None] = line["valid_loss"]
    return Member(
        line["origin"],
        line["config"],
        line["seconds"],
        tuple(line["epochs"]),
        np.array(line["valid"]),
        np.array([np.inf if loss is None else loss for loss in losses]),
        np.array(line["test_confusion"]),
        np.array(line["diverged_epoch"]),
    )
