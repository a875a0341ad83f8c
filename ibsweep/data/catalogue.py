"""The table of data sources: a question's data come from one of its entries.

A new source is one more entry, and a folder or module beside ``edges`` with what the entry names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ibsweep.data.dataset import Dataset
from ibsweep.data.edges.dataset import EdgeDataset
from ibsweep.data.edges.dataset import task_faults as edge_faults
from ibsweep.errors import Fault

__all__ = ["SOURCES", "DataSource", "dataset_of", "task_faults"]


@dataclass(frozen=True)
class DataSource:
    """One source of data.

    Attributes:
        faults: Finds everything wrong in a task, without NumPy and torch; a fault's path begins
            inside of the task.
        make: Makes the dataset of a task, or raises InputError with a line for each fault.
    """

    faults: Callable[[Mapping[str, Any]], list[Fault]]
    make: Callable[[Mapping[str, Any]], Dataset]


SOURCES: dict[str, DataSource] = {
    "edges": DataSource(faults=edge_faults, make=EdgeDataset.from_dict),
}
"""The sources by name."""


def _source_of(task: Mapping[str, Any]) -> DataSource:
    del task  # none names its source: all that there are hold options of the edge images
    return SOURCES["edges"]


def dataset_of(task: Mapping[str, Any]) -> Dataset:
    """Return the dataset that a question's ``task`` describes.

    Raises:
        InputError: With one line for everything that is wrong in the task.
    """
    return _source_of(task).make(task)


def task_faults(task: Mapping[str, Any]) -> list[Fault]:
    """Find everything that is wrong in a question's ``task``; paths begin inside of it."""
    return _source_of(task).faults(task)
