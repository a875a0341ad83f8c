"""Which sampler finds more within how many trials: whole sweeps, paired by their seeds.

Sweeps of one seed share the replicates that they train with, and so are compared in pairs. What
each came to is scored on fresh replicates and held-out examples, as every sweep's choice is: the
best of what a search saw is too good by as much as it searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.sweeps import narrowed
from ibsweep.analysis.best_file import read_best
from ibsweep.cluster.session import ray_session
from ibsweep.questions.files import load_all
from ibsweep.questions.schema import Arm, Objective, Question
from ibsweep.results.records import Trial, TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.runner import run_sweep

__all__ = ["AFTER", "ARMS", "WAYS", "Row", "compared", "renew", "save"]

ARMS = ("q2_cnn", "q2_mlp")
"""One of which a run in three fails, and one in which none does; SGD alone, so that every sampler
can search the same space."""

AFTER = (10, 20, 40)
"""Trials after which the best so far is looked at; the last is each sweep's budget."""

WAYS: Mapping[str, Mapping[str, Any]] = {
    "random": {"sampler": "random", "pruner": "none"},
    "tpe": {"sampler": "tpe", "pruner": "none"},
    "gp": {"sampler": "gp", "pruner": "none"},
    "cmaes": {"sampler": "cmaes", "pruner": "none"},
    "qmc": {"sampler": "qmc", "pruner": "none"},
    "random, asha": {"sampler": "random", "pruner": "asha"},
    "tpe, asha": {"sampler": "tpe", "pruner": "asha"},
    "gp, asha": {"sampler": "gp", "pruner": "asha"},
    "cmaes, asha": {"sampler": "cmaes", "pruner": "asha"},
    "tpe, asha, --from": {"sampler": "tpe", "pruner": "asha"},
}
"""Flags of each kind of sweep. The last begins with the trials of the next seed's ``tpe, asha``,
whose replicates are others."""

_OPPONENT = "random"
BEGIN, END = "<!-- measured: python -m benchmarks search --save docs -->", "<!-- end -->"


class Row(NamedTuple):
    """What one sweep came to.

    Attributes:
        arm: Name of the arm.
        way: Key of ``WAYS``.
        seed: Of sampler and replicates.
        best: The best validation figure after each number of ``AFTER``.
        model_epochs: Epochs over all replicates, after each of them.
        confirmed: Mean test figure of what it chose, on fresh replicates.
        failing: Share of these that fail.
    """

    arm: str
    way: str
    seed: int
    best: tuple[float, ...]
    model_epochs: tuple[int, ...]
    confirmed: float
    failing: float


def compared(folder: Path, seeds: Sequence[int]) -> Iterator[Row]:
    """Run the sweeps, and yield what each came to.

    Args:
        folder: Where they are kept; those that are there already are not run again, and one that
            was interrupted goes on.
        seeds: Of the sweeps of every arm and way.
    """
    with ray_session(None):
        for name in ARMS:
            question = load_all()[name.partition("_")[0]]
            arm = question.arms[name]
            tuned = set(arm.space) - {"optimizer", "beta1"}
            question, arm = narrowed(question, arm, tuned, {"optimizer": "sgd"})
            for way in WAYS:  # --from needs the sweeps before it
                for place, seed in enumerate(seeds):
                    earlier: list[str] = []
                    if way.endswith("--from"):
                        after = seeds[(place + 1) % len(seeds)]
                        earlier = [_sweep_name(name, way.removesuffix(", --from"), after)]
                    store = _store(folder, question, arm, way, seed, earlier)
                    run_sweep(store)
                    yield _row(store, question.objective, way)


def _sweep_name(arm: str, way: str, seed: int) -> str:
    return f"{arm}-{way.replace(', ', '-').replace('--', '-')}-{seed}"


def _store(
    folder: Path, question: Question, arm: Arm, way: str, seed: int, earlier: Sequence[str]
) -> SweepStore:
    name = _sweep_name(arm.name, way, seed)
    if (folder / name / "manifest.json").exists():
        return SweepStore(folder / name)
    options = SweepOptions(
        trials=AFTER[-1], confirm=1, choice_replicates=1, seed=seed, earlier=earlier, **WAYS[way]
    )
    manifest = make_manifest(name, question, arm, options, ["benchmarks"], results=folder)
    return SweepStore.create(folder, manifest)


def _row(store: SweepStore, objective: Objective, way: str) -> Row:
    trials = store.trials()  # as they finished
    fresh = [row for row in store.confirmations() if row.purpose == "score"]
    best = read_best(store.paths.best_config)
    if isinstance(best, str):
        raise RuntimeError(f"{store.paths.best_config} {best}")
    mine = [row for row in fresh if row.trial == best["trial"]]
    figures = [row.figure(objective.test) for row in mine]
    return Row(
        store.manifest.arm,
        way,
        store.manifest.seed,
        tuple(_best(trials[:count], objective) for count in AFTER),
        tuple(sum(row.model_epochs for row in trials[:count]) for count in AFTER),
        float(np.mean([figure for figure in figures if figure is not None])),
        float(np.mean([not row.trains for row in mine])),
    )


def _complete(row: Trial) -> bool:
    return row.state == TrialState.COMPLETE


def _best(trials: Sequence[Trial], objective: Objective) -> float:
    """Return the best figure of those that were trained to their end."""
    found = [row.figure(objective.valid) for row in trials if _complete(row)]
    known = [objective.sign * value for value in found if value is not None]
    return objective.sign * max(known) if known else objective.worst


def _table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return a row an arm and way: medians over seeds, and paired differences from random."""
    found = []
    for arm in dict.fromkeys(row.arm for row in rows):
        mine = {(row.way, row.seed): row for row in rows if row.arm == arm}
        for way in WAYS:
            seeds = [seed for one, seed in mine if one == way and (_OPPONENT, seed) in mine]
            if not seeds:
                continue
            pairs = [(mine[way, seed], mine[_OPPONENT, seed]) for seed in seeds]
            line: dict[str, Any] = {"arm": arm, "sweeps": way, "seeds": len(seeds)}
            for place, count in enumerate(AFTER):
                line[f"best after {count}"] = f"{np.median([a.best[place] for a, _ in pairs]):.1f}"
            more = [a.best[-1] - b.best[-1] for a, b in pairs]
            line[f"than random, after {AFTER[-1]}"] = _interval(more) if way != _OPPONENT else ""
            line["confirmed"] = f"{np.mean([a.confirmed for a, _ in pairs]):.1f}"
            more = [a.confirmed - b.confirmed for a, b in pairs]
            line["than random, confirmed"] = _interval(more) if way != _OPPONENT else ""
            line["runs that fail"] = f"{100 * np.mean([a.failing for a, _ in pairs]):.0f} %"
            line["model-epochs"] = f"{np.median([a.model_epochs[-1] for a, _ in pairs]):,.0f}"
            found.append(line)
    return pd.DataFrame(found)


def _interval(differences: Sequence[float]) -> str:
    """Return a mean difference with its 95 % interval over seeds, by the bootstrap."""
    draws = np.random.default_rng(0).choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.percentile(draws, (2.5, 97.5))
    return f"{np.mean(differences):+.1f} [{low:+.1f}, {high:+.1f}]"


def renew(text: str, rows: Sequence[Row]) -> str:
    """Return a page with the table in place of what stands between its two marks."""
    head, _, rest = text.partition(BEGIN)
    table = _table(rows)
    lines = [f"| {' | '.join(table.columns)} |", f"| {' | '.join(['---'] * table.shape[1])} |"]
    lines += [f"| {' | '.join(map(str, line))} |" for line in table.itertuples(index=False)]
    return (
        f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{rest.partition(END)[2] or chr(10)}"
    )


def save(folder: Path, rows: Sequence[Row]) -> None:
    """Write ``search.json`` and renew the table of ``search.md``."""
    (folder / "search.json").write_text(
        json.dumps([row._asdict() for row in rows], indent=1) + "\n", "utf-8"
    )
    page = folder / "search.md"
    page.write_text(renew(page.read_text("utf-8") if page.exists() else "", rows), "utf-8")
