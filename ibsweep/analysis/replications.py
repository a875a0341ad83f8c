"""The notebook's published figures against the spread of seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ibsweep.analysis.statistics import mean_interval
from ibsweep.questions.published import BASELINE, PublishedSetting, published_settings
from ibsweep.questions.schema import PublishedFigure, Question

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LUCK", "ReplicationSummary", "describe_replications", "summarise_replications"]

LUCK = (
    "A published figure looks lucky (or unlucky) where at most one in twenty seeds, its own among "
    "them, comes out as high (as low); with fewer than 20 seeds nothing is said. By chance alone "
    "that happens to one typical figure in ten."
)
"""The rule, for pages and docs."""

_ONE_IN = 20
_NOTEBOOK_SEED = 10
_ROUNDING = 0.005


@dataclass(frozen=True)
class ReplicationSummary:
    """A published figure and what many seeds say of it; accuracies in percent.

    Attributes:
        question: Name of the question.
        arm: Name of the arm.
        setting: ``"baseline"`` or the name of a variant.
        metric: ``"valid_accuracy"`` or ``"train_accuracy"``.
        images: Training images per class.
        epochs: Epochs of the setting.
        published: The notebook's figure.
        seed10: The notebook itself, run again; None where it was not.
        mean: Mean over all seeds.
        low: Lower end of its 95 % interval, None for a single seed.
        high: Upper end.
        seeds: How many seeds there are.
        others: The other seeds' accuracies, rising.
        share_below: Share of the other seeds below the published figure, ties counting half.
        luck: ``"lucky"``, ``"unlucky"`` or ``"typical"`` by the rule `LUCK`; None with too few
            seeds.
        by_seed: Accuracy by seed, the notebook's own among them.
    """

    question: str
    arm: str
    setting: str
    metric: str
    images: int
    epochs: int
    published: float
    seed10: float | None
    mean: float
    low: float | None
    high: float | None
    seeds: int
    others: tuple[float, ...]
    share_below: float | None
    luck: str | None
    by_seed: Mapping[int, float]

    @property
    def name(self) -> str:
        """The arm's name, or the variant's."""
        return self.arm if self.setting == BASELINE else self.setting

    @property
    def spread(self) -> tuple[float, float] | None:
        """The least and the greatest of the other seeds, None where there are none."""
        return (self.others[0], self.others[-1]) if self.others else None

    @property
    def reproduced(self) -> bool | None:
        """Whether the notebook, run again, lands on its figure to the digits that it printed."""
        return None if self.seed10 is None else abs(self.seed10 - self.published) <= _ROUNDING

    def to_json(self) -> dict[str, Any]:
        """Return the setting's part of ``replicate --json``."""
        return {
            "question": self.question,
            "arm": self.arm,
            "setting": self.setting,
            "metric": self.metric,
            "images": self.images,
            "epochs": self.epochs,
            "published": self.published,
            "seed10": self.seed10,
            "reproduced": self.reproduced,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "seeds": self.seeds,
            "spread": self.spread,
            "share_below": self.share_below,
            "luck": self.luck,
        }


def summarise_replications(
    questions: Mapping[str, Question], frame: pd.DataFrame
) -> list[ReplicationSummary]:
    """Return a summary of each published figure that was replicated, in the questions' order.

    Args:
        questions: Questions by name.
        frame: ``Results.replications``; rows of other data or of other settings than a question
            has now are left out.
    """
    found = []
    for setting, figures in published_settings(questions.values()):
        rows = frame[
            (frame["question"] == setting.question)
            & (frame["arm"] == setting.arm)
            & (frame["setting"] == setting.setting)
            & (frame["train_size"] == setting.train_size)
            & (frame["model"] == setting.model)
        ]
        same = [
            setting.trained_like(data, settings)
            for data, settings in zip(rows["data"], rows["settings"], strict=True)
        ]
        rows = rows[np.array(same, dtype=bool)]
        found += [_summary(setting, figure, rows) for figure in figures if len(rows)]
    return found


def describe_replications(found: Sequence[ReplicationSummary]) -> str:
    """Return in a sentence or two how many figures were met again, and which look like luck.

    Args:
        found: From ``summarise_replications``.
    """
    again = [one for one in found if one.reproduced is not None]
    met = sum(bool(one.reproduced) for one in again)
    sentences = []
    if again:
        sentences.append(
            f"Run again, the notebook lands on {met} of {len(again)} of its figures to the digit."
        )
    judged = [one for one in found if one.luck is not None]
    ranked = _rank_of_seed10(found)
    if ranked is not None:
        sentences.append(ranked)
    if judged:
        parts = []
        for kind in ("lucky", "unlucky"):
            names = [f"{one.name} at {one.images}" for one in judged if one.luck == kind]
            parts.append(f"{len(names)} look{'s' * (len(names) == 1)} {kind}")
            if names:
                parts[-1] += f" ({', '.join(names)})"
        sentences.append(
            f"Of {len(judged)} figure{'s' * (len(judged) > 1)} with seeds enough, "
            f"{' and '.join(parts)}."
        )
    return " ".join(sentences)


def _rank_of_seed10(found: Sequence[ReplicationSummary]) -> str | None:
    """Return where the notebook's seed stands over all figures; one alone need not look lucky.

    None where one of the figures lacks it, or there are too few seeds that have all figures.
    """
    if len(found) < 2 or any(one.seed10 is None for one in found):
        return None
    seeds = sorted(set.intersection(*(set(one.by_seed) for one in found)))
    if len(seeds) < _ONE_IN:
        return None
    means = {seed: float(np.mean([one.by_seed[seed] for one in found])) for seed in seeds}
    rank = 1 + sum(mean > means[_NOTEBOOK_SEED] for mean in means.values())
    above = means[_NOTEBOOK_SEED] - float(np.mean(list(means.values())))
    side = "above" if above >= 0 else "below"
    return (
        f"Over all {len(found)} figures seed {_NOTEBOOK_SEED} is number {rank} of {len(seeds)} "
        f"seeds, {abs(above):.1f} points {side} their mean."
    )


def _summary(
    setting: PublishedSetting, figure: PublishedFigure, rows: pd.DataFrame
) -> ReplicationSummary:
    values = rows[figure.column].to_numpy(float)
    exact = rows["exact"].to_numpy(bool)
    others = np.sort(values[~exact])
    interval = mean_interval(values.tolist(), 0.0, 100.0)
    # published figures are rounded: 86.67 stands for 86.666...
    below = int((others < figure.value - _ROUNDING).sum())
    above = int((others > figure.value + _ROUNDING).sum())
    return ReplicationSummary(
        question=setting.question,
        arm=setting.arm,
        setting=setting.setting,
        metric=figure.column,
        images=setting.train_size,
        epochs=int(setting.settings["epochs"]),
        published=figure.value,
        seed10=float(values[exact][0]) if exact.any() else None,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        seeds=len(values),
        others=tuple(others.tolist()),
        share_below=(below + len(others) - above) / (2 * len(others)) if len(others) else None,
        luck=_luck(below, above, len(others)),
        by_seed=dict(zip(rows["seed"].astype(int), values.tolist(), strict=True)),
    )


def _luck(below: int, above: int, count: int) -> str | None:
    """Apply `LUCK` to the other seeds' numbers below and above the figure."""
    if count + 1 < _ONE_IN:
        return None
    # in integers: 0.05 has no exact float, and 2 of 40 must count
    if _ONE_IN * (count - below + 1) <= count + 1:
        return "lucky"
    return "unlucky" if _ONE_IN * (count - above + 1) <= count + 1 else "typical"
