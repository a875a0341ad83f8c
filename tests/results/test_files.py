"""Files that survive a full disk, planted links and other writers."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
from disks import files_up_to, small_disk

from ibsweep.errors import SweepError
from ibsweep.results.files import append_file, remove_leftovers, replace_file

WRITES = {"replace": replace_file, "append": append_file}


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


@pytest.mark.parametrize("how", WRITES)
def test_a_full_disk_is_said(tmp_path, how):
    path = tmp_path / "disk" / "file"
    with small_disk(tmp_path / "disk", 64):
        replace_file(path, b"old")
        with pytest.raises(SweepError, match=r"cannot write .*file: the disk is full"):
            WRITES[how](path, bytes(100_000))
        assert path.read_bytes().startswith(b"old")
        assert list(path.parent.iterdir()) == [path]


# A shared directory


@pytest.mark.parametrize("there", [True, False])
def test_what_a_planted_link_points_to_stays_as_it_is(tmp_path, there):
    victim, path = tmp_path / "victim", tmp_path / "trials.jsonl"
    if there:
        victim.write_text("precious")
    path.symlink_to(victim)
    with pytest.raises(SweepError, match=r"cannot write .*trials\.jsonl: it is a symbolic link"):
        append_file(path, b"row\n")
    replace_file(path, b"page")
    assert victim.exists() == there
    assert not there or victim.read_text() == "precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"page"


def test_nothing_that_can_be_guessed_is_written_on_the_way(tmp_path):
    """The names under which earlier versions wrote, planted as links to a victim's file."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (".best.yaml.new", "best.yaml.new", "best.yaml.tmp", ".mirror.json.new"):
        (tmp_path / name).symlink_to(victim)
    replace_file(tmp_path / "best.yaml", b"new")
    assert victim.read_text() == "precious"
    assert (tmp_path / "best.yaml").read_bytes() == b"new"


def test_pipes_and_directories_are_not_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SweepError, match="pipe: it is no regular file"):
        append_file(tmp_path / "pipe", b"row\n")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(SweepError, match="pipe: it is no regular file"):
        append_file(tmp_path / "pipe", b"row\n")
    os.close(reader)
    (tmp_path / "directory").mkdir()
    for write in WRITES.values():
        with pytest.raises(SweepError, match="directory: is a directory"):
            write(tmp_path / "directory", b"row\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "pipe"]


def test_a_directory_that_is_a_link_itself_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    append_file(tmp_path / "results" / "rows", b"row\n")
    replace_file(tmp_path / "results" / "page", b"page")
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["page", "rows"]


def test_a_journal_that_is_gone_is_begun_anew_only_where_that_is_meant(tmp_path):
    path = tmp_path / "trials.jsonl"
    with pytest.raises(SweepError, match=r"trials\.jsonl: it was removed meanwhile"):
        append_file(path, b"row\n", create=False)
    append_file(path, b"row\n")
    append_file(path, b"row\n", create=False)
    assert path.read_bytes() == b"row\n" * 2
    with pytest.raises(SweepError, match="no such file or directory"):
        append_file(tmp_path / "gone" / "trials.jsonl", b"row\n")


def test_what_killed_processes_began_is_removed_and_nothing_else(tmp_path):
    kept = {".notes.new", ".mine", "0123456789abcdef.new", ".lock"}
    for name in (*kept, ".0123456789abcdef.new"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


# Several writers

ROUNDS = 60


def _write_many(folder, writer, barrier):
    barrier.wait()
    for number in range(ROUNDS):
        replace_file(folder / "shared", f"{writer} {number} ".encode() * 500)
        replace_file(folder / f"own-{writer}-{number}", b"mine")
        append_file(folder / "rows", (json.dumps([writer, number]) + "\n").encode())


@pytest.mark.parametrize("writers", [2, 5])
def test_writers_of_one_path_lose_nothing(tmp_path, writers):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(writers)
    started = [
        context.Process(target=_write_many, args=(tmp_path, writer, barrier))
        for writer in range(writers)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * writers
    everything = {(writer, number) for writer in range(writers) for number in range(ROUNDS)}
    rows = [tuple(json.loads(line)) for line in (tmp_path / "rows").read_text().splitlines()]
    assert len(rows) == len(everything)
    assert set(rows) == everything
    assert (tmp_path / "shared").read_bytes() in {
        f"{writer} {ROUNDS - 1} ".encode() * 500 for writer in range(writers)
    }
    own = {f"own-{writer}-{number}" for writer, number in everything}
    assert {path.name for path in tmp_path.iterdir()} == {"shared", "rows", *own}
