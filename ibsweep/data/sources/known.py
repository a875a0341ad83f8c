"""The table of data sources: what ``from`` may name, and who checks and loads it.

A new source is one more entry, and a module with what the entry names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibsweep.data.dataset import Dataset
from ibsweep.data.edges.dataset import EdgeDataset, edge_faults
from ibsweep.data.options import (
    ARRAYS,
    FILES,
    FUNCTIONS,
    PICTURE_OPTIONS,
    RULES,
    option_faults,
)
from ibsweep.data.split import split_faults
from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.user_code import is_reference

__all__ = ["PICTURES", "SOURCES", "DataSource"]


@dataclass(frozen=True)
class DataSource:
    """One source of data.

    Attributes:
        form: What ``from`` has to be, in words.
        serves: Tells whether a ``from`` means this source.
        faults: Finds what is wrong in a document before the data are looked at, without NumPy and
            torch; a fault's path begins inside of the document.
        open: Loads the dataset of a document that has no such faults; the folder is the question
            file's. Raises InputError with a line for everything that is wrong in the data.
    """

    form: str
    serves: Callable[[str], bool]
    faults: Callable[[Mapping[str, Any]], list[Fault]]
    open: Callable[[Mapping[str, Any], Path | None], Dataset]


PICTURES = (
    "MNIST",
    "FashionMNIST",
    "KMNIST",
    "QMNIST",
    "EMNIST",
    "CIFAR10",
    "CIFAR100",
    "SVHN",
    "ImageFolder",
)
"""torchvision's datasets, by the names of their classes."""


def _open_npz(document: Mapping[str, Any], folder: Path | None) -> Dataset:
    from ibsweep.data.pool import PoolDataset  # NumPy, which reading a question can spare
    from ibsweep.data.sources import npz

    return PoolDataset.load(document, npz.load(document, folder))


def _open_table(document: Mapping[str, Any], folder: Path | None) -> Dataset:
    from ibsweep.data.pool import PoolDataset
    from ibsweep.data.sources import tables

    return PoolDataset.load(document, tables.load(document, folder))


def _open_pictures(document: Mapping[str, Any], folder: Path | None) -> Dataset:
    from ibsweep.data.pool import PoolDataset
    from ibsweep.data.sources import pictures

    return PoolDataset.load(document, pictures.load(document, folder))


def _open_function(document: Mapping[str, Any], folder: Path | None) -> Dataset:
    from ibsweep.data.pool import PoolDataset
    from ibsweep.data.sources import functions

    return PoolDataset.load(document, functions.load(document, folder))


def _faults_of(*known: str, needs: str | None = None, others: bool = False) -> Any:
    """Return what finds the faults in documents of a source with these options."""

    def faults(document: Mapping[str, Any]) -> list[Fault]:
        found = option_faults(document, known, others=others)
        if needs is not None and needs not in document:
            found.append(Fault((needs,), f"is missing; give {RULES[needs]}"))
        return found + split_faults(document)

    return faults


def _picture_faults(document: Mapping[str, Any]) -> list[Fault]:
    name = document["from"].removeprefix("torchvision:")
    if name not in PICTURES:
        text = f"must name a dataset of torchvision, but got {format_value(name)}"
        return [Fault(("from",), f"{text}; {suggestion(name, PICTURES)}")]
    faults: list[Fault] = _faults_of(*PICTURE_OPTIONS, needs="root")(document)
    alone = {"subset": "EMNIST", "size": "ImageFolder", "grayscale": "ImageFolder"}
    faults += [
        Fault((key,), f"is an option of {of} alone, but got it with {name}")
        for key, of in alone.items()
        if key in document and name != of
    ]
    if name == "EMNIST" and "subset" not in document:
        text = "is missing; give one of letters, digits, balanced, byclass, bymerge, mnist"
        faults.append(Fault(("subset",), text))
    return faults


SOURCES: dict[str, DataSource] = {
    "edges": DataSource(
        form="edges",
        serves=lambda source: source == "edges",
        faults=edge_faults,
        open=lambda document, _: EdgeDataset.from_dict(document),
    ),
    "npz": DataSource(
        form="a file x.npz",
        serves=lambda source: source.endswith(".npz"),
        faults=_faults_of(*ARRAYS),
        open=_open_npz,
    ),
    "csv": DataSource(
        form="x.csv",
        serves=lambda source: source.endswith(".csv"),
        faults=_faults_of(*FILES, "missing", "separator", needs="target"),
        open=_open_table,
    ),
    "parquet": DataSource(
        form="x.parquet",
        serves=lambda source: source.endswith(".parquet"),
        faults=_faults_of(*FILES, needs="target"),
        open=_open_table,
    ),
    "torchvision": DataSource(
        form="torchvision:FashionMNIST",
        serves=lambda source: source.startswith("torchvision:") or source in PICTURES,
        faults=_picture_faults,
        open=_open_pictures,
    ),
    "function": DataSource(
        form="a function as file.py:name or package.module:name",
        serves=is_reference,
        faults=_faults_of(*FUNCTIONS, others=True),
        open=_open_function,
    ),
}
"""The sources by name; the first that serves a ``from`` is the one."""
