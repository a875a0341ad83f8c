"""The hold on a sweep: from its creation on, by one process, and gone with the directory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiny
from machines import mirror

from ibsweep.cli import run
from ibsweep.errors import InputError, SweepError, SweepGoneError
from ibsweep.results import location
from ibsweep.results.held_sweeps import created_sweeps, held_sweeps
from ibsweep.results.repair import repair
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import find_sweep
from ibsweep.results.working_files import make_working_directory, remove_working_files


def elsewhere(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True
    )


RESUME = """
import sys
from pathlib import Path
from ibsweep.errors import InputError
from ibsweep.results.sweeps import find_sweep
for name in sys.argv[2:]:
    try:
        find_sweep(Path(sys.argv[1]), name).hold()
        print(name, "taken")
    except InputError as error:
        print(error)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_every_sweep_of_a_command_is_held_from_its_making_on(tmp_path):
    """Also those that wait for their turn; what is finished is given back."""
    manifests = [tiny.manifest(name) for name in ("a", "b")]
    with created_sweeps(tmp_path, manifests) as (a, b):
        said = elsewhere(RESUME, tmp_path, "a", "b").stdout.splitlines()
        assert said == [
            f"sweep {name!r} is being run by another process; wait for it or stop it"
            for name in ("a", "b")
        ]
        a.release()
        said = elsewhere(RESUME, tmp_path, "a", "b").stdout.splitlines()
        assert said[0] == "a taken"
        assert "'b' is being run" in said[1]
        with b.lock():
            assert b.is_running()
        assert b.is_running(), "a block inside does not give it back"
    assert elsewhere(RESUME, tmp_path, "b").stdout == "b taken\n"
    assert names(tmp_path) == ["a", "b"]


def test_a_refused_sweep_is_removed_and_what_others_hold_is_not(tmp_path):
    def refused(manifests):
        with created_sweeps(tmp_path, manifests):
            raise InputError("refused")

    with pytest.raises(InputError, match="refused"):
        refused([tiny.manifest("a"), tiny.manifest("b")])
    assert names(tmp_path) == []
    other = SweepStore.create_held(tmp_path, tiny.manifest("b"))
    with pytest.raises(InputError, match=r"a sweep named 'b' is in .* already"):
        refused([tiny.manifest("a"), tiny.manifest("b")])
    assert names(tmp_path) == ["b"]
    other.check()

    def given_back():
        with created_sweeps(tmp_path, [tiny.manifest("a")]) as (a,):
            a.release()
            raise InputError("refused")

    with pytest.raises(InputError, match="refused"):
        given_back()
    assert names(tmp_path) == ["a", "b"], "it was given back, so that it may be another's by now"


def test_sweeps_are_held_all_or_none(tmp_path):
    free, taken = (SweepStore.create(tmp_path, tiny.manifest(name)) for name in ("free", "taken"))
    with SweepStore(taken.paths.root).lock():
        with pytest.raises(InputError, match="'taken' is being run"), held_sweeps([free, taken]):
            pass
        assert not free.is_running()
        assert taken.is_running()


def _make(folder):
    try:
        return SweepStore.create_held(folder, tiny.manifest("same"))
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("left", ["nothing", "an empty directory", "a killed one"])
def test_one_of_many_that_make_a_sweep_at_once_has_it(tmp_path, left):
    if left != "nothing":
        (tmp_path / "same").mkdir()
    if left == "a killed one":
        for name in (".lock", ".0123456789abcdef.new"):
            (tmp_path / "same" / name).write_text("")
    with ThreadPoolExecutor(5) as pool:
        made = list(pool.map(_make, [tmp_path] * 5))
    (store,) = [one for one in made if isinstance(one, SweepStore)]
    said = {one for one in made if isinstance(one, str)}
    assert all("is being run by another" in one or "already" in one for one in said)
    store.check()
    assert find_sweep(tmp_path, "same").is_running()
    store.release()


def test_a_planted_directory_is_not_taken_for_a_sweeps(tmp_path):
    (tmp_path / "victims").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "tiny").symlink_to(tmp_path / "victims")
    with pytest.raises(InputError, match="is no sweep, but the name is taken"):
        SweepStore.create(tmp_path / "results", tiny.manifest())
    assert names(tmp_path / "victims") == []


@pytest.mark.parametrize("name", ["report", "Report", "replications.jsonl"])
def test_no_sweep_lies_where_other_results_do(tmp_path, name):
    with pytest.raises(InputError, match="no sweep can be named"):
        SweepStore.create(tmp_path, tiny.manifest(name))
    assert names(tmp_path) == []


def test_a_lock_that_is_a_planted_link_is_not_followed(tmp_path):
    store = SweepStore.create(tmp_path / "results", tiny.manifest())
    victim = tmp_path / "victim"
    victim.write_text("precious")
    store.paths.lock.unlink()
    store.paths.lock.symlink_to(victim)
    assert not store.is_running()
    with pytest.raises(SweepError, match=r"cannot write .*\.lock: it is a symbolic link"):
        store.hold()
    (tmp_path / "results" / ".replications.lock").symlink_to(victim)
    with (
        pytest.raises(SweepError, match=r"cannot write .*\.replications\.lock: it is a symbolic"),
        ReplicationStore(tmp_path / "results").open(),
    ):
        pass
    assert victim.read_text() == "precious"


def test_what_another_machine_begins_is_left_to_it(tmp_path, there, monkeypatch):
    """Two machines make a sweep of one name at a URL: the second one leaves nothing behind."""
    first, second = mirror(there, tmp_path / "a"), mirror(there, tmp_path / "b")
    monkeypatch.setattr(location, "_mirrors", {tmp_path / "a": first, tmp_path / "b": second})
    with created_sweeps(tmp_path / "a", [tiny.manifest("s")]):
        first.push()
        with (
            pytest.raises(InputError, match=r"s3://bucket/results/s is being run on"),
            created_sweeps(tmp_path / "b", [tiny.manifest("t"), tiny.manifest("s")]),
        ):
            pass
        visible = [name for name in names(tmp_path / "b") if not name.startswith(".")]
        assert visible == []
        assert (there / "results" / "s" / "manifest.json").exists()


def test_whoever_waits_for_a_sweep_that_is_removed_is_told(tmp_path):
    store = SweepStore.create_held(tmp_path, tiny.manifest())
    waiting = SweepStore(store.paths.root)
    with ThreadPoolExecutor() as pool:
        result = pool.submit(waiting.hold)
        store.remove()
        store.release()
        with pytest.raises((InputError, SweepError)):
            result.result(timeout=10)
    assert names(tmp_path) == []
    with pytest.raises(InputError, match="tiny was removed meanwhile"):
        waiting.hold()
    assert names(tmp_path) == []


# What vanishes


def remove(store):
    shutil.rmtree(store.paths.root)


def move(store):
    store.paths.root.rename(store.paths.root.with_name("moved"))


def replace(store):
    remove(store)
    SweepStore.create(store.paths.root.parent, tiny.manifest())


def remove_results(store):
    shutil.rmtree(store.paths.root.parent)


@pytest.mark.parametrize("lose", [remove, move, replace, remove_results])
def test_a_directory_that_is_gone_is_said_and_none_is_left_without_a_manifest(tmp_path, lose):
    results = tmp_path / "results"
    store = SweepStore.create(results, tiny.manifest())
    store.add_trial(tiny.trial(0), [tiny.curve(0, 20)])

    def go_on():
        lose(store)
        if not store.paths.root.exists():  # as Ray Tune does
            (store.paths.tune / "tune").mkdir(parents=True)
            (store.paths.tune / "tune" / "state.json").write_text("{}")
        store.add_trial(tiny.trial(1), [tiny.curve(1, 20)])

    with pytest.raises(SweepGoneError, match="tiny was removed or moved away while"), store.lock():
        go_on()
    left = {path.parent.name for path in tmp_path.glob("*/*/manifest.json")}
    assert results.exists() != (lose is remove_results)
    assert all((path / "manifest.json").exists() for path in tmp_path.glob("*/*"))
    assert {move: ["moved"], replace: ["tiny"]}.get(lose, []) == (
        names(results) if results.exists() else []
    )
    assert len(left) == (lose in (move, replace))
    if lose is replace:
        assert find_sweep(results, "tiny").trials() == []


def test_a_manifest_that_was_removed_is_there_again_and_the_sweep_ends(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest())
    before = store.paths.manifest.read_bytes()
    with (
        pytest.raises(SweepError, match=r"manifest\.json was removed while .* there again"),
        store.lock(),
    ):
        store.paths.manifest.unlink()
    assert store.paths.manifest.read_bytes() == before


def test_what_a_block_failed_of_is_not_told_where_the_directory_is_gone(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest())

    def fail():
        with store.lock():
            remove(store)
            raise KeyError("trial")

    with pytest.raises(SweepGoneError, match="removed or moved away") as caught:
        fail()
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_journal_that_was_removed_is_not_begun_anew(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest())
    store.add_trial(tiny.trial(0), [tiny.curve(0, 20)])
    with store.lock():
        store.paths.trials.unlink()
        with pytest.raises(SweepError, match=r"trials\.jsonl: it was removed meanwhile"):
            store.add_trial(tiny.trial(1), [])
    replications = ReplicationStore(tmp_path)
    with replications.open():
        replications.add([])
        replications.path.unlink()
        with pytest.raises(SweepError, match=r"replications\.jsonl: it was removed meanwhile"):
            replications.add([])


def test_ray_tunes_files_go_to_a_directory_of_our_own(tmp_path):
    store = SweepStore.create(tmp_path / "results", tiny.manifest())
    assert make_working_directory(store).stat().st_mode & 0o777 == 0o700
    (store.paths.tune / "state").write_text("")
    assert names(make_working_directory(store)) == []
    remove_working_files(store)
    (tmp_path / "victim").mkdir()
    store.paths.tune.symlink_to(tmp_path / "victim")
    with pytest.raises(SweepError, match=r"cannot write .*\.tune: file exists"):
        make_working_directory(store)


def test_logs_and_weights_are_not_written_through_planted_links(tmp_path):
    store = SweepStore.create(tmp_path / "results", tiny.manifest())
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for path in (store.paths.log(0), store.paths.model(0)):
        path.parent.mkdir()
        path.symlink_to(victim)
    with pytest.raises(SweepError, match=r"trial-00000\.log: it is a symbolic link"):
        store.add_log(0, "printed\n")
    store.write(store.paths.model(0), b"weights")
    store.add_log(1, "printed\n")
    assert victim.read_text() == "precious"
    assert store.paths.model(0).read_bytes() == b"weights"
    assert store.paths.log(1).read_text() == "printed\n"


def test_what_killed_processes_left_is_removed_by_the_next_one(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest())
    store.write(store.paths.model(0), b"weights")
    before = sorted(store.paths.root.rglob("*"))
    for folder in (store.paths.root, store.paths.models):
        (folder / ".0123456789abcdef.new").write_text("half")
    (store.paths.root / ".study-x").mkdir()
    (store.paths.root / ".study-x" / "study.log").write_text("half")
    with store.lock():
        repair(store)
    assert sorted(store.paths.root.rglob("*")) == before


def test_reading_writes_nothing(tmp_path, capsys):
    store = SweepStore.create(tmp_path, tiny.manifest())
    store.paths.lock.unlink()
    assert run(["sweeps", "--results", str(tmp_path)]) == 0
    assert names(store.paths.root) == ["manifest.json"]
