"""What one replayed sweep reports of its best configuration, held to the truth of a population."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from benchmarks.calibration.search import Member
from ibsweep.analysis.summary import Confirmed
from ibsweep.analysis.versus import versus
from ibsweep.questions.schema import Objective
from ibsweep.results.records import Confirmation

__all__ = ["Known", "Outcome", "drawn", "known", "outcome"]


class Known(NamedTuple):
    """A configuration of a population, its truth being what all of its replicates come to.

    Attributes:
        rows: A confirmation's row a replicate.
        valid: Mean of the objective on validation examples.
        mean: On test examples.
        rate: Share of the replicates that train.
        trained: Mean on test examples of those; not a number where none does.
    """

    rows: tuple[Confirmation, ...]
    valid: float
    mean: float
    rate: float
    trained: float


def known(member: Member, objective: Objective) -> Known:
    """Return a configuration with its truth."""
    rows = []
    for replicate, (valid, loss, test, confusion, diverged) in enumerate(
        zip(
            member.valid[-1].tolist(),
            member.valid_loss.tolist(),
            member.test.tolist(),
            member.test_confusion.tolist(),
            member.diverged_epoch.tolist(),
            strict=True,
        )
    ):
        row = Confirmation(
            trial=0,
            train_size=0,
            seed=replicate,
            epochs=member.epochs[-1],
            valid={objective.metric: valid, "loss": loss if math.isfinite(loss) else None},
            train={},
            test={objective.metric: test},
            test_confusion=confusion,
            diverged_epoch=diverged or None,
            seconds=0.0,
        )
        rows.append(row.model_copy(update={"trained": row.trains}))
    trains = np.array([row.trains for row in rows])
    return Known(
        tuple(rows),
        float(member.valid[-1].mean()),
        float(member.test.mean()),
        float(trains.mean()),
        float(member.test[trains].mean()) if trains.any() else math.nan,
    )


def drawn(
    one: Known, replicates: Iterable[int], purpose: Literal["choice", "score"] | None
) -> list[Confirmation]:
    """Return a configuration's rows of fresh replicates.

    Args:
        one: The configuration.
        replicates: Indices of the population's; each is a fresh one, how often it may be drawn.
        purpose: As of a row.
    """
    return [
        one.rows[replicate].model_copy(update={"seed": seed, "purpose": purpose})
        for seed, replicate in enumerate(replicates)
    ]


class Outcome(NamedTuple):
    """What a sweep reports, and whether it is so; what does not apply is not a number.

    Attributes:
        mean_error: The mean reported of all fresh runs, less the true one, in points.
        trained_error: The same of the runs that train.
        covers_trained: Whether the 95 % interval of the runs that train holds their true mean.
        covers_rate: Whether that of the rate of runs that train holds the true rate.
        covers_mean: Whether that of the mean of all fresh runs holds the true mean.
        trusted: Whether the library says that the interval of the mean of all can be trusted.
        failures_seen: Whether a run failed.
        worse: Whether the configuration is truly worse than the baseline, in the mean of all.
        called_better: Whether the library says that it is better.
        wrongly: Whether it is called better, and is not.
        regret: By how much the best configuration of the population is better, in points.
    """

    mean_error: float
    trained_error: float
    covers_trained: float
    covers_rate: float
    covers_mean: float
    trusted: float
    failures_seen: float
    worse: float
    called_better: float
    wrongly: float
    regret: float


def outcome(
    all_known: Sequence[Known], best: int, reported: Confirmed, rival: Confirmed
) -> Outcome:
    """Return what a sweep reports.

    Args:
        all_known: The population, the baseline first.
        best: Which was chosen.
        reported: Its runs.
        rival: The baseline's, on the same replicates.
    """
    truth, found, sign = all_known[best], reported.runs, reported.objective.sign
    compared = versus(reported, rival)
    better = best != 0 and compared is not None and compared.leader == 1
    gain = sign * (truth.mean - all_known[0].mean)
    return Outcome(
        mean_error=found.mean.mean - truth.mean,
        trained_error=found.trained.mean - truth.trained,
        covers_trained=_covers(found.trained.low, found.trained.high, truth.trained),
        covers_rate=_covers(found.rate.low, found.rate.high, truth.rate),
        covers_mean=_covers(found.mean.low, found.mean.high, truth.mean),
        trusted=found.trusted,
        failures_seen=found.rate.count < found.rate.runs,
        worse=gain < 0,
        called_better=better,
        wrongly=better and gain <= 0,
        regret=max(sign * (one.mean - truth.mean) for one in all_known),
    )


def _covers(low: float | None, high: float | None, truth: float) -> float:
    if math.isnan(truth) or low is None or high is None:
        return math.nan
    return float(low - 1e-9 <= truth <= high + 1e-9)
