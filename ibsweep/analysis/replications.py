"""The notebook's published figures against the spread of seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ibsweep.analysis.statistics import mean_interval
from ibsweep.questions import Figure, Question

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LUCK", "ReplicationSummary", "summarise_replications"]

LUCK = (
    "A published figure looks lucky (or unlucky) where at most one in twenty seeds, its own among "
    "them, comes out as high (as low); with fewer than 20 seeds nothing is said."
)
"""The rule, for pages and docs."""

_OTHERS = 19
_SHARE = 0.05


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
        spread: Least and greatest accuracy of the other seeds than 10, None where there are none.
        share_below: Share of the other seeds below the published figure, ties counting half.
        luck: ``"lucky"``, ``"unlucky"`` or ``"typical"`` by the rule `LUCK`; None with too few
            seeds.
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
    spread: tuple[float, float] | None
    share_below: float | None
    luck: str | None

    @property
    def name(self) -> str:
        """The arm's name, or the variant's."""
        return self.arm if self.setting == "baseline" else self.setting

    @property
    def reproduced(self) -> bool | None:
        """Whether the notebook, run again, lands on its figure to the digits that it printed."""
        return None if self.seed10 is None else abs(self.seed10 - self.published) < 0.01

    def to_json(self) -> dict[str, Any]:
        """Return the cell's part of ``replicate --json``."""
        return {
            "question": self.question,
            "arm": self.arm,
            "setting": self.setting,
            "metric": self.metric,
            "images": self.images,
            "epochs": self.epochs,
            "published": self.published,
            "seed10": self.seed10,
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
        frame: ``Results.replications``.
    """
    found = []
    for question in questions.values():
        for arm in question.arms.values():
            settings = [("baseline", arm.notebook)]
            settings += [(name, variant.notebook) for name, variant in arm.variants.items()]
            for setting, figures in settings:
                of_setting = frame[(frame["arm"] == arm.name) & (frame["setting"] == setting)]
                for figure in figures:
                    rows = of_setting[of_setting["images"] == figure.images]
                    if len(rows):
                        found.append(_summary(question, arm.name, setting, figure, rows))
    return found


def _summary(
    question: Question, arm: str, setting: str, figure: Figure, rows: pd.DataFrame
) -> ReplicationSummary:
    values = rows[figure.metric].to_numpy(float)
    exact = rows["exact"].to_numpy(bool)
    others = values[rows["seed"].to_numpy() != 10] if exact.any() else values
    interval = mean_interval(values.tolist())
    # the notebook printed more digits than question files give: 86.67 is 86.666...
    below = float(np.mean(others < figure.percent - 0.005)) if len(others) else None
    above = float(np.mean(others > figure.percent + 0.005)) if len(others) else None
    luck = None
    if below is not None and above is not None and len(others) >= _OTHERS:
        # as far out or farther, the published figure itself among them: (k + 1) / (n + 1)
        count = len(others)
        if ((1 - below) * count + 1) / (count + 1) <= _SHARE:
            luck = "lucky"
        elif ((1 - above) * count + 1) / (count + 1) <= _SHARE:
            luck = "unlucky"
        else:
            luck = "typical"
    return ReplicationSummary(
        question=question.question,
        arm=arm,
        setting=setting,
        metric=figure.metric,
        images=figure.images,
        epochs=int(rows["epochs"].max()),
        published=figure.percent,
        seed10=float(values[exact][0]) if exact.any() else None,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        seeds=len(values),
        spread=(float(others.min()), float(others.max())) if len(others) else None,
        share_below=None if below is None or above is None else below + (1 - below - above) / 2,
        luck=luck,
    )
