"""Confirmations written by hand: a question of several arms, and rows of its sweeps as a frame."""

from __future__ import annotations

import pandas as pd
from questions import arm_mapping, claim_mapping, question_mapping

from ibsweep.questions.schema import Question

SEEDS = range(1_000_010, 1_000_018)
IMAGES = (10, 30, 50, 100, 200, 300, 500)


def question(arms=("a", "b"), claims=(), **fields) -> Question:
    """Return a question; ``claims`` are lists of tests, the ids are ``claim_0`` and so on."""
    written = [
        claim_mapping(f"claim_{i}", "So it is said.", *tests) for i, tests in enumerate(claims)
    ]
    return Question.model_validate(
        question_mapping(
            **{
                "efficiency": IMAGES,
                "arms": dict.fromkeys(arms, arm_mapping()),
                "claims": written,
                **fields,
            }
        )
    )


def rows(
    arm,
    test,
    *,
    train_size=10,
    trial=1,
    role="best",
    valid=90.0,
    loss=0.5,
    train=100.0,
    seeds=SEEDS,
    trained=True,
    purpose="score",
    first=None,
    **config,
) -> pd.DataFrame:
    """Return rows of one trial: one figure for all replicates, or one for each of them.

    Args:
        arm: The arm.
        test: Test accuracies.
        train_size: Training images per class.
        trial: The trial; 0 is the baseline.
        role: ``best``, ``baseline`` or ``leader``.
        valid: Validation accuracies.
        loss: Validation losses.
        train: Training accuracies.
        seeds: Replicate seeds, as many as there are accuracies in a list.
        trained: Whether the runs train, all of them or each.
        purpose: ``score``, ``choice``, or None where one set of replicates did both.
        first: How many replicates the sweep was scored on to begin with; all of them if None.
        config: Values of the configuration.
    """
    count = len(test) if hasattr(test, "__len__") else len(seeds)
    return pd.DataFrame(
        {
            "sweep": f"{arm}-1",
            "question": "tiny",
            "arm": arm,
            "trial": trial,
            "role": role,
            "train_size": train_size,
            "seed": list(seeds)[:count],
            "epochs": 20,
            "valid_accuracy": valid,
            "valid_loss": loss,
            "train_accuracy": train,
            "test_accuracy": test,
            "test_loss": 0.5,
            "baseline": trial == 0,
            "purpose": purpose,
            "trained": trained,
            "replicate": range(count),
            "score_replicates": first or count,
            **{f"config_{name}": value for name, value in config.items()},
        }
    )


def frame(*parts) -> pd.DataFrame:
    """Return all rows in one frame."""
    return pd.concat(parts, ignore_index=True)


def curve(arm, images, accuracies, **others) -> pd.DataFrame:
    """Return rows of an arm's best trial at several numbers of images.

    Args:
        arm: The arm.
        images: Numbers of images per class.
        accuracies: At each of them, one test accuracy or one a replicate.
        others: As for ``rows``.
    """
    return frame(
        *(rows(arm, a, train_size=n, **others) for n, a in zip(images, accuracies, strict=True))
    )
