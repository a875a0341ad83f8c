"""Code of the user's own on a machine that has not its folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ibsweep.trial import supplies
from ibsweep.trial.plan import TrialPlan

CODE = {"mine.py": "one = 1\n", "more/deep.py": "two = 2\n"}


def plan(**own):
    return TrialPlan(
        trial=0,
        model="cnn",
        data={},
        train_size=1,
        settings={},
        seeds=(1,),
        own={"folder": "/nowhere", "code": {"mine.py": "another"}, **own},
    )


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    supplies._folder_of.cache_clear()
    return tmp_path


def test_it_is_written_once_and_what_killed_workers_left_is_removed(temporary):
    left = temporary / "ibsweep-code-abcdefgh"
    left.mkdir()
    (left / "mine.py").touch()
    first, second = (supplies.supplied(plan(sources=CODE), None) for _ in range(2))
    folder = Path(first.folder)
    assert second.folder == first.folder
    assert {name: (folder / name).read_text() for name in CODE} == CODE
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == [folder]
