"""The columns of the frames: declared once, typed by the records, listed in the docstrings."""

from __future__ import annotations

import pytest

from ibsweep.analysis import frames
from ibsweep.analysis.load import Results

NAMES = ("sweeps", "trials", "curves", "confirmations", "replications")


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_has_its_columns_with_their_types_and_documents_each(results, name):
    declared_once = getattr(frames, name.upper())
    accuracy = dict.fromkeys(("valid", "train", "test"), ("accuracy",))
    columns = frames.columns_of(declared_once, accuracy)
    frame = getattr(results, name)
    assert len(frame) > 0
    declared = {column.name: column.dtype for column in columns}
    assert len(declared) == len(columns), "no column twice"
    found = {column: str(dtype) for column, dtype in frame.dtypes.items()}
    assert {k: v for k, v in found.items() if not k.startswith("config_")} == declared
    text = " ".join(vars(Results)[name].__doc__.split())
    for column in declared_once:
        assert f"``{column.name}``" in text
        assert column.meaning in text


def test_a_column_of_a_record_has_the_type_of_its_field():
    dtypes = {column.name: column.dtype for column in frames.CONFIRMATIONS}
    assert dtypes["trial"] == "int64"
    assert dtypes["diverged_epoch"] == "Int64"  # may be missing
    assert dtypes["test_METRIC"] == "float64"
    assert dtypes["test_confusion"] == "object"
    assert {c.name: c.dtype for c in frames.REPLICATIONS}["exact"] == "bool"
