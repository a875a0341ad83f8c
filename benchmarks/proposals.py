"""What a proposal costs as a sweep grows, and what resuming one does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ibsweep.questions.files import find_arms
from ibsweep.results.records import Proposal, Trial, TrialState
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

__all__ = ["cost_of_proposals"]

_ALL = 1_000_000
"""More trials than there are: TPE looks at all of them."""


def cost_of_proposals(counts: tuple[int, ...], draws: int = 20) -> Iterator[dict[str, Any]]:
    """Measure TPE on an arm's space with so many finished trials, of figures that are noise.

    Args:
        counts: Numbers of finished trials.
        draws: Proposals to take the mean over.

    Yields:
        ``trials``, ``ms`` of CPU a proposal, ``ms_of_all`` where TPE looks at all trials, and
        ``resume`` in seconds: of building the study anew from the records.
    """
    proposals, rows = _records(max(counts))
    for count in counts:
        costs, resume = [], 0.0
        for looked_at in ("", f":n_observed_trials={_ALL}"):
            began = time.process_time()
            proposer = _proposer(f"tpe{looked_at}", count + draws + 1, proposals, rows, count)
            resume = time.process_time() - began
            proposer.propose()
            began = time.process_time()
            for _ in range(draws):
                proposer.propose()
            costs.append((time.process_time() - began) / draws * 1000)
        yield {"trials": count, "ms": costs[0], "ms_of_all": costs[1], "resume": resume}


def _proposer(
    sampler: str, trials: int, proposals: list[Proposal], rows: list[Trial], count: int
) -> Any:
    from ibsweep.sweep.proposals import Proposer

    (found,) = find_arms("q7_wider")
    question, arm = found.question, found.arm
    options = SweepOptions(sampler=sampler, trials=trials)
    manifest = make_manifest("benchmark", question, arm, options, ["benchmark"])
    return Proposer(arm, question.objective, manifest, proposals[:count], rows[:count])


def _records(count: int) -> tuple[list[Proposal], list[Trial]]:
    proposer = _proposer("random", count, [], [], 0)
    draws, proposals, rows = np.random.default_rng(0), [], []
    for _ in range(count):
        proposal, _ = proposer.propose()
        figure = float(draws.normal(80, 5))
        row = Trial(
            trial=proposal.trial,
            origin=proposal.origin,
            state=TrialState.COMPLETE,
            config=proposal.config,
            epochs=1,
            valid={proposer.columns[0].removeprefix("valid_"): figure},
            rungs=((1, figure),),
            replicates=(),
            seconds=0.0,
            device="cpu",
            node="none",
        )
        proposer.tell(row)
        proposals.append(proposal)
        rows.append(row)
    return proposals, rows
