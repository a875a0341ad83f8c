"""Tables in CSV and Parquet files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ibsweep.data.columns import target_column
from ibsweep.data.faults import DataError
from ibsweep.data.pool import Loaded
from ibsweep.data.sources.files import data_file
from ibsweep.errors import Fault

__all__ = ["load"]


def load(document: Mapping[str, Any], folder: Path | None) -> Loaded:
    """Load a table whose columns have names.

    Raises:
        DataError: There is no such file, or it is no table with the target.
    """
    path = data_file(document["from"], folder)
    try:
        frame = _read_csv(path, document) if path.suffix == ".csv" else _read_parquet(path)
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own are ValueErrors
        if isinstance(error, DataError):
            raise
        text = f"{path} cannot be read as a table: {str(error).strip()}"
        raise DataError([Fault(("from",), text)]) from error
    inputs, target = target_column(frame, document)
    return Loaded({"train": (inputs, target.to_numpy())})


def _read_csv(path: Path, document: Mapping[str, Any]) -> Any:
    import pandas as pd

    separator = document.get("separator", ",")
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file, delimiter=separator), [])
    if len(header) == 1 and ";" in header[0] and separator == ",":
        text = f"the columns of {path} seem to be separated by ';'; give separator: ';'"
        raise DataError([Fault(("separator",), text)])
    marks: dict[str, Any] = {}
    if "missing" in document:
        marks = {"na_values": ["", *document["missing"]], "keep_default_na": False}
    try:
        frame = pd.read_csv(
            path, sep=separator, index_col=False, low_memory=False, encoding="utf-8-sig", **marks
        )
    except pd.errors.EmptyDataError as error:
        raise DataError([Fault(("from",), f"{path} is empty")]) from error
    # pandas renames a second column of a name; here it is a fault.
    return frame.set_axis(header, axis=1) if len(header) == frame.shape[1] else frame


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)
