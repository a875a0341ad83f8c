"""What all rows have in common: their kinds of numbers, their figures, and how old ones are read.

Figures are mappings ``{metric: value}``, each in its metric's own unit, accuracies in percent;
``loss`` among them is the training loss: cross-entropy in nats, or the mean squared error. A value
that is not defined is None. Times are in seconds, epochs are passes over the training set.

A line ends with its checksum (``results.seal``), which is no field of the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["BaseRow", "Count", "Figures", "Scored", "Seconds", "Seed", "mean"]

Count = Annotated[int, Field(ge=0, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[float, Field(ge=0)]

Figures = dict[str, float | None]
"""Values by metric, and ``loss``; None where one is not defined."""


class BaseRow(BaseModel):
    """A row: all of its fields are known, and no number is infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_FORMAT_2 = frozenset(
    f"{split}_{name}" for split in ("valid", "train", "test") for name in ("accuracy", "loss")
) | {"images", "task"}
"""Fields of rows of format 2 that others do not have."""


class Scored(BaseRow):
    """A row with figures of one split or more, each in the field that has the split's name."""

    def figure(self, column: str) -> float | None:
        """Return a figure by the name of its column, such as ``valid_accuracy``.

        None where the row has no such figure, or it is not defined.
        """
        split, _, name = column.partition("_")
        values: Figures | None = getattr(self, split, None)
        return values.get(name) if isinstance(values, Mapping) else None

    @model_validator(mode="before")
    @classmethod
    def _from_format_2(cls, data: Any) -> Any:
        if not isinstance(data, dict) or _FORMAT_2.isdisjoint(data):
            return data
        read = dict(data)
        for split in ("valid", "train", "test"):
            columns = [f"{split}_{name}" for name in ("accuracy", "loss")]
            found = {c.removeprefix(f"{split}_"): read.pop(c) for c in columns if c in read}
            if found:
                read[split] = found if split == "train" or None not in found.values() else None
        for old, new in (("images", "train_size"), ("task", "data")):
            if old in read and new in cls.model_fields:
                read[new] = read.pop(old)
        return read


def mean(values: Sequence[float | None]) -> float | None:
    """Return the arithmetic mean of values of which there is one; None where one is None.

    A mean over those alone that are defined would compare unlike things.
    """
    defined = [value for value in values if value is not None]
    return sum(defined) / len(values) if len(defined) == len(values) else None
