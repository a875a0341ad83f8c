"""Results at a URL: what is there, what is here, and which of them stays."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ibsweep.cli import run
from ibsweep.errors import InputError, SweepError
from ibsweep.results import location
from ibsweep.results import mirror as mirror_module
from ibsweep.results.location import display_path, fetched, no_transfer, results_directory
from ibsweep.results.mirror import Mirror
from ibsweep.results.store import SweepStore


class Recorded(SubTreeFileSystem):
    """A real file system that also notes what is written, in order."""

    written: list[str]

    def open_output_stream(self, path, **options):
        self.written.append(path)
        return super().open_output_stream(path, **options)


@pytest.fixture
def there(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def mirror(there, copy):
    """Return a machine's mirror of the original; ``copy`` is that machine's cache."""
    filesystem = Recorded(str(there), LocalFileSystem())
    filesystem.written = []
    one = Mirror(filesystem, "results", "s3://bucket/results", copy)
    one.fetch()
    return one


def begin(copy, trials=3):
    """Begin a sweep in a copy, with finished trials."""
    store = SweepStore.create(copy, tiny.manifest("s"))
    add(store, range(trials))
    return store


def add(store, numbers):
    for number in numbers:
        store.add_trial(tiny.trial(number), [tiny.curve(number, 20)])


def numbers(folder):
    return [row.trial for row in SweepStore(folder / "s").trials()]


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
    order = [path.removeprefix("results/s/") for path in one.filesystem.written]
    assert order == [
        *("manifest.json", "curves.jsonl", "trials.jsonl", "models/trial-00000.pt"),
        *("confirmations.jsonl", "report.html", "best.pt", "best.yaml"),
    ]
    one.filesystem.written.clear()
    add(store, [3])
    one.push()
    assert one.filesystem.written == ["results/s/curves.jsonl", "results/s/trials.jsonl"]


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
    add(SweepStore(tmp_path / "b/s"), [3, 4])
    with pytest.raises(SweepError, match=r"curves.jsonl was written by another process"):
        second.push()
    assert numbers(there / "results") == [0, 1, 2, 3]


def test_a_sweep_that_another_machine_runs_is_refused_at_the_start(tmp_path, there, monkeypatch):
    first = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    with first.held("s"):
        second = mirror(there, tmp_path / "b")
        assert second.is_held_elsewhere("s")
        with (
            pytest.raises(InputError, match=r"s3://bucket/results/s is being run on .*; wait"),
            second.held("s"),
        ):
            raise AssertionError("both run it")
        with first.held("another"):
            pass
    assert numbers(there / "results") == [0, 1, 2], "given up only when all of it is there"
    second.fetch()
    assert not second.is_held_elsewhere("s")
    with second.held("s"):
        pass
    # a machine that died says nothing any more
    first._renew("s")
    monkeypatch.setattr(mirror_module, "_CLAIM_SECONDS", 0.05)
    first._over.wait(0.1)
    with second.held("s"):
        monkeypatch.undo()
        second.push()
        first.fetch()
        assert first.is_held_elsewhere("s")
    assert list((there / "results/.running").iterdir()) == []


def test_a_claim_is_renewed_while_a_sweep_runs(tmp_path, there, monkeypatch):
    monkeypatch.setattr(mirror_module, "_SECONDS", 0.01)
    one = mirror(there, tmp_path / "a")
    claim = there / "results/.running/s"
    one.start()
    with one.held("s"):
        first = json.loads(claim.read_text())["time"]
        for _ in range(500):
            one._over.wait(0.02)
            if json.loads(claim.read_text() or '{"time": 0}')["time"] > first:
                break
        else:
            raise AssertionError("it is never renewed")
    one._over.wait(0.1)
    assert not claim.exists(), "the thread does not bring it back"
    one.close()


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
    monkeypatch.setattr(mirror_module, "_SECONDS", 0.01)
    one = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    one.start()
    for _ in range(500):
        if (there / "results/s/trials.jsonl").exists():
            break
        one._over.wait(0.02)
    one.close()
    assert numbers(there / "results") == [0, 1, 2]


# The command line


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_url_is_the_directory_itself(tmp_path, capsys):
    begin(tmp_path / "my results")
    url = (tmp_path / "my results").as_uri()
    assert "%20" in url
    assert results_directory(url) == tmp_path / "my results"
    assert run(["sweeps", "--results", url]) == 0
    assert "tiny" in capsys.readouterr().out


def test_a_sweep_goes_to_a_url_and_its_messages_name_it(cache, tmp_path, capsys, ray_local):
    path = tiny.write(tmp_path)
    budget = ["--trials", "2", "--replicates", "2", "--confirm", "1", "--confirm-replicates", "2"]
    url = "mock://bucket/results"
    assert run(["tune", str(path), "--name", "s", *budget, "--results", url, "--json"]) == 0
    (sweep,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert sweep["directory"] == "mock://bucket/results/s"
    (index,) = cache.rglob(".mirror.json")
    pushed = json.loads(index.read_bytes())
    assert {"s/manifest.json", "s/trials.jsonl", "s/best.pt", "s/best.yaml"} <= pushed.keys()
    assert all(stamps["there"] for stamps in pushed.values())


def test_a_sweep_that_can_be_placed_nowhere_stays_in_neither_place(
    tmp_path, there, monkeypatch, capsys, ray_local
):
    copy = tmp_path / "a"
    one = mirror(there, copy)
    monkeypatch.setitem(location._mirrors, copy, one)
    path = tiny.write(tmp_path)
    words = ["tune", str(path), "--name", "s", "--cpus-per-trial", "64", "--results", str(copy)]
    assert run(words) == 2
    assert "a lower --cpus-per-trial" in capsys.readouterr().err
    assert "results/s/manifest.json" in one.filesystem.written
    assert not (copy / "s").exists()
    assert not (there / "results/s").exists()
    mirror(there, copy)
    assert not (copy / "s").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("fsspec+nothing://b/x", "name a directory, or a URL"),
        ("s3://", "s3:// names no bucket: a URL is such as s3://bucket/folder"),
        ("s3://user:pass@bucket/x", "a password in the URL of --results would stand in"),
        ("nowhere://bucket/x", "Unrecognized filesystem type in URI: nowhere://bucket/x"),
        ("s3://b?endpoint_override=127.0.0.1:9&scheme=http&region=x", "cannot reach s3://b?"),
    ],
)
def test_a_url_that_is_none_or_cannot_be_reached_is_one_clear_error(cache, url, message, capsys):
    assert run(["sweeps", "--results", url]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert message in line
    assert "pass@" not in line


def test_checks_for_another_machine_reach_for_nothing(cache):
    with no_transfer():
        copy = results_directory("s3://bucket/results/")
    assert not copy.exists()
    assert display_path(copy / "s") == "s3://bucket/results/s"
    with no_transfer():
        copy = results_directory("s3://bucket?region=here")
    assert display_path(copy / "s") == "s3://bucket/s?region=here"


def test_frames_are_read_from_a_url(cache):
    with pytest.raises(InputError, match="Unrecognized filesystem"):
        fetched("nowhere://bucket")
    assert fetched("mock://bucket/x").is_dir()
