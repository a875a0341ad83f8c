"""What a test of a claim measures: the rows that it compares, and its effect in words and figures.

What each kind of test compares is said at ``ibsweep.questions.schema``: sides are best confirmed
configurations, scored on held-out test images, and paired by replicate seed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.analysis.efficiency import accuracies
from ibsweep.analysis.statistics import (
    DECIMALS,
    Comparison,
    compare_with_bound,
    images_to_reach,
    paired_difference,
)
from ibsweep.questions.schema import (
    ClaimTest,
    DifferenceTest,
    ImagesNeededTest,
    LevelTest,
    Question,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "bound_and_unit", "measure"]


class Finding(NamedTuple):
    """What a test found.

    Attributes:
        comparison: The effect against the test's bound.
        describe: Puts the effect into words and figures, without replicates and p.
        note: What to add to them at the end, if anything.
    """

    comparison: Comparison
    describe: Callable[[Comparison], str]
    note: str = ""


class _Untestable(Exception):
    """A test cannot be carried out; the text says why and what to run."""


def bound_and_unit(test: ClaimTest) -> tuple[float, str]:
    """Return the bound of a test and the unit of its effect."""
    match test:
        case DifferenceTest():
            return 0.0 - round(test.margin, DECIMALS), "points"
        case LevelTest():
            return round(test.bound, DECIMALS), "percent"
        case ImagesNeededTest():
            return 0.0, "doublings"


def measure(question: Question, frame: pd.DataFrame, test: ClaimTest) -> Finding | str:
    """Return what a test found, or why it cannot be carried out."""
    try:
        match test:
            case DifferenceTest():
                return _difference(question, frame, test)
            case LevelTest():
                return _level(question, frame, test)
            case ImagesNeededTest():
                return _images_needed(question, frame, test)
    except _Untestable as reason:
        return str(reason)


def _difference(question: Question, frame: pd.DataFrame, test: DifferenceTest) -> Finding:
    arms = (test.arm, test.than)
    own = [question.arms[arm].images for arm in arms]
    if test.images is None and own[0] != own[1]:
        raise _Untestable(
            f"{test.arm} was tuned with {own[0]} images per class, {test.than} with {own[1]}: "
            "give the test its `images` in the question's file"
        )
    images = test.images or own[0]
    first = _configuration(question, frame, test.arm, test.where, images)["test_accuracy"]
    second = _configuration(question, frame, test.than, test.than_where, images)["test_accuracy"]
    common = _common(first, second, test)
    sides = f"{_side(test.arm, test.where)} - {_side(test.than, test.than_where)}"

    def describe(found: Comparison) -> str:
        text = f"{sides}{_at(question, images, *arms)}: {found.effect + 0.0:+.2f} points "
        text += f"[{found.low + 0.0:.2f}, {found.high + 0.0:.2f}]"
        return text + (f" against {-test.margin:g}" if test.margin else "")

    bound, _ = bound_and_unit(test)
    return Finding(paired_difference(first.loc[common], second.loc[common], bound=bound), describe)


def _level(question: Question, frame: pd.DataFrame, test: LevelTest) -> Finding:
    images = test.images or question.arms[test.arm].images
    baseline = test.config == "baseline"
    rows = _configuration(question, frame, test.arm, test.where, images, baseline=baseline)
    values = rows[test.metric]
    if len(values) < 2:
        raise _Untestable(
            f"{test.arm} has a single replicate: `ibsweep tune {test.arm}` with more "
            "`--confirm-replicates`"
        )
    subject = _side(test.arm, test.where) + (", the notebook's setting" if baseline else "")
    metric = {"test_accuracy": "test", "train_accuracy": "training"}[test.metric] + " accuracy"

    def describe(found: Comparison) -> str:
        text = f"{subject}{_at(question, images, test.arm)}: {metric} {found.effect:.2f} % "
        return text + f"[{found.low:.2f}, {found.high:.2f}] against {test.bound:g} %"

    # what a mean over few replicates hides
    worst = f", worst replicate {values.min():.2f}"
    return Finding(compare_with_bound(values, bound_and_unit(test)[0]), describe, worst)


def _images_needed(question: Question, frame: pd.DataFrame, test: ImagesNeededTest) -> Finding:
    """Compare, replicate by replicate, the images that two arms need.

    A replicate that never gets there counts as needing the largest number, one that is there from
    the start as needing the smallest: that moves no ratio beyond one, and a ratio of a replicate
    only nearer to it. The words say in which direction the truth may lie.
    """
    sizes = list(question.efficiency)
    tables = {arm: _curves(question, frame, arm, test.percent) for arm in (test.arm, test.than)}
    common = _common(tables[test.arm], tables[test.than], test)
    count = len(common)
    needed = {
        arm: images_to_reach(list(table.columns), table.loc[common].to_numpy(float), test.percent)
        for arm, table in tables.items()
    }
    short = {arm: int(np.isinf(n).sum()) for arm, n in needed.items()}
    # a curve that is above already at the smallest number got there with fewer images
    early = {
        arm: int((np.round(table.loc[common, sizes[0]] - test.percent, DECIMALS) > 0).sum())
        for arm, table in tables.items()
    }
    if set(short.values()) == {count}:
        raise _Untestable(
            f"neither {test.arm} nor {test.than} reaches {test.percent:g} % with {sizes[-1]} "
            "images per class: give larger numbers in `efficiency` in the question's file"
        )
    log_images = {arm: np.log2(np.minimum(n, sizes[-1])) for arm, n in needed.items()}

    def describe(found: Comparison) -> str:
        more, fewer, factors = test.than, test.arm, found[:3]
        if found.effect < 0:
            more, fewer, factors = test.arm, test.than, (-found[0], -found[2], -found[1])
        effect, low, high = (2.0**factor for factor in factors)
        # whether the ratio may be larger than it looks, and smaller
        open_ends = (bool(short[more] or early[fewer]), bool(short[fewer] or early[more]))
        about = _ABOUT[open_ends]
        text = f"{more} needs {about}{effect:.1f} times as many images as {fewer} "
        text += f"[{low:.1f}, {high:.1f}] to reach {test.percent:g} %"
        notes = [_tuned(question, None, test.arm, test.than)]
        for arm in (test.arm, test.than):
            if short[arm]:
                notes.append(f"{arm} falls short with {sizes[-1]} in {short[arm]} of {count}")
            if early[arm]:
                notes.append(f"{arm} is above it with {sizes[0]} in {early[arm]} of {count}")
        return f"{text} ({'; '.join(notes)})"

    return Finding(paired_difference(log_images[test.than], log_images[test.arm]), describe)


_ABOUT = {
    (False, False): "",
    (True, False): "at least ",
    (False, True): "at most ",
    (True, True): "about ",
}


def _curves(question: Question, frame: pd.DataFrame, arm: str, percent: float) -> pd.DataFrame:
    """Return accuracies of an arm's replicates at the question's numbers of images.

    Larger numbers may be lacking where every replicate is there before: the first crossing is
    known without them.
    """
    table = accuracies(frame, arm)
    if table.empty:
        raise _Untestable(f"{arm} has no confirmed sweep: `ibsweep tune {arm}`")
    lacking = [n for n in question.efficiency if n not in table.columns]
    known = list(itertools.takewhile(lambda n: n not in lacking, question.efficiency))
    if lacking and known:
        start = table[known].dropna()
        if (
            len(start)
            and np.isfinite(images_to_reach(known, start.to_numpy(float), percent)).all()
        ):
            return start
    if lacking:
        raise _Untestable(
            f"{arm} was not trained with {', '.join(map(str, lacking))} images per class: "
            f"`ibsweep efficiency {question.question}`"
        )
    return table[list(question.efficiency)].dropna()


def _configuration(
    question: Question,
    frame: pd.DataFrame,
    arm: str,
    where: Mapping[str, Any],
    images: int,
    *,
    baseline: bool = False,
) -> pd.DataFrame:
    """Return the rows of one configuration of an arm by replicate seed, never none.

    Args:
        question: The question.
        frame: Its confirmations.
        arm: The arm's name.
        where: Values that the configuration must have.
        images: Training images per class.
        baseline: Whether it is the notebook's setting, and not the best.
    """
    rows = frame[frame["arm"] == arm]
    if rows.empty:
        raise _Untestable(f"{arm} has no confirmed sweep: `ibsweep tune {arm}`")
    name = _side(arm, where)
    if baseline:
        rows, name = rows[rows["baseline"].astype(bool)], f"the notebook's setting of {name}"
    for key, value in where.items():
        column = f"config_{key}"
        rows = rows[rows[column] == value] if column in rows else rows.iloc[:0]
    own = rows[rows["images"] == question.arms[arm].images]
    if own.empty:
        raise _Untestable(f"{name} was not confirmed: `ibsweep tune {arm}` with more `--trials`")
    if where and not baseline:
        rows = rows[rows["trial"] == _best_trial(question, own)]
    elif not baseline:
        rows = rows[rows["role"] == "best"]
    best = bool((rows["role"] == "best").any())
    rows = rows[rows["images"] == images]
    if rows.empty:
        reason = f"{name} was not trained with {images} images per class: "
        if not best:
            reason += "only the arm's best configuration is trained at other numbers"
        elif images in question.efficiency:
            reason += f"`ibsweep efficiency {question.question}`"
        else:
            reason += f"add {images} to `efficiency` in the question's file"
        raise _Untestable(reason)
    return rows.groupby("seed")[["test_accuracy", "train_accuracy"]].mean()


class _Scores(NamedTuple):
    columns: Mapping[str, float]

    def figure(self, column: str) -> float | None:
        """Return a figure by the name of its column."""
        return self.columns.get(column)


def _best_trial(question: Question, rows: pd.DataFrame) -> int:
    """Return the trial that is best on the confirmation's validation images."""
    means = rows.groupby("trial")[[question.objective.valid, "valid_loss"]].mean()
    numbers = means.index.to_list()
    names = (question.objective.valid, "valid_loss")
    scores = [_Scores(dict(zip(names, row, strict=True))) for row in means.to_numpy(float)]
    rank = dict(zip(numbers, map(question.objective.rank, scores), strict=True))
    return int(min(numbers, key=rank.__getitem__))


def _common(
    first: pd.DataFrame | pd.Series[float],
    second: pd.DataFrame | pd.Series[float],
    test: DifferenceTest | ImagesNeededTest,
) -> pd.Index[Any]:
    """Return the replicate seeds of both sides, two or more."""
    common = first.index.intersection(second.index)
    if len(common) < 2:
        raise _Untestable(
            f"{test.arm} and {test.than} share fewer than two replicates: tune both with the same "
            "`--seed` and `--confirm-replicates`"
        )
    return common


def _side(arm: str, where: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} {value}" for name, value in where.items())
    return f"{arm} ({values})" if values else arm


def _at(question: Question, images: int, *arms: str) -> str:
    """Return the number of images in words where it is not the arms' own."""
    tuned = _tuned(question, images, *arms)
    return f" with {images} images per class ({tuned})" if tuned else ""


def _tuned(question: Question, images: int | None, *arms: str) -> str:
    """Return with how many images the arms were tuned, unless all were with ``images``."""
    own = dict.fromkeys(question.arms[arm].images for arm in arms)
    return "" if list(own) == [images] else f"tuned with {' and '.join(map(str, own))}"
