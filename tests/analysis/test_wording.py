"""What figures are called; and that it is asked of the records alone."""

from __future__ import annotations

import pytest
import tiny

from ibsweep.analysis.wording import schema_of
from ibsweep.errors import InputError


def test_data_that_are_not_on_record_are_never_opened(tmp_path):
    """To open them would call a function: whoever wrote the results would choose which."""
    called = {"from": "os:mkdir", "path": str(tmp_path / "called")}
    question = tiny.question().model_copy(update={"data": called})
    with pytest.raises(InputError, match="what its data are is not on record"):
        schema_of(question, tiny.manifest().model_copy(update={"data": None}))
    assert not (tmp_path / "called").exists()


def test_generated_data_say_what_they_are():
    assert schema_of(tiny.question()).source == "edges"
