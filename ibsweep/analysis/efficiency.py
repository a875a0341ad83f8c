"""What images are worth: the accuracy of each arm's best configuration by number of training
images, and the number that it takes to reach an accuracy.

An arm's configuration was chosen at its own number of images and is only trained anew at the
others, with the same replicate seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics import RESAMPLES, images_to_reach, mean_interval, tail_share
from ibsweep.errors import InputError, suggestion

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ibsweep.questions.schema import Question

__all__ = [
    "Efficiency",
    "ImagesEstimate",
    "accuracies",
    "check_one_sweep",
    "efficiency_curves",
    "images_needed",
    "images_to_match",
]


class Efficiency(NamedTuple):
    """Test accuracy of an arm's best configuration by training images per class.

    Attributes:
        arm: The arm's name.
        images: Training images per class, rising, with shape ``(k,)``.
        mean: Mean test accuracy over the replicates in percent, with shape ``(k,)``.
        low: Lower end of its 95 % interval; not a number where there is one replicate.
        high: Upper end.
    """

    arm: str
    images: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class ImagesEstimate(NamedTuple):
    """How many images per class an arm needs to reach an accuracy.

    Attributes:
        arm: The arm's name.
        target: The accuracy in percent.
        images: Images per class at which the mean test accuracy reaches it; infinity where it
            stays below at all numbers that were tried.
        low: Lower end of the 95 % interval. The smallest number tried stands for anything below.
        high: Upper end; infinity where it is not known to be reached.
        matches: The arm whose accuracy with its own number of images is the target, if one's is.
    """

    arm: str
    target: float
    images: float
    low: float
    high: float
    matches: str | None = None


def check_one_sweep(confirmations: pd.DataFrame, arm: str) -> None:
    """Refuse rows of several sweeps of an arm, which would be pooled as if they were one.

    Args:
        confirmations: Rows of the confirmations.
        arm: The arm's name.

    Raises:
        InputError: If there are some.
    """
    sweeps = sorted(confirmations.loc[confirmations["arm"] == arm, "sweep"].unique())
    if len(sweeps) > 1:
        raise InputError(
            f"{arm} has rows of {len(sweeps)} sweeps, {', '.join(sweeps)}; choose those of the "
            "current one: `results.current(QUESTION)`"
        )


def accuracies(confirmations: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return the test accuracies of an arm's best configuration.

    Args:
        confirmations: Rows of the confirmations as ``ibsweep.load`` gives them, of current sweeps.
        arm: The arm's name.

    Returns:
        In percent, a row a replicate seed, a column a number of images per class, both rising;
        not a number where a replicate was not trained.

    Raises:
        InputError: If the arm has rows of several sweeps.
    """
    check_one_sweep(confirmations, arm)
    chosen = (confirmations["arm"] == arm) & (confirmations["role"] == "best")
    rows = confirmations.loc[chosen, ["seed", "images", "test_accuracy"]].astype(
        {"seed": int, "images": int, "test_accuracy": float}
    )
    return rows.groupby(["seed", "images"])["test_accuracy"].mean().unstack("images")


def efficiency_curves(question: Question, confirmations: pd.DataFrame) -> list[Efficiency]:
    """Return the curve of each arm that has rows, in the question's order.

    Args:
        question: The question.
        confirmations: Rows of its current sweeps.

    Raises:
        InputError: If an arm has rows of several sweeps.
    """
    curves = []
    for arm in question.arms:
        table = accuracies(confirmations, arm)
        if table.empty:
            continue
        points = [mean_interval(table[n].dropna().to_list()) for n in table.columns]
        mean, low, high = np.array(points, float).T  # None becomes not a number
        curves.append(Efficiency(arm, table.columns.to_numpy(), mean, low, high))
    return curves


def images_needed(
    question: Question, confirmations: pd.DataFrame, arm: str, target: float, *, seed: int = 0
) -> ImagesEstimate:
    """Return how many images per class bring an arm's mean test accuracy to a target.

    Args:
        question: The question.
        confirmations: Rows of its current sweeps.
        arm: The arm's name.
        target: The accuracy to reach, in percent, taken as known.
        seed: Of the generator that resamples the replicates.

    Raises:
        InputError: If the arm is unknown, was not trained at two numbers of images, or has rows
            of several sweeps.
    """
    table = _complete_accuracies(question, confirmations, arm)
    return _estimate(arm, table, np.full(len(table), target), seed)


def images_to_match(
    question: Question, confirmations: pd.DataFrame, arm: str, than: str, *, seed: int = 0
) -> ImagesEstimate:
    """Return how many images per class bring an arm to what another reaches with its own number.

    Unlike a fixed target, the other's accuracy is uncertain as well: replicates are resampled for
    both at once.

    Args:
        question: The question.
        confirmations: Rows of its current sweeps.
        arm: The arm that needs the images, such as the MLP.
        than: The arm to match, at its ``images``, such as the CNN.
        seed: Of the generator that resamples the replicates.

    Raises:
        InputError: If an arm is unknown or has no confirmed sweep, ``arm`` was not trained at two
            numbers of images, one has rows of several sweeps, or the two have fewer than two
            replicates in common.
    """
    table = _complete_accuracies(question, confirmations, arm)
    other = _known_accuracies(question, confirmations, than).get(question.arms[than].images)
    if other is None:
        raise InputError(f"{than} has no confirmed sweep; run `ibsweep tune {than}`")
    common = table.index.intersection(other.dropna().index)
    if len(common) < 2:
        raise InputError(
            f"{arm} and {than} share fewer than two replicates; tune both with the same `--seed` "
            "and `--confirm-replicates`"
        )
    found = _estimate(arm, table.loc[common], other.loc[common].to_numpy(float), seed)
    return found._replace(matches=than)


def _known_accuracies(question: Question, confirmations: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return the accuracies of an arm that is one and has some."""
    if arm not in question.arms:
        raise InputError(f"{arm!r} is no arm; {suggestion(arm, question.arms)}")
    table = accuracies(confirmations, arm)
    if table.empty:
        raise InputError(f"{arm} has no confirmed sweep; run `ibsweep tune {arm}`")
    return table


def _complete_accuracies(
    question: Question, confirmations: pd.DataFrame, arm: str
) -> pd.DataFrame:
    """Return the accuracies of the replicates that were trained at every number of images.

    There are two replicates or more.
    """
    table = _known_accuracies(question, confirmations, arm)
    if len(table.columns) < 2:
        raise InputError(
            f"{arm} was trained with {table.columns[0]} images per class alone; "
            f"run `ibsweep efficiency {question.question}`"
        )
    complete = table.dropna()
    if len(complete) < 2:
        raise InputError(
            f"fewer than two replicates of {arm} were trained at every number of images; "
            f"run `ibsweep efficiency {question.question}`"
        )
    return complete


def _estimate(
    arm: str, table: pd.DataFrame, targets: NDArray[np.float64], seed: int
) -> ImagesEstimate:
    """Return where the mean curve reaches its target, with the bootstrap interval.

    The interval is of expanded percentiles.

    Args:
        arm: The arm's name.
        table: Accuracies, with shape ``(n, k)``.
        targets: The accuracy to reach in each replicate, with shape ``(n,)``.
        seed: Of the generator that resamples the replicates.
    """
    images, curves, n = table.columns.to_numpy(float), table.to_numpy(float), len(table)
    found = images_to_reach(images, curves.mean(axis=0)[None], targets.mean())[0]
    # how often each replicate is in each resample   (resamples, n)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    resampled = np.sort(images_to_reach(images, counts @ curves / n, counts @ targets / n))
    # not np.quantile: between a number and infinity, interpolation gives not a number
    tail = round(tail_share(n) * len(resampled))
    low, high = resampled[tail], resampled[-1 - tail]
    return ImagesEstimate(arm, float(targets.mean()), float(found), float(low), float(high))
