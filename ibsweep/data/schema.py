"""What a question's data are, in plain words: all that reading results has to know of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["DataSchema"]


@dataclass(frozen=True)
class DataSchema:
    """What a dataset consists of; free of NumPy and torch, and plain JSON by ``to_dict``.

    Attributes:
        source: Where the data come from, as the question's ``from`` says.
        example_shape: Shape of one example: ``(C, H, W)`` of an image, ``(D,)`` of a table's row.
        classes: Names of the classes in the order of their labels; None for a numerical target.
        train_sizes: The sizes of training sets that the question lists, in their order.
        per: Whether a size counts the examples of each class, or all of a set.
        noun: What an example is called.
        rows: Examples there are to draw training and validation sets from (``pool``), and held
            out (``test``); None for a generator, which has no end.
        draws: Whether a replicate is drawn anew from a population, or resampled from a pool.
        fingerprint: sha256, in hexadecimal, of all that determines the data but the seed.
        largest: The largest training set that can be drawn; None where there is no limit.
    """

    source: str
    example_shape: tuple[int, ...]
    classes: tuple[str, ...] | None
    train_sizes: tuple[int, ...]
    per: Literal["class", "all"]
    noun: Literal["images", "rows"]
    rows: Mapping[str, int] | None
    draws: Literal["population", "resampling"]
    fingerprint: str
    largest: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; :meth:`from_dict` is the inverse.

        Example:
            >>> from ibsweep.data import open_dataset
            >>> edges = open_dataset({"from": "edges", "split": {"train": 30}}).schema
            >>> edges.to_dict()["example_shape"]
            [1, 28, 28]
            >>> DataSchema.from_dict(edges.to_dict()) == edges
            True
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return values | {"rows": dict(self.rows) if self.rows is not None else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataSchema:
        """Return the schema that ``to_dict`` wrote."""
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**given)

    def size(self, train_size: int) -> str:
        """Return a training set's size in words, such as ``30 images per class``."""
        noun = self.noun[:-1] if train_size == 1 else self.noun
        return f"{train_size:,} {noun}" + (" per class" if self.per == "class" else "")
