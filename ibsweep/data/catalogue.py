"""A question's data, opened: loaded once in a process, or attached where others have loaded them.

A question's data are described by its *data document*: what the question file has under ``data:``,
with its ``split:`` as one more key. What it may name stands in ``sources/known``.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.data.dataset import Dataset
from ibsweep.data.faults import raise_faults
from ibsweep.data.sources.known import SOURCES, DataSource
from ibsweep.errors import Fault, format_value, suggestion

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["attach", "data_faults", "document_of_task", "open_dataset"]

_KEPT = 4
"""Datasets that a process keeps, the last ones used."""


_opened: OrderedDict[tuple[str, str | None], Dataset] = OrderedDict()
_attached: OrderedDict[str, Dataset] = OrderedDict()


def data_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Find what is wrong in a data document, as far as can be told without the data.

    Args:
        document: What a question file has under ``data:``, and its ``split:`` as a key.

    Returns:
        The faults; a path begins inside of the document: ``("split", "train")``, ``("root",)``.
    """
    found = _source(document)
    return [found] if isinstance(found, Fault) else found.faults(document)


def open_dataset(document: Mapping[str, Any], folder: Path | None = None) -> Dataset:
    """Load the dataset of a data document, or return it where this process has it already.

    Args:
        document: What a question file has under ``data:``, and its ``split:`` as a key.
        folder: The folder of the question file, where relative paths begin. Without one it is
            the dataset that was attached, if there is one: training needs no more.

    Raises:
        InputError: With one line for everything that is wrong in the document or the data.

    Example:
        >>> edges = open_dataset({"from": "edges", "split": {"train": [10, 30]}})
        >>> len(edges.replicate(seed=10, train_size=30).train.targets)
        90
    """
    key = json.dumps(document, sort_keys=True, default=str)
    if folder is None and key in _attached:
        return _kept(_attached, key)
    place = _place(document, folder)
    if (key, place) in _opened:
        return _kept(_opened, (key, place))
    source = _source(document)
    faults = [source] if isinstance(source, Fault) else source.faults(document)
    raise_faults(faults)
    assert isinstance(source, DataSource), "or it is a fault"
    return _keep(_opened, (key, place), source.open(document, folder))


def attach(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None) -> Dataset:
    """Make a dataset of arrays that were loaded elsewhere; ``open_dataset`` then returns it.

    Whatever trains has this done before: workers run no data function of the user's and need none
    of the files.

    Args:
        document: The data document.
        arrays: What ``Dataset.arrays`` returned there, perhaps read-only; None for a generator.
    """
    if arrays is None:
        return open_dataset(document)
    from ibsweep.data.pool import PoolDataset

    key = json.dumps(document, sort_keys=True, default=str)
    made = PoolDataset.attach(document, arrays)
    if key in _attached and _attached[key].fingerprint() == made.fingerprint():
        return _kept(_attached, key)
    return _keep(_attached, key, made)


def document_of_task(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data document of a question's ``task``, as files and manifests once had it.

    Args:
        task: The options of the edge images beside ``train_images``, ``valid_images`` and
            ``test_images``. A data document is returned as it is.
    """
    if "from" in task:
        return dict(task)
    split = {
        new: task[old]
        for new, old in {
            "train": "train_images",
            "valid": "valid_images",
            "test": "test_images",
        }.items()
        if old in task
    }
    options = {
        k: v for k, v in task.items() if k not in ("train_images", "valid_images", "test_images")
    }
    return {"from": "edges", **options, "split": {**split, "per": "class"}}


def _source(document: Mapping[str, Any]) -> DataSource | Fault:
    given = document.get("from")
    forms = ", ".join(source.form for source in SOURCES.values())
    if given is None:
        return Fault(("from",), f"is missing; give one of {forms}")
    if not isinstance(given, str):
        return Fault(("from",), f"must be one of {forms}, but got {format_value(given)}")
    for source in SOURCES.values():
        if source.serves(given):
            return source
    hint = suggestion(given, ["edges"]) if given.isidentifier() else ""
    return Fault(
        ("from",),
        f"must be one of {forms}, but got {format_value(given)}"
        + (f"; {hint}" if hint.startswith("did") else ""),
    )


def _place(document: Mapping[str, Any], folder: Path | None) -> str:
    """Return where a source lies, and of which state its file is, if it is one."""
    path = Path(folder or "", str(document.get("from")).split(":")[0])
    with suppress(OSError, ValueError):
        state = path.stat()
        return f"{path.resolve()} {state.st_mtime_ns} {state.st_size}"
    return str(Path(folder or "").resolve())


def _kept(datasets: OrderedDict[Any, Dataset], key: Any) -> Dataset:
    datasets.move_to_end(key)
    return datasets[key]


def _keep(datasets: OrderedDict[Any, Dataset], key: Any, dataset: Dataset) -> Dataset:
    datasets[key] = dataset
    while len(datasets) > _KEPT:
        datasets.popitem(last=False)
    return dataset
