"""Compiled kernels are kept on disk where that can be done, and work where it cannot."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ibsweep.models.kernels import cache, common


def double(x):
    return x + x


@pytest.fixture
def unwritable(monkeypatch, tmp_path):
    """The usual place is none, as for a user without a home; temporary files go to a new place."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(tmp_path / "file" / "kernels"))
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_the_usual_place_is_what_the_user_names(monkeypatch, tmp_path):
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(tmp_path / "named"))
    assert cache.cache_directory() == tmp_path / "named"
    assert cache.cache_note(cache.cache_directory()) is None


def test_where_it_cannot_be_written_a_directory_of_the_users_own_is_used(unwritable):
    found = cache.cache_directory()
    assert found.parent == unwritable
    assert found.stat().st_mode & 0o777 == 0o700
    assert f"are kept in {found}" in cache.cache_note(cache.cache_directory())
    found.chmod(0o777)  # others could put code of theirs there
    assert cache.cache_directory() is None
    assert "every process compiles its own" in cache.cache_note(cache.cache_directory())


def test_a_user_without_a_home_has_one_too(monkeypatch, unwritable):
    def nobody_knows(*arguments):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    monkeypatch.setattr(cache.platformdirs, "user_cache_path", nobody_knows)
    assert cache.cache_directory().parent == unwritable
    assert "are kept in" in cache.cache_note(cache.cache_directory())


def test_kernels_are_compiled_where_nothing_can_be_kept_or_what_is_kept_is_damaged(
    monkeypatch, tmp_path
):
    for place in (None, tmp_path / "file" / "kernels", tmp_path / "kept"):
        (tmp_path / "file").touch()
        monkeypatch.setattr(common, "CACHE", place)
        assert common.compile_kernel(double)(2.0) == 4
    kept = [path for path in Path(tmp_path / "kept").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} == {".nbi", ".nbc"}
    kernel = common.compile_kernel(double)
    assert kernel(2.0) == 4
    assert sum(kernel.stats.cache_hits.values()) == 1
    for path in kept:
        path.write_bytes(b"damaged")
        assert common.compile_kernel(double)(2.0) == 4
