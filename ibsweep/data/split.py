"""How a pool is split into training, validation and test sets, as a question says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ibsweep.errors import Fault, format_value, suggestion

__all__ = ["Split", "split_faults"]

_KEYS = ("train", "valid", "test", "per", "seed")
_SIZE = "must be a count such as 100 or a fraction such as 0.2"


@dataclass(frozen=True)
class Split:
    """The ``split`` of a data document, defaults filled in.

    A size is a count (of each class, or of all: ``per``) or a fraction of the rows that the set
    is drawn from. Where the source has rows of its own for a set, that set is drawn from these
    alone, or is all of them where its size is None.

    Attributes:
        train: Sizes of training sets, a fraction, or None for all that is left.
        valid: Size of the validation set; None where the source has one, else a fifth.
        test: Size of the held-out set; None where the source has one, else a fifth.
        per: Whether counts are of each class or of all.
        seed: Which test rows are held out, for good.
    """

    train: tuple[int, ...] | float | None = None
    valid: int | float | None = None
    test: int | float | None = None
    per: Literal["class", "all"] = "all"
    seed: int = 0

    @classmethod
    def from_dict(cls, split: Mapping[str, Any] | None) -> Split:
        """Return the split of a document without faults."""
        given = dict(split or {})
        train = given.get("train")
        if isinstance(train, list | tuple):
            given["train"] = tuple(train)
        elif type(train) is int:
            given["train"] = (train,)
        return cls(**given)


def split_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Find what is wrong in the ``split`` of a pool, as far as can be told without the pool.

    Args:
        document: The data document; paths begin inside of it.
    """
    split = document.get("split")
    if split is None:
        return []
    if not isinstance(split, Mapping):
        text = "must give the size of each set, such as {train: 100, valid: 0.2, test: 0.2}"
        return [Fault(("split",), f"{text}, but got {format_value(split)}")]
    faults = [
        Fault((key,), f"is not a key here; {suggestion(str(key), _KEYS)}")
        for key in split
        if key not in _KEYS
    ]
    for name in ("train", "valid", "test"):
        faults += _size_faults(name, split.get(name))
    per, train = split.get("per", "all"), split.get("train")
    if per not in ("class", "all"):
        faults.append(Fault(("per",), f"must be class or all, but got {format_value(per)}"))
    if per == "class" and (train is None or type(train) is float):
        text = f"must be a count of each class with per: class, but got {format_value(train)}"
        faults.append(Fault(("train",), text))
    seed = split.get("seed", 0)
    if type(seed) is not int or not 0 <= seed < 2**32:
        text = f"must be an integer from 0 to 2**32 - 1, but got {format_value(seed)}"
        faults.append(Fault(("seed",), text))
    # A test set of the source's own is no part of what the others share.
    shares = [v for v in (split.get(k) for k in ("train", "valid")) if type(v) is float]
    if not faults and sum(shares) > 1 + 1e-9:
        text = f"fractions must add up to at most 1, but got {format_value(dict(split))}"
        faults.append(Fault((), text))
    return [Fault(("split", *fault.path), fault.text) for fault in faults]


def _size_faults(name: str, size: object) -> list[Fault]:
    if size is None or (type(size) is float and 0 < size < 1) or _is_count(size):
        return []
    if name == "train" and isinstance(size, list | tuple):
        if size and all(map(_is_count, size)):
            if len(set(size)) == len(size):
                return []
            return [Fault((name,), f"must differ, but got {format_value(size)}")]
        text = f"must list counts such as [10, 30], but got {format_value(size)}"
        return [Fault((name,), text)]
    return [Fault((name,), f"{_SIZE}, but got {format_value(size)}")]


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0
