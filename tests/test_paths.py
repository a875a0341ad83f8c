"""Paths that no file system has, and words of a command line that look like options."""

from __future__ import annotations

import pytest

from ibsweep.errors import InputError
from ibsweep.paths import is_there, operand, usable_path

IMPOSSIBLE = ["x" * 300, "a/" * 3000, "a\0b", "\udcff", "~nobody-of-that-name/x"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_no_file_system_has(tmp_path, name):
    with pytest.raises(InputError, match="name another place") as caught:
        usable_path(name, tmp_path)
    assert len(str(caught.value)) < 300
    assert not is_there(name)


def test_a_path_through_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a directory"):
        usable_path(tmp_path / "file" / "below")


def test_what_is_not_there_yet_is_usable(tmp_path):
    assert usable_path(tmp_path / "new") == tmp_path / "new"
    assert usable_path("new", tmp_path) == tmp_path / "new"


def test_no_option():
    assert operand("-x") == "./-x"
    assert operand("a/-x") == "a/-x"
