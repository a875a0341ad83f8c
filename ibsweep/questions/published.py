"""Published figures, by setting: what `replicate` trains and pages show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ibsweep.data.catalogue import document_of_task
from ibsweep.models import MODELS
from ibsweep.models.settings import resolve, with_training_defaults
from ibsweep.questions.conditions import changed
from ibsweep.questions.schema import PublishedFigure, Question
from ibsweep.results.replications import Replication

__all__ = ["BASELINE", "PublishedSetting", "published_settings"]

BASELINE = "baseline"
"""The setting of an arm that is no variant."""


@dataclass(frozen=True)
class PublishedSetting:
    """A setting of an arm at one size of training sets: what published figures are about.

    Attributes:
        question: Name of the question.
        arm: Name of the arm.
        setting: ``"baseline"`` or the name of a variant.
        train_size: Size of the training set.
        model: Name of the model.
        data: The question's data document.
        settings: Complete settings.
        metrics: What is recorded, as ``TrialPlan.metrics`` says it.
    """

    question: str
    arm: str
    setting: str
    train_size: int
    model: str
    data: dict[str, Any]
    settings: dict[str, Any]
    metrics: tuple[str, ...] = ("accuracy",)

    @property
    def name(self) -> str:
        """The arm's name, or the variant's."""
        return self.arm if self.setting == BASELINE else self.setting

    def holds(self, row: Replication) -> bool:
        """Tell whether a row is of this setting, trained just as the question now says."""
        names = ("question", "arm", "setting", "train_size", "model")
        return self.trained_like(row.data, row.settings) and all(
            getattr(row, name) == getattr(self, name) for name in names
        )

    def trained_like(self, data: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
        """Tell whether data and settings of a row are those of the question now.

        A row may have been written before there were such data documents, or all settings.
        """
        return (
            document_of_task(data) == self.data
            and with_training_defaults(dict(settings)) == self.settings
        )


def published_settings(
    questions: Iterable[Question],
) -> list[tuple[PublishedSetting, tuple[PublishedFigure, ...]]]:
    """Return the settings that figures were published for, each with its figures.

    Args:
        questions: The questions; those of the user's own have the figures that their files give.
    """
    found = []
    for question in questions:
        for arm in question.arms.values():
            if arm.baseline is None or arm.model not in MODELS:
                continue  # what settings of code of the user's own are, only that code can tell
            settings = [(BASELINE, arm.baseline, arm.published)]
            settings += [
                (name, changed(arm.space, arm.baseline, variant.changes), variant.published)
                for name, variant in arm.variants.items()
            ]
            for name, config, figures in settings:
                for size in dict.fromkeys(figure.train_size for figure in figures):
                    published = PublishedSetting(
                        question=question.question,
                        arm=arm.name,
                        setting=name,
                        train_size=size,
                        model=arm.model,
                        data=dict(question.data),
                        settings=resolve(arm.model, arm.fixed, config),
                        metrics=question.metric_keys,
                    )
                    found.append((published, tuple(f for f in figures if f.train_size == size)))
    return found
