"""A sweep's directory: durable lines, torn tails, full disks, names, locks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiny
from disks import files_up_to

from ibsweep.errors import InputError, SweepError
from ibsweep.questions.files import load_all
from ibsweep.questions.published import published_settings
from ibsweep.results.journal import append_rows
from ibsweep.results.names import check_name
from ibsweep.results.records import Confirmation, Proposal
from ibsweep.results.repair import repair
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import find_sweep, list_sweeps
from ibsweep.results.working_files import check_disk

CONFIG = {"lr": 0.01, "epochs": 20, "batch_size": 10}


def proposal(number):
    return Proposal(trial=number, origin="tpe", config=CONFIG | {"epochs": 5 + number})


def finished(number):
    return tiny.trial(number, proposal(number).config, rungs=((2, 42.0), (20, 60.0)))


def confirmation(trial, seed, accuracy=90.0, images=10):
    return Confirmation(
        trial=trial,
        images=images,
        train_accuracy=100.0,
        seed=seed,
        epochs=20,
        valid_accuracy=accuracy,
        valid_loss=0.25,
        test_accuracy=accuracy - 1,
        test_loss=0.5,
        test_confusion=((50, 0, 0), (0, 50, 0), (5, 0, 45)),
        diverged_epoch=None,
        seconds=1.5,
    )


@pytest.fixture
def store(tmp_path):
    """A sweep of three finished trials, the last one confirmed."""
    manifest = tiny.manifest("sweep", trials=5, confirm_replicates=2)
    store = SweepStore.create(tmp_path / "results", manifest)
    for number in range(3):
        store.add_proposal(proposal(number))
        curves = [tiny.curve(number, epoch, 40 + epoch) for epoch in (2, 20)]
        store.add_trial(finished(number), curves)
    store.add_confirmations([confirmation(2, seed) for seed in manifest.confirmation_seeds])
    return store


def contents(store):
    return {
        name: getattr(store, name)() for name in ("proposals", "trials", "curves", "confirmations")
    }


# Rows


def test_rows_come_back_as_they_were_written(store):
    again = SweepStore(store.paths.root)
    assert again.manifest == store.manifest
    assert again.proposals() == [proposal(number) for number in range(3)]
    assert again.trials() == [finished(number) for number in range(3)]
    assert again.curves() == [
        tiny.curve(number, epoch, 40 + epoch) for number in range(3) for epoch in (2, 20)
    ]
    seeds = store.manifest.confirmation_seeds
    assert again.confirmations() == [confirmation(2, seed) for seed in seeds]


def test_a_new_sweep_has_no_rows(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest())
    assert contents(store) == {"proposals": [], "trials": [], "curves": [], "confirmations": []}


@pytest.mark.parametrize("name", ["proposals", "trials", "curves", "confirmations"])
def test_a_file_torn_anywhere_keeps_its_whole_lines(store, name):
    path, rows = getattr(store.paths, name), contents(store)[name]
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        assert getattr(store, name)() == rows[: whole[:size].count(b"\n")], size


def test_after_repair_a_torn_file_takes_rows_again(store):
    store.add_proposal(proposal(3))
    path, rows = store.paths.proposals, store.proposals()
    whole = path.read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        repair(store)
        store.add_proposal(proposal(7))
        assert store.proposals() == [*rows[:3], proposal(7)], size


def test_a_last_line_of_which_half_reached_the_disk_is_left_out(store):
    whole = store.paths.trials.read_bytes()
    store.paths.trials.write_bytes(whole[:-200] + bytes(199) + b"\n")
    assert [row.trial for row in store.trials()] == [0, 1]
    repair(store)
    assert store.paths.trials.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


@pytest.mark.parametrize("name", ["proposals", "trials", "curves"])
@pytest.mark.parametrize("damage", [b"{}", b"nonsense", b"\xff\xfe", b'{"trial": 1'])
def test_a_damaged_line_before_the_last_is_named(store, name, damage):
    path = getattr(store.paths, name)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], damage, *lines[2:]]))
    with pytest.raises(SweepError, match=rf"{name}\.jsonl: line 2 is no {name[:-1]} row"):
        getattr(store, name)()
    with pytest.raises(SweepError, match=rf"{name}\.jsonl: line 2 is no"):
        repair(store)
    assert path.read_bytes().split(b"\n")[2:] == lines[2:]  # nothing was lost over it


def test_repair_drops_what_belongs_to_unfinished_trials(store):
    before = contents(store)
    append_rows(store.paths.curves, [tiny.curve(3, 2)], store.manifest.seal)
    (store.paths.tune / "tune").mkdir(parents=True)
    (store.paths.tune / "tune" / "state.json").write_text("{}")
    repair(store)
    assert contents(store) == before
    assert not store.paths.tune.exists()


def test_repair_drops_a_confirmation_of_which_replicates_are_missing(store):
    """Its rows are one write; a power cut can leave the first of them."""
    lines = store.paths.confirmations.read_bytes().splitlines(keepends=True)
    store.paths.confirmations.write_bytes(lines[0] + lines[1][:50])
    repair(store)
    assert store.confirmations() == []


def test_a_best_that_lost_a_confirmation_is_decided_again(store):
    """A user took a damaged line out: the trial is confirmed again, and may be best no more."""
    store.paths.best_config.write_text("trial: 2\n")
    repair(store)
    assert store.paths.best_config.exists()
    other = [row.model_copy(update={"train_size": 30}) for row in store.confirmations()]
    store.add_confirmations(other[:1])  # of another number of images: the best stays
    repair(store)
    assert store.paths.best_config.exists()
    lines = store.paths.confirmations.read_bytes().splitlines(keepends=True)
    store.paths.confirmations.write_bytes(lines[0])
    repair(store)
    assert store.confirmations() == []
    assert not store.paths.best_config.exists()


def test_the_replications_lose_a_torn_tail_and_nothing_else(tmp_path):
    replications = ReplicationStore(tmp_path / "results")
    cell, _ = published_settings(load_all().values())[0]
    rows = [tiny.replication(cell, seed, 90.0) for seed in (11, 12)]
    with replications.open():
        replications.add(rows[:1])
        replications.add(rows[1:])
    whole = replications.path.read_bytes()
    replications.path.write_bytes(whole + whole[:40])
    assert replications.rows() == rows
    with replications.open():
        assert replications.path.read_bytes() == whole
        with (
            pytest.raises(InputError, match="is being written by another process; wait for it"),
            ReplicationStore(tmp_path / "results").open(),
        ):
            pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"--results .*file is a file; name a directory"),
        ReplicationStore(tmp_path / "file").open(),
    ):
        pass


def test_a_look_whether_a_sweep_runs_does_not_stop_it_from_starting(store):
    """`sweeps` and `report` hold the lock for an instant; whoever wants the sweep waits."""
    with ThreadPoolExecutor() as pool:
        with store.lock():
            waiting = pool.submit(lambda: held(store))
            time.sleep(0.2)
            assert store.is_running()
        assert waiting.result(timeout=5)


def held(store):
    with SweepStore(store.paths.root).lock():
        return True


def test_repair_counts_replicates_by_number_of_images(store):
    """The best trial's rows at another number are a write of their own."""
    confirmed = store.confirmations()
    assert len(confirmed) == 2
    other = [row.model_copy(update={"train_size": 30}) for row in confirmed]
    store.add_confirmations(other)
    store.add_confirmations([other[0].model_copy(update={"train_size": 50})])
    repair(store)
    assert store.confirmations() == confirmed + other


def test_repairing_twice_is_repairing_once(store):
    store.paths.trials.write_bytes(store.paths.trials.read_bytes()[:-10])
    repair(store)
    once = {path.name: path.read_bytes() for path in store.paths.root.iterdir()}
    times = {path.name: path.stat().st_mtime_ns for path in store.paths.root.iterdir()}
    repair(store)
    assert {path.name: path.read_bytes() for path in store.paths.root.iterdir()} == once
    assert {path.name: path.stat().st_mtime_ns for path in store.paths.root.iterdir()} == times
    assert len(store.trials()) == 2
    assert {row.trial for row in store.curves()} == {0, 1}


# Full disks


def refusing(path):
    """Move a file aside and put in its place what cannot be written."""
    aside = path.with_suffix(".aside")
    path.rename(aside)
    path.mkdir()
    return aside


def test_a_disk_that_refuses_is_said_and_loses_nothing(store):
    before = contents(store)
    aside = refusing(store.paths.trials)
    with pytest.raises(SweepError, match=r"cannot write .*trials\.jsonl: is a directory"):
        store.add_trial(tiny.trial(3), [tiny.curve(3, 20)])
    store.paths.trials.rmdir()
    aside.replace(store.paths.trials)
    assert store.curves() == [*before["curves"], tiny.curve(3, 20)]  # they go first
    repair(store)
    assert contents(store) == before


def test_a_trial_is_not_written_without_its_curves(store):
    before = store.trials()
    refusing(store.paths.curves)
    with pytest.raises(SweepError, match=r"cannot write .*curves\.jsonl: is a directory"):
        store.add_trial(tiny.trial(3), [tiny.curve(3, 20)])
    assert store.trials() == before


def test_a_disk_that_fills_up_within_a_line_tears_only_that_line(store):
    before, size = contents(store), store.paths.trials.stat().st_size
    with (
        files_up_to(size + 50),
        pytest.raises(SweepError, match=r"cannot write .*trials\.jsonl: file too large"),
    ):
        store.add_trial(tiny.trial(3), [])
    assert store.paths.trials.stat().st_size == size + 50
    repair(store)
    store.add_trial(tiny.trial(3), [])
    assert store.trials() == [*before["trials"], tiny.trial(3)]


def test_probe_finds_a_full_disk_and_leaves_nothing_behind(store):
    files = set(store.paths.root.iterdir())
    check_disk(store)
    with files_up_to(2**20), pytest.raises(SweepError, match="cannot write"):
        check_disk(store)
    assert set(store.paths.root.iterdir()) == files


def test_a_sweep_that_could_not_be_started_leaves_its_name_free(tmp_path):
    with files_up_to(100), pytest.raises(SweepError, match=r"cannot write .*manifest"):
        SweepStore.create(tmp_path, tiny.manifest())
    assert SweepStore.create(tmp_path, tiny.manifest()).trials() == []


# Names and directories

BAD_NAMES = ["", ".", "..", "../a", "a/b", "/a", "a..b", ".hidden", "-a", "_a", "a b", "a\n"]
BAD_NAMES += ["a\0b", "a" * 101, "größe", "a\\b", "~", "a:b"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_could_leave_the_results_directory_are_refused(tmp_path, name):
    results = tmp_path / "results"
    for use in (
        check_name,
        lambda name: find_sweep(results, name),
        lambda name: SweepStore.create(results, tiny.manifest(name)),
    ):
        with pytest.raises(InputError, match=r"a sweep's name is 1 to 100 letters.*but got"):
            use(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "7", "q7_wider-2.b", "a" * 100])
def test_plain_names_are_taken(tmp_path, name):
    SweepStore.create(tmp_path, tiny.manifest(name))
    assert find_sweep(tmp_path, name).paths.root == tmp_path / name


def test_a_name_is_given_once(store):
    before = contents(store)
    with pytest.raises(InputError, match=r"a sweep named 'sweep' is in .*ibsweep resume sweep"):
        SweepStore.create(store.paths.root.parent, tiny.manifest("sweep"))
    assert contents(store) == before


def test_a_results_path_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "results"
    path.write_text("mine")
    with pytest.raises(InputError, match="is a file; name a directory"):
        SweepStore.create(path, tiny.manifest())
    with pytest.raises(InputError, match=r"cannot write to the results directory .*not a dir"):
        SweepStore.create(path / "deeper", tiny.manifest())
    assert path.read_text() == "mine"


def test_an_unwritable_results_path_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot write to the results directory /proc/results"):
        SweepStore.create(tmp_path.__class__("/proc/results"), tiny.manifest())


def test_find_names_the_sweeps_that_there_are(tmp_path):
    with pytest.raises(InputError, match=r"no sweep named 'gone' in .*: there are none yet"):
        find_sweep(tmp_path, "gone")
    for name in ("beta", "alpha"):
        SweepStore.create(tmp_path, tiny.manifest(name))
    with pytest.raises(InputError, match=r"no sweep named 'gone' in .*: there are alpha, beta$"):
        find_sweep(tmp_path, "gone")


def test_list_sweeps_passes_over_what_is_no_sweep(tmp_path):
    assert list_sweeps(tmp_path / "missing") == []
    for name in ("b", "a"):
        SweepStore.create(tmp_path, tiny.manifest(name))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    assert list_sweeps(tmp_path) == [tmp_path / "a", tmp_path / "b"]


def test_a_directory_without_a_manifest_is_no_sweep(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"mine is no sweep: it has no manifest\.json"):
        find_sweep(tmp_path, "mine")
    with pytest.raises(InputError, match=r"mine is no sweep, but the name is taken"):
        SweepStore.create(tmp_path, tiny.manifest("mine"))


def test_a_sweep_of_another_format_is_refused(store):
    data = json.loads(store.paths.manifest.read_text())
    store.paths.manifest.write_text(json.dumps(data | {"format": 7, "colour": "red"}))
    with pytest.raises(InputError, match=r"was written in format 7, this ibsweep reads format 6"):
        SweepStore(store.paths.root)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2], "Invalid JSON"),
        (lambda _: "", "Invalid JSON"),
        (lambda _: "[]", "should be an object"),
        (lambda text: text.replace('"seed"', '"sead"', 1), "seed: Field required"),
        (lambda text: text.replace('"trials": 5', '"trials": "many"'), "trials: Input should be"),
        (lambda text: text.replace('"format": 6,', ""), "format: Field required"),
    ],
)
def test_a_damaged_manifest_is_refused(store, spoil, said):
    text = store.paths.manifest.read_text()
    assert spoil(text) != text
    store.paths.manifest.write_text(spoil(text))
    with pytest.raises(InputError, match=rf"manifest\.json is damaged: .*{said}"):
        SweepStore(store.paths.root)


def test_a_manifest_that_was_changed_is_refused_unless_somebody_says_that_it_is_meant(store):
    path = store.paths.manifest
    document = json.loads(path.read_text())
    document["question"]["title"] += "!"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"its checksum is wrong: .*, remove its line 'check'"):
        SweepStore(store.paths.root)
    del document["check"]
    path.write_text(json.dumps(document))
    found = SweepStore(store.paths.root)
    assert found.manifest.question == document["question"]
    found.update_manifest(found.manifest)
    assert "check" in json.loads(path.read_text())


def test_a_manifest_that_was_only_laid_out_anew_is_what_was_written(store):
    path = store.paths.manifest
    document = dict(reversed(json.loads(path.read_text()).items()))
    path.write_text(json.dumps(document, indent=7).replace("\n", "\r\n"))
    assert SweepStore(store.paths.root).manifest == store.manifest


def test_an_updated_manifest_is_read_again(store):
    changed = store.manifest.model_copy(
        update={"resumed": ({"when": "now", "command": ["resume"]},)}
    )
    store.update_manifest(changed)
    assert store.manifest == changed
    assert SweepStore(store.paths.root).manifest == changed


# The lock

HOLD = """
import sys, time
from pathlib import Path
from ibsweep.results.working_files import check_disk
from ibsweep.results.store import SweepStore
with SweepStore(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(600)
"""


def test_one_process_holds_a_sweep_and_its_death_frees_it(store):
    assert not store.is_running()
    command = [sys.executable, "-c", HOLD, str(store.paths.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            assert store.is_running()
            with (
                pytest.raises(InputError, match="'sweep' is being run by another process"),
                store.lock(),
            ):
                pass
        finally:
            holder.kill()  # as kill -9: it gets no chance to clean up
            holder.wait(10)
    assert not store.is_running()
    with store.lock():
        assert store.is_running()
    with store.lock():
        pass


def test_a_sweep_that_can_only_be_read_is_not_running(store):
    store.paths.lock.unlink()
    store.paths.lock.mkdir()  # stands for a directory of somebody else's: no lock can be taken
    assert not store.is_running()
    with pytest.raises(SweepError, match=r"cannot write .*\.lock: "), store.lock():
        pass


def test_a_set_that_lacks_a_replicate_is_dropped_whichever_it_is(store):
    """Choice and score are sets of their own, each complete with a number of its own."""
    manifest = store.manifest.model_copy(update={"choice_replicates": 3})
    store.update_manifest(manifest)

    def rows(purpose, seeds):
        update = {"purpose": purpose}
        return [confirmation(1, seed).model_copy(update=update) for seed in seeds]

    kept = store.confirmations()
    store.paths.best_config.write_text("trial: 2\n")
    whole = [*rows("choice", manifest.choice_seeds), *rows("score", manifest.score_seeds(4))]
    store.add_confirmations(whole)
    repair(store)
    assert store.confirmations() == [*kept, *whole], "further replicates that score are no excess"
    assert store.paths.best_config.exists()
    store.paths.confirmations.unlink()
    store.add_confirmations([*kept, *whole[:2], *whole[3:4]])
    repair(store)
    assert store.confirmations() == kept
    assert not store.paths.best_config.exists(), "it is to be chosen again"
