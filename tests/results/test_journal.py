"""Files that survive a full disk."""

from __future__ import annotations

import pytest
from disks import files_up_to

from ibsweep.errors import SweepError
from ibsweep.results.journal import replace_file


def test_replace_file_keeps_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / "best.yaml"
    replace_file(path, b"old")
    with (
        files_up_to(100),
        pytest.raises(SweepError, match=r"cannot write .*best\.yaml: file too large"),
    ):
        replace_file(path, bytes(1000))
    assert path.read_bytes() == b"old"
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"  # whoever reads sees one file or the other
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
