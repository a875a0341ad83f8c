"""The copy of results at a URL: what is there, what is here, and which of them stays."""

from __future__ import annotations

import os
import shutil

import pytest
from machines import add, begin, mirror, numbers

from ibsweep.errors import InputError, SweepError
from ibsweep.results import mirror as mirror_module
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore


def test_what_is_pushed_on_one_machine_is_fetched_on_another(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    first.push()
    mirror(there, tmp_path / "b")
    assert numbers(tmp_path / "b") == [0, 1, 2]
    assert (tmp_path / "b/s/manifest.json").read_bytes() == (
        tmp_path / "a/s/manifest.json"
    ).read_bytes()


def test_only_what_changed_is_pushed_and_a_readers_order_is_kept(tmp_path, there):
    one = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    for name in ("best.yaml", "best.pt", ".lock", "report.html", "confirmations.jsonl"):
        (store.paths.root / name).write_text(name)
    (store.paths.root / "models").mkdir()
    (store.paths.root / "models/trial-00000.pt").write_text("weights")
    (store.paths.root / ".tune").mkdir()
    (store.paths.root / ".tune/state").write_text("Ray's own")
    one.push()
    order = [path.removeprefix("results/s/") for path in one.remote.filesystem.written]
    assert order == [
        *("manifest.json", "proposals.jsonl", "curves.jsonl", "trials.jsonl"),
        "models/trial-00000.pt",
        *("confirmations.jsonl", "report.html", "best.pt", "best.yaml"),
    ]
    one.remote.filesystem.written.clear()
    add(store, [3])
    one.push()
    assert one.remote.filesystem.written == [
        f"results/s/{name}.jsonl" for name in ("proposals", "curves", "trials")
    ]


def test_a_machine_that_goes_on_with_anothers_sweep_adds_to_it(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    first.push()
    second = mirror(there, tmp_path / "b")
    add(SweepStore(tmp_path / "b/s"), [3, 4])
    second.push()
    mirror(there, tmp_path / "a")
    assert numbers(tmp_path / "a") == [0, 1, 2, 3, 4]


def test_what_was_not_pushed_when_the_process_died_is_pushed_by_the_next_one(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    add(store, [3])
    again = mirror(there, tmp_path / "a")
    assert numbers(tmp_path / "a") == [0, 1, 2, 3]
    again.push()
    assert numbers(there / "results") == [0, 1, 2, 3]


def test_the_side_that_is_further_stays_where_both_changed(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    second = mirror(there, tmp_path / "b")
    add(SweepStore(tmp_path / "b/s"), [3, 4])
    (tmp_path / "b/s/best.yaml").write_text("the best")
    second.push()
    add(store, [3])  # died before it was pushed; the other one had the same trial 3 and went on
    mirror(there, tmp_path / "a").push()
    for folder in (tmp_path / "a", there / "results"):
        assert numbers(folder) == [0, 1, 2, 3, 4]
        assert (folder / "s/best.yaml").read_text() == "the best"


def test_sweeps_that_went_on_without_each_other_are_both_kept(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    second = mirror(there, tmp_path / "b")
    add(SweepStore(tmp_path / "b/s"), [7])
    second.push()
    add(store, [3])
    with pytest.raises(InputError, match="went on without each other: remove one of them"):
        mirror(there, tmp_path / "a")
    assert numbers(tmp_path / "a") == [0, 1, 2, 3]
    assert numbers(there / "results") == [0, 1, 2, 7]
    shutil.rmtree(tmp_path / "a/s")
    mirror(there, tmp_path / "a")
    assert numbers(tmp_path / "a") == [0, 1, 2, 7]


def test_two_machines_at_once_are_noticed(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    second = mirror(there, tmp_path / "b")
    add(store, [3])
    first.push()
    add(SweepStore(tmp_path / "b/s"), [4])
    with pytest.raises(SweepError, match=r"proposals.jsonl was written by another process"):
        second.push()
    assert numbers(there / "results") == [0, 1, 2, 3]


def test_a_push_that_is_cut_off_before_it_noted_what_it_wrote_goes_on(tmp_path, there):
    one = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    one.push()
    add(store, [3])
    index = (tmp_path / "a/.mirror.json").read_bytes()
    one.push()
    (tmp_path / "a/.mirror.json").write_bytes(index)
    add(store, [4])
    mirror(there, tmp_path / "a").push()
    assert numbers(there / "results") == [0, 1, 2, 3, 4]


def test_what_was_removed_at_the_url_is_put_aside_here(tmp_path, there, capsys):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    shutil.rmtree(there / "results/s")
    with store.lock():
        mirror(there, tmp_path / "a")
        assert numbers(tmp_path / "a") == [0, 1, 2], "it runs"
    mirror(there, tmp_path / "a")
    assert not (tmp_path / "a/s").exists()
    assert numbers(tmp_path / "a/.removed") == [0, 1, 2]
    (line,) = capsys.readouterr().err.splitlines()
    assert "s3://bucket/results/s was removed there" in line
    mirror(there, tmp_path / "a").push()
    assert not (there / "results/s").exists()
    begin(tmp_path / "a", trials=1)
    mirror(there, tmp_path / "a").push()
    assert numbers(there / "results") == [0], "a new one of that name is another one"


def test_what_went_on_here_is_brought_back_where_it_was_removed(tmp_path, there):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    shutil.rmtree(there / "results/s")
    add(store, [3])
    mirror(there, tmp_path / "a").push()
    assert numbers(there / "results") == [0, 1, 2, 3]
    assert (there / "results/s/manifest.json").exists()


def test_a_sweep_that_runs_here_is_left_alone(tmp_path, there):
    """Another command on the machine looks, while another machine has written the same sweep."""
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    first.push()
    second = mirror(there, tmp_path / "b")
    add(SweepStore(tmp_path / "b/s"), [3, 4])
    second.push()
    with store.lock():
        mirror(there, tmp_path / "a")
        assert numbers(tmp_path / "a") == [0, 1, 2]
    mirror(there, tmp_path / "a")
    assert numbers(tmp_path / "a") == [0, 1, 2, 3, 4]


def test_replications_that_run_here_are_left_alone(tmp_path, there):
    one = mirror(there, tmp_path / "a")
    store = ReplicationStore(tmp_path / "a")
    with store.open():
        store.add([])
        one.push()
        (there / "results" / "replications.jsonl").write_text("another machine's\n")
        one.pull()
        assert store.path.read_text() == ""
    one.pull()
    assert store.path.read_text() == "another machine's\n"


def test_names_at_the_url_do_not_lead_out_of_the_copy(tmp_path, there):
    """An object store takes any name; that a bucket is shared makes none of it ours."""
    begin(there / "results")
    one = mirror(there, tmp_path / "a")
    names = ("../../victim", "s/../../../victim", "/victim", "s//victim", ".mirror.id", "s/.lock")
    files = one.remote.files() | {name: [3, 1] for name in names}
    before = (tmp_path / "a" / ".mirror.id").read_text()
    one.remote.files = lambda: files
    one.pull()
    assert not list(tmp_path.rglob("victim"))
    assert (tmp_path / "a" / ".mirror.id").read_text() == before
    assert numbers(tmp_path / "a") == [0, 1, 2]


def test_a_url_that_refuses_loses_nothing_and_names_the_copy(tmp_path, there):
    one = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    (there / "results").rmdir()
    (there / "results").write_text("a file is in the way")
    with pytest.raises(SweepError) as caught:
        one.close()
    first, second = str(caught.value).splitlines()
    assert first.startswith("cannot write to s3://bucket/results: ")
    assert str(tmp_path / "a") in second
    (there / "results").unlink()
    mirror(there, tmp_path / "a").close()
    assert numbers(there / "results") == [0, 1, 2]


def test_the_thread_pushes_while_a_sweep_runs(tmp_path, there, monkeypatch):
    monkeypatch.setattr(mirror_module, "_PUSH_SECONDS", 0.01)
    one = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    one.start()
    for _ in range(500):
        if (there / "results/s/trials.jsonl").exists():
            break
        one._stop.wait(0.02)
    one.close()
    assert numbers(there / "results") == [0, 1, 2]


def test_a_best_that_a_sweep_takes_back_is_gone_everywhere(tmp_path, there):
    """Else an extended sweep would be finished again wherever its results are fetched."""
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    store.paths.best_config.write_text("trial: 0")
    first.push()
    mirror(there, tmp_path / "b")
    assert SweepStore(tmp_path / "b/s").paths.best_config.exists()
    with first.lease("s"):
        store.paths.best_config.unlink()
        add(store, [3])
    assert not (there / "results/s/best.yaml").exists()
    mirror(there, tmp_path / "b")
    assert numbers(tmp_path / "b") == [0, 1, 2, 3]
    assert not (tmp_path / "b/s/best.yaml").exists()
    (tmp_path / "b/s/trials.jsonl").unlink()
    mirror(there, tmp_path / "b")
    assert numbers(tmp_path / "b") == [0, 1, 2, 3], "records are brought back"


def test_a_download_that_was_cut_off_goes_on(tmp_path, there, monkeypatch):
    first = mirror(there, tmp_path / "a")
    store = begin(tmp_path / "a")
    for name in ("best.yaml", "study.log"):
        (store.paths.root / name).write_text(name)
    first.push()
    read, names = first.remote.read, []

    def fail(name):
        names.append(name)
        if len(names) == 6:
            raise InputError("the URL is out of reach")
        return read(name)

    with monkeypatch.context() as patched:
        patched.setattr(first.remote, "read", fail)
        with pytest.raises(InputError, match="out of reach"):
            mirror_module.Mirror(first.remote, tmp_path / "b").pull()
    again = mirror(there, tmp_path / "b")
    assert all((tmp_path / "b" / name).exists() for name in again.remote.files())


@pytest.mark.parametrize(
    "index", ["", "[]", "{", '{"s/trials.jsonl": []}', '{"s/trials.jsonl": {}}']
)
def test_a_damaged_index_loses_nothing(tmp_path, there, index):
    first = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    first.push()
    (tmp_path / "a/.mirror.json").write_text(index)
    os.mkfifo(tmp_path / "a/s/pipe")
    mirror(there, tmp_path / "a").push()
    assert numbers(there / "results") == numbers(tmp_path / "a") == [0, 1, 2]
