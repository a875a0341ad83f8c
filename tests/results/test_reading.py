"""Journals are read line by line: what was changed is named, what stands twice counts once."""

from __future__ import annotations

import os
import re

import pytest
import tiny

from ibsweep.errors import InputError, SweepError
from ibsweep.results.damage import Damage, damage_text
from ibsweep.results.layout import FORMAT
from ibsweep.results.records import Proposal
from ibsweep.results.repair import repair
from ibsweep.results.seal import Seal
from ibsweep.results.store import SweepStore

CONFIG = {"lr": 0.01, "epochs": 20, "batch_size": 10}


@pytest.fixture
def store(tmp_path):
    store = SweepStore.create(tmp_path, tiny.manifest("sweep"))
    for number in range(3):
        store.add_proposal(Proposal(trial=number, origin="tpe", config=CONFIG))
    return store


def edit(path, change):
    """Change a file's lines."""
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def test_a_changed_figure_is_seen(store):
    edit(store.paths.proposals, lambda rows: [rows[0], rows[1].replace(b"0.01", b"0.02"), rows[2]])
    with pytest.raises(SweepError, match=r"proposals\.jsonl: line 2 .*checksum is wrong: it was"):
        store.proposals()


def test_a_changed_last_line_is_no_torn_one(store):
    edit(store.paths.proposals, lambda rows: [*rows[:2], rows[2].replace(b"0.01", b"0.02")])
    with pytest.raises(SweepError, match="line 3"):
        store.proposals()


def test_another_sweeps_line_is_seen(store, tmp_path):
    """Even one of the same question, arm and seed, whose figures are as likely as any."""
    other = SweepStore.create(tmp_path, tiny.manifest("other"))
    other.add_proposal(Proposal(trial=3, origin="tpe", config=CONFIG))
    line = other.paths.proposals.read_bytes()
    edit(store.paths.proposals, lambda rows: [*rows, line])
    with pytest.raises(SweepError, match=r"line 4 .* another sweep's"):
        store.proposals()


def test_a_line_that_stands_twice_counts_once(store):
    rows = store.proposals()
    edit(store.paths.proposals, lambda rows: [rows[0], rows[0], *rows[1:], rows[1]])
    assert store.proposals() == rows
    damage = [(one.line, one.remedy) for one in store.journal(Proposal).damage]
    assert damage == [(2, "none"), (5, "none")]
    repair(store)
    assert store.journal(Proposal).damage == ()


def test_a_copy_in_text_mode_is_read_and_mended(store):
    rows, before = store.proposals(), store.paths.proposals.read_bytes()
    store.paths.proposals.write_bytes(before.replace(b"\n", b"\r\n"))
    assert store.proposals() == rows
    (damage,) = store.journal(Proposal).damage
    assert str(damage).endswith(
        "proposals.jsonl: has lines that end in CR LF, as a copy in text "
        "mode makes them; they are read"
    )
    repair(store)
    assert store.paths.proposals.read_bytes() == before


def test_an_empty_line_hides_neither_a_row_nor_a_gap(store):
    rows = store.proposals()
    edit(store.paths.proposals, lambda rows: [rows[0], b"\n", *rows[1:], b" \n"])
    assert store.proposals() == rows
    said = [str(one).partition("line ")[2] for one in store.journal(Proposal).damage]
    assert said == ["2 is empty; it is passed over", "5 is empty; it is passed over"]
    edit(store.paths.proposals, lambda rows: [rows[0], b"\n", *rows[3:]])
    assert [one.line for one in store.journal(Proposal).damage][:2] == [2, 3]
    assert "line 3 did not follow" in damage_text(store.journal(Proposal).damage)


@pytest.mark.parametrize("tail", [b'{"trial":3,"ori', bytes(64), bytes(64) + b"\n", b"{\n"])
def test_a_line_that_was_never_finished_is_said(store, tail):
    rows = store.proposals()
    with store.paths.proposals.open("ab") as file:
        file.write(tail)
    assert store.proposals() == rows
    (damage,) = store.journal(Proposal).damage
    assert str(damage).endswith("proposals.jsonl: line 4 was never finished, and is left out")


def test_what_is_wrong_with_many_lines_is_said_once(tmp_path):
    path = tmp_path / "trials.jsonl"
    damage = [Damage(path, line, "is no trial row") for line in (1, 2, 3, 7, 9, 10)]
    damage.insert(2, Damage(path, 5, "is another"))
    assert damage_text(damage).splitlines() == [
        f"{path}: lines 1-3, 7, 9-10: each is no trial row",
        f"{path}: line 5 is another",
    ]
    assert damage_text(Damage(path, 2 * line, "odd") for line in range(50)).endswith(
        "38, ...: each odd"
    )


def test_a_journal_that_is_gone_is_written_anew(store):
    store.add_trial(tiny.trial(1, CONFIG), [])
    store.paths.proposals.unlink()
    repair(store)
    assert [row.trial for row in store.proposals()] == [1]


def test_two_lines_of_one_trial_contradict_each_other(store):
    store.add_proposal(Proposal(trial=1, origin="tpe", config=CONFIG | {"lr": 0.05}))
    with pytest.raises(SweepError, match="line 4 contradicts line 2: both are of trial 1"):
        store.proposals()


@pytest.mark.parametrize("seed", ["9223372036854775808", "1" + "0" * 5000, "-1", "1.5"])
def test_no_number_is_too_large_for_a_frame(store, seed):
    line = tiny.curve(0, 5).model_dump_json().replace('"seed":10', f'"seed":{seed}')
    store.paths.curves.write_bytes(store.manifest.seal.close(line.encode()) + b"\n")
    with pytest.raises(SweepError, match=r"curves\.jsonl: line 1 is no curve row") as raised:
        store.curves()
    assert len(str(raised.value)) < 1000


def test_lines_without_seals_are_older_versions_alone(store):
    path = store.paths.proposals
    edit(path, lambda rows: [re.sub(rb',"check":"\w{16}"', b"", row) for row in rows])
    with pytest.raises(SweepError, match="no checksum"):
        store.proposals()
    store.update_manifest(store.manifest.model_copy(update={"format": 4}))
    assert len(store.proposals()) == 3
    repair(store)
    assert b'"check"' in path.read_bytes()
    again = SweepStore(store.paths.root)
    assert again.manifest.format == FORMAT
    assert len(again.proposals()) == 3


@pytest.mark.parametrize("name", ["proposals", "trials", "curves", "confirmations", "manifest"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_is_said_at_once(store, name, make):
    path = getattr(store.paths, name)
    path.unlink(missing_ok=True)
    make(path)
    match = f"{path.name}: cannot be read: is (not a regular file|a directory)"
    with pytest.raises((SweepError, InputError), match=match):
        getattr(SweepStore(store.paths.root), name)()


def test_a_seal_is_of_the_whole_line():
    seal = Seal(b"mine")
    line = seal.close(b'{"a":1}')
    for place in range(len(line)):
        changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
        with pytest.raises(ValueError, match="checksum"):
            seal.open(changed)
