"""A sweep has the name that its manifest says, and counts once, wherever it was copied to."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import finished
import pytest
import tiny

import ibsweep
from ibsweep.analysis.check import check_sweep
from ibsweep.cli import run
from ibsweep.errors import InputError
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import find_sweep, find_sweeps


@pytest.fixture
def sweep(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest("s"))
    tiny.add_trial(store, tiny.trial(0))
    return store.paths.root


def names(results):
    return {name: store.paths.root.name for name, store in find_sweeps(results).stores.items()}


@pytest.mark.parametrize("copy", ["s.bak", "a", "z"])
def test_a_copy_does_not_count(sweep, tmp_path, copy):
    shutil.copytree(sweep, tmp_path / copy)
    assert names(tmp_path) == {"s": "s"}
    assert (
        f"{copy} is a copy of sweep 's', which counts once" in find_sweeps(tmp_path).left_out[copy]
    )
    assert find_sweep(tmp_path, "s").paths.root == sweep
    with pytest.raises(InputError, match="is a copy of sweep 's'"):
        find_sweep(tmp_path, copy)


def test_a_renamed_directory_has_one_name(sweep, tmp_path):
    sweep.rename(tmp_path / "renamed")
    assert names(tmp_path) == {"s": "renamed"}
    assert find_sweep(tmp_path, "s").paths.root == tmp_path / "renamed"
    with pytest.raises(InputError, match="renamed is the directory of sweep 's': use that name"):
        find_sweep(tmp_path, "renamed")


def test_of_two_renamed_copies_one_counts(sweep, tmp_path):
    shutil.copytree(sweep, tmp_path / "b")
    sweep.rename(tmp_path / "a")
    assert names(tmp_path) == {"s": "a"}
    assert find_sweeps(tmp_path).left_out.keys() == {"b"}


def test_the_manifest_of_another_sweep_does_not_make_a_copy_of_it(tmp_path):
    """Whoever is told of a copy removes it."""
    for name in ("s", "t"):
        finished.write(tmp_path, name)
    shutil.copy(tmp_path / "t" / "manifest.json", tmp_path / "s" / "manifest.json")
    why = find_sweeps(tmp_path).left_out["s"]
    assert "has the manifest of sweep 't'" in why
    assert why.endswith("beside records of another sweep: put its own manifest.json back")


def test_a_link_to_nowhere_and_another_users_directory_are_said(sweep, tmp_path, monkeypatch):
    (tmp_path / "away").symlink_to("/no/disk/here")
    (tmp_path / "lost+found").symlink_to("/no/disk/here")  # no sweep is called so
    (tmp_path / "secret").mkdir()
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, *mode: path.name != "secret" and allowed(path, *mode)
    )
    assert find_sweeps(tmp_path).left_out == {
        "away": f"{tmp_path / 'away'} is a link to what is not there",
        "secret": f"{tmp_path / 'secret'} cannot be read: permission denied",
    }
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="cannot be read: permission denied"):
        find_sweeps(tmp_path)


def test_what_lies_beyond_a_closed_directory_is_said(sweep, tmp_path, monkeypatch, capsys):
    """Of root's rights nothing is closed: the system's answer stands in."""
    is_dir = Path.is_dir

    def denied(path):
        if path.name in ("closed", "beyond"):
            raise PermissionError(13, "Permission denied", str(path))
        return is_dir(path)

    (tmp_path / "closed").symlink_to("/another/users/sweep")
    monkeypatch.setattr(Path, "is_dir", denied)
    assert list(find_sweeps(tmp_path).left_out) == ["closed"]
    assert find_sweep(tmp_path, "s").paths.root == sweep
    assert run(["check", "all", "--results", str(tmp_path)]) == 1
    assert "closed cannot be read: permission denied" in capsys.readouterr().out
    for words in (["check", "all"], ["sweeps"], ["report"], ["resume", "s"], ["settle", "all"]):
        assert run([*words, "--results", str(tmp_path / "beyond")]) == 2
        assert "beyond cannot be read: permission denied" in capsys.readouterr().err


def test_a_sweep_on_another_disk_is_called_as_its_link(sweep, tmp_path):
    (tmp_path / "disk").mkdir()
    shutil.move(sweep, tmp_path / "disk" / "elsewhere")
    sweep.symlink_to(tmp_path / "disk" / "elsewhere")
    assert check_sweep(SweepStore(sweep)).damage == ()


def test_a_directory_and_a_sweep_of_one_name_hide_no_fault(tmp_path):
    sweep = finished.write(tmp_path).paths.root
    shutil.copytree(sweep, tmp_path / "other")
    (sweep / "manifest.json").write_text("{")
    with (tmp_path / "other" / "trials.jsonl").open("r+b") as file:
        file.write(b"x")
    why = ibsweep.load(tmp_path).unreadable["s"]
    assert "manifest.json is damaged" in why
    assert "line 1 is no trial row" in why


def test_a_copy_counts_for_all_where_the_sweep_itself_cannot_be_read(sweep, tmp_path):
    shutil.copytree(sweep, tmp_path / "s.bak")
    (sweep / "manifest.json").write_text("{")
    assert names(tmp_path) == {"s": "s.bak"}
    assert find_sweep(tmp_path, "s").paths.root.name == "s.bak"
    shutil.rmtree(tmp_path / "s.bak")
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        find_sweep(tmp_path, "s")


def test_another_sweep_of_the_same_name_does_not_pass_for_it(sweep, tmp_path):
    other = shutil.copytree(sweep, tmp_path / "other") / "manifest.json"
    document = json.loads(other.read_text()) | {"created": "2020-01-01T00:00:00+00:00"}
    del document["check"]
    other.write_text(json.dumps(document))
    assert names(tmp_path) == {"s": "s"}
    assert "holds another sweep of the name 's'" in find_sweeps(tmp_path).left_out["other"]


def test_records_without_a_manifest_are_said(sweep, tmp_path):
    (sweep / "manifest.json").unlink()
    assert names(tmp_path) == {}
    assert "no manifest.json, which says what they are of" in find_sweeps(tmp_path).left_out["s"]


DAMAGES = {
    "created": "yesterday",
    "arm": "unknown",
    "question": {},
    "seed": 2**70,
    "replicates": 10**12,
    "resumed": [{}],
    "nodes": [{"node": "a"}],
    "git": {},
    "sampler": {},
    "name": "../../elsewhere",
}


@pytest.mark.parametrize("field", DAMAGES)
def test_a_damaged_manifest_hides_no_other_sweep(sweep, tmp_path, field):
    SweepStore.create(tmp_path, tiny.manifest("other"))
    path = sweep / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: DAMAGES[field]}))
    assert names(tmp_path) == {"other": "other"}
    assert find_sweeps(tmp_path).left_out.keys() == {"s"}
    with pytest.raises(InputError):
        find_sweep(tmp_path, "s")
