"""A question so small that a sweep over it takes seconds, and the rows of such a sweep."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import cycle
from pathlib import Path

import questions
import yaml

from ibsweep.analysis.summary import summarise
from ibsweep.questions.published import PublishedSetting
from ibsweep.questions.schema import Arm, Question
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Curve, Proposal, Replicate, Trial, TrialState
from ibsweep.results.replications import Replication
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

YAML = questions.as_yaml(questions.question_mapping())

BUDGET = ("--replicates", "2", "--confirm", "1", "--choice-replicates", "2")
BUDGET += ("--confirm-replicates", "2", "--pruner", "none")
"""A sweep of few replicates whose trials all run to their end, on the command line."""


def write_question(folder: Path, text: str = YAML, name: str = "tiny.yaml") -> Path:
    """Write a question file and return its path."""
    return questions.write_question(folder, text, name)


@lru_cache
def question() -> Question:
    """Return the question; it is frozen, so all tests can share it."""
    return Question.model_validate(questions.question_mapping())


def arm(**changes: object) -> Arm:
    """Return the arm ``tiny_cnn`` with the given fields replaced, validated again."""
    return Arm.model_validate({**question().arms["tiny_cnn"].model_dump(), **changes})


def manifest(name: str = "tiny", *, arm: Arm | None = None, **options: object) -> Manifest:
    """Return the manifest of a new sweep over ``tiny_cnn``, or over an arm that replaces it."""
    tiny = question()
    if arm is not None:
        tiny = tiny.model_copy(update={"arms": {arm.name: arm}})
    (swept,) = tiny.arms.values()
    chosen = SweepOptions(**{"replicates": 2, **options})
    return make_manifest(name, tiny, swept, chosen, ["tune", "tiny.yaml"])


def add_trial(store: SweepStore, row: Trial, curves: Iterable[Curve] = ()) -> None:
    """Write a finished trial as a sweep does: it was proposed, and has the sweep's own seeds."""
    store.add_proposal(Proposal(trial=row.trial, origin=row.origin, config=row.config))
    store.add_trial(_seeded(store, row), [_seeded(store, curve) for curve in curves])


def _seeded(store: SweepStore, row: Trial | Curve) -> Trial | Curve:
    seeds = store.manifest.replicate_seeds if row.replicates else ()
    found = zip(seeds, cycle(row.replicates), strict=False)
    rows = tuple(one.model_copy(update={"seed": seed}) for seed, one in found)
    return row.model_copy(update={"replicates": rows})


def write_best(store: SweepStore) -> None:
    """Write ``best.yaml`` as a sweep does at its end, with what tells its best."""
    best = summarise(store).best
    document = {
        "sweep": store.manifest.name,
        "trial": best.trial.trial,
        "trials": len(store.trials()),
        "config": best.trial.config,
        "confirmed": {"replicates": len(best.rows)},
    }
    store.paths.best_config.write_text(yaml.safe_dump(document))


def replicate(seed: int = 10, accuracy: float = 50.0, loss: float = 1.0) -> Replicate:
    """Return the figures of one replicate."""
    return Replicate(
        seed=seed,
        valid_accuracy=accuracy,
        valid_loss=loss,
        train_accuracy=accuracy,
        train_loss=loss,
    )


def curve(trial: int, epoch: int, accuracy: float = 50.0, loss: float = 1.0) -> Curve:
    """Return a row of two replicates at one epoch, with these mean accuracy and loss."""
    return Curve(
        trial=trial,
        epoch=epoch,
        replicates=(
            replicate(10, accuracy - 0.5, loss - 0.125),
            replicate(11, accuracy + 0.5, loss + 0.125),
        ),
    )


def trial(
    number: int,
    config: dict[str, object] | None = None,
    *,
    accuracy: float | None = 50.0,
    loss: float | None = 1.0,
    state: TrialState = TrialState.COMPLETE,
    origin: str = "tpe",
    rungs: tuple[tuple[int, float], ...] | None = None,
    reason: str | None = None,
) -> Trial:
    """Return a row of a finished trial; without ``rungs`` it has one, at its last epoch."""
    if state == TrialState.FAIL:
        accuracy = loss = None
    if rungs is None:
        rungs = () if accuracy is None else ((20, accuracy),)
    last = rungs[-1][0] if rungs else 0
    return Trial(
        trial=number,
        origin=origin,
        state=state,
        config=config or {"lr": 0.01, "epochs": 20, "batch_size": 10},
        epochs=last,
        valid_accuracy=accuracy,
        valid_loss=loss,
        rungs=rungs,
        replicates=(
            ()
            if accuracy is None or loss is None
            else curve(number, last, accuracy, loss).replicates
        ),
        seconds=0.5,
        device="cpu",
        node="host",
        reason=reason,
    )


def replication(
    published: PublishedSetting,
    seed: int,
    accuracy: float,
    *,
    train: float = 100.0,
    exact: bool = False,
) -> Replication:
    """Return a row of a published setting, trained with one seed."""
    return Replication(
        question=published.question,
        arm=published.arm,
        setting=published.setting,
        train_size=published.train_size,
        seed=seed,
        exact=exact,
        model=published.model,
        data=published.data,
        settings=published.settings,
        epochs=published.settings["epochs"],
        valid_accuracy=accuracy,
        valid_loss=0.5,
        train_accuracy=train,
        diverged_epoch=None,
        software={"torch": "2.13"},
    )
