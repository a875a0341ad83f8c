"""Which rows of a pool are whose: the test set for good, the others by a replicate's seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ibsweep.data.faults import DataError, raise_faults
from ibsweep.data.split import Split
from ibsweep.data.streams import random_state
from ibsweep.errors import Fault

__all__ = ["Drawing", "drawing_of"]

Rows = NDArray[np.int64]

_TRAIN_STREAM, _TEST_STREAM, _VALID_STREAM = 4, 5, 6
_DEFAULT_SHARE = 0.2


@dataclass(frozen=True)
class Drawing:
    """How the sets of a question are drawn from a pool.

    A *group* is the rows of a class with ``per: class``, else all rows, in an order every
    beginning of which holds the classes in their shares.

    Attributes:
        targets: Of all rows, ``[M]``.
        classes: Number of classes; None for numbers.
        split: The question's.
        test: The held-out rows.
        pool: The rows that training sets are drawn from.
        valid_rows: The rows of the source's own validation set, if it has one.
        valid_sizes: Rows of the validation set in each group; all of ``valid_rows`` where None.
        train_sizes: The sizes of training sets that the question lists.
        largest: The largest size that can be drawn.
    """

    targets: NDArray[Any]
    classes: int | None
    split: Split
    test: Rows
    pool: Rows
    valid_rows: Rows | None
    valid_sizes: tuple[int, ...] | None
    train_sizes: tuple[int, ...]
    largest: int

    def replicate(self, seed: int, train_size: int) -> tuple[Rows, Rows]:
        """Return the rows of a replicate's training set and validation set.

        Raises:
            DataError: The pool has fewer rows than that.
        """
        if not 0 < train_size <= self.largest:
            unit = " of each class" if self.split.per == "class" else ""
            text = f"must be from 1 to {self.largest} rows{unit}, but got {train_size}"
            raise DataError([Fault(("split", "train"), text)])
        groups = self._groups(self.pool, seed, _TRAIN_STREAM)
        if self.valid_rows is not None:
            train = [group[:train_size] for group in groups]
            if self.valid_sizes is None:
                return _joined(train), self.valid_rows
            own = self._groups(self.valid_rows, seed, _VALID_STREAM)
            valid = [g[:n] for g, n in zip(own, self.valid_sizes, strict=True)]
            return _joined(train), _joined(valid)
        assert self.valid_sizes is not None, "drawn from the pool"
        pairs = list(zip(groups, self.valid_sizes, strict=True))
        return (
            _joined([group[n : n + train_size] for group, n in pairs]),
            _joined([group[:n] for group, n in pairs]),
        )

    def _groups(self, rows: Rows, seed: int, stream: int) -> list[Rows]:
        rng = random_state(seed, stream)
        return _ordered(rows, self.targets, self.classes, self.split.per, rng)


def drawing_of(
    split: Split,
    parts: Mapping[str, tuple[int, int]],
    targets: NDArray[Any],
    classes: Sequence[str] | None,
) -> Drawing:
    """Say how the sets of a question are drawn.

    Args:
        split: The question's.
        parts: First row and end of the source's ``train``, and of ``valid`` and ``test`` where it
            has such sets of its own.
        targets: Of all rows.
        classes: Names of the classes; None for numbers.

    Raises:
        DataError: One fault for each set or class that has too few rows.
    """
    if split.per == "class" and classes is None:
        text = "must be all where a number is predicted, but got 'class'"
        raise DataError([Fault(("split", "per"), text)])
    shares = [v for v in (split.train, split.valid, split.test) if type(v) is float]
    if "test" not in parts and sum(shares) > 1 + 1e-9:
        text = f"fractions must add up to at most 1, but add up to {sum(shares):g}"
        raise DataError([Fault(("split",), text)])
    count = None if classes is None else len(classes)
    rows = {name: np.arange(*part, dtype=np.int64) for name, part in parts.items()}
    faults: list[Fault] = []

    def grouped(of: Rows, stream: int) -> list[Rows]:
        rng = random_state(split.seed, stream)
        return _ordered(of, targets, count, split.per, rng)

    def sizes(name: str, size: float, groups: list[Rows]) -> list[int]:
        wanted = [max(1, int(size * len(g) + 0.5)) if size < 1 else int(size) for g in groups]
        for i, (group, number) in enumerate(zip(groups, wanted, strict=True)):
            if number > len(group):
                faults.append(_too_few(split, classes, i, name, len(group), f"{number}"))
        return wanted

    whole = grouped(rows["train"], _TEST_STREAM)
    if "test" not in parts:
        tested = sizes("test", split.test or _DEFAULT_SHARE, whole)
        test = _joined([g[:n] for g, n in zip(whole, tested, strict=True)])
    elif split.test is None:
        tested, test = [0] * len(whole), rows["test"]
    else:
        own = grouped(rows["test"], _TEST_STREAM)
        wanted = sizes("test", split.test, own)
        tested, test = [0] * len(whole), _joined([g[:n] for g, n in zip(own, wanted, strict=True)])
    left = [len(g) - n for g, n in zip(whole, tested, strict=True)]
    valid_sizes: list[int] | None = None
    if "valid" not in parts:
        valid_sizes = sizes("valid", split.valid or _DEFAULT_SHARE, whole)
        left = [n - v for n, v in zip(left, valid_sizes, strict=True)]
    elif split.valid is not None:
        valid_sizes = sizes("valid", split.valid, grouped(rows["valid"], _VALID_STREAM))
    if isinstance(split.train, tuple):
        train_sizes = split.train
    elif split.train is None:
        train_sizes = (max(left[0], 1),)
    else:
        share = int(split.train * len(whole[0]) + 0.5)
        train_sizes = (max(1, min(share, left[0]) if share - left[0] <= 1 else share),)
    for i, room in enumerate(left):
        if not faults and room < max(train_sizes):
            total = len(whole[i]) - room
            wants = f"{max(train_sizes)} for training beside {total} for validation and test"
            faults.append(_too_few(split, classes, i, "train", len(whole[i]), wants))
    pool = np.setdiff1d(rows["train"], test, assume_unique=True)
    if classes is not None and not faults:
        seen = np.bincount(targets[pool], minlength=len(classes))
        faults += [
            Fault(("split",), f"class {name!r} has no row that a model could be trained on")
            for name, number in zip(classes, seen, strict=True)
            if not number
        ]
    raise_faults(faults)
    return Drawing(
        targets,
        count,
        split,
        test,
        pool,
        rows.get("valid"),
        None if valid_sizes is None else tuple(valid_sizes),
        train_sizes,
        min(left),
    )


def _too_few(
    split: Split, classes: Sequence[str] | None, group: int, name: str, there: int, wanted: str
) -> Fault:
    of = f"of class {classes[group]!r} " if classes and split.per == "class" else ""
    text = f"there are {there} rows {of}to draw from, but {wanted} are wanted"
    return Fault(("split", name), text)


def _ordered(
    rows: Rows, targets: NDArray[Any], classes: int | None, per: str, rng: np.random.RandomState
) -> list[Rows]:
    """Return rows in random order: in a group for each class, or in one of all."""
    shuffled = rng.permutation(rows)
    if classes is None:
        return [shuffled]
    labels = targets[shuffled]
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=classes)
    if per == "class":
        return np.split(shuffled[by_class], np.cumsum(counts)[:-1])
    # Each row's place within its class, as a share: sorted by it, classes take turns.
    place = np.empty(len(rows))
    place[by_class] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (place + 0.5) / counts[labels]
    return [shuffled[np.argsort(share, kind="stable")]]


def _joined(groups: Sequence[Rows]) -> Rows:
    return np.sort(np.concatenate(groups))
