"""Records that lie: a sweep counts with right figures, or is left out with words."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from contextlib import suppress

import finished
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ibsweep
from ibsweep.analysis.check import check_curves, check_sweep
from ibsweep.cli import run
from ibsweep.errors import IbsweepError, SweepError
from ibsweep.results.records import Proposal
from ibsweep.results.store import SweepStore
from ibsweep.sweep.mend import mend
from ibsweep.trial.saved import tensor_bytes

FILES = ("proposals.jsonl", "trials.jsonl", "curves.jsonl", "confirmations.jsonl")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A results directory of two sweeps that are done."""
    results = tmp_path_factory.mktemp("sound")
    finished.write(results)
    finished.write(results, "other", seed=11)
    return results


@pytest.fixture
def results(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "results")


@pytest.fixture
def store(results):
    return SweepStore(results / "s")


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


def rewrite(store, name, change):
    """Change a row by its place and seal it again: what is impossible is found all the same."""
    path, seal = store.paths.root / name, store.manifest.seal
    rows = [json.loads(seal.open(line[:-1]).content) for line in lines(path)]
    change(rows)
    path.write_bytes(b"".join(seal.close(json.dumps(row).encode()) + b"\n" for row in rows))


def faults(store):
    return "\n".join(str(one) for one in check_sweep(store).faults)


def notes(store):
    checked = check_sweep(store)
    assert not checked.faults
    return "\n".join(str(one) for one in (*checked.notes, *check_curves(checked)[1]))


def test_what_was_written_is_sound(store, results, capsys):
    assert check_sweep(store).damage == ()
    assert check_curves(check_sweep(store))[1] == []
    assert run(["check", "all", "--results", str(results)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "other: sound: 5 trials, 15 confirmed replicates",
        "s: sound: 5 trials, 15 confirmed replicates",
    ]


IMPOSSIBLE = {
    "an accuracy of 9999": (
        "confirmations.jsonl",
        lambda rows: rows[0]["valid"].update(accuracy=9999),
        r"line 1 cannot be: its accuracy is 9999, which must be 0 to 100",
    ),
    "a seed that no manifest names": (
        "confirmations.jsonl",
        lambda rows: rows[2].update(seed=77),
        r"line 3 cannot be: its seed 77 is none",
    ),
    "a replicate's seed that no manifest names": (
        "trials.jsonl",
        lambda rows: rows[0]["replicates"][0].update(seed=77),
        r"line 1 cannot be: its replicate seed 77 is none",
    ),
    "one replicate twice": (
        "trials.jsonl",
        lambda rows: rows[0].update(replicates=rows[0]["replicates"][:1] * 2),
        r"it has 1 distinct replicates, and 2 were asked for",
    ),
    "a mean that is none": (
        "trials.jsonl",
        lambda rows: rows[1]["valid"].update(accuracy=91.0),
        r"line 2 cannot be: its accuracy is not the mean of its replicates",
    ),
    "a failed trial with a figure": (
        "trials.jsonl",
        lambda rows: rows[4].update(valid={"accuracy": 50.0, "loss": 1.0}),
        r"line 5 cannot be: it failed, and has figures",
    ),
    "a missing key of a configuration": (
        "trials.jsonl",
        lambda rows: rows[1]["config"].pop("lr"),
        r"line 2 cannot be: its configuration lacks lr",
    ),
    "an extra key of a configuration": (
        "proposals.jsonl",
        lambda rows: rows[1]["config"].update(depth=3),
        r"line 2 cannot be: its configuration has 'depth', which tiny_cnn does not tune",
    ),
    "a value outside the space": (
        "trials.jsonl",
        lambda rows: rows[1]["config"].update(lr=7.5),
        r"its lr is 7.5, which is not in the space",
    ),
    "a trial that is not what was proposed": (
        "trials.jsonl",
        lambda rows: rows[1]["config"].update(lr=0.011),
        r"line 2 is not what was proposed as trial 1",
    ),
    "a trial of an unknown number": (
        "trials.jsonl",
        lambda rows: rows[1].update(trial=70),
        r"trial 70 is beyond the 5 that were asked for",
    ),
    "a trial that completes without a figure": (
        "trials.jsonl",
        lambda rows: rows[1].update(valid=None),
        r"it is COMPLETE, and has no accuracy",
    ),
    "a confirmed failure": (
        "confirmations.jsonl",
        lambda rows: [row.update(trial=4) for row in rows[:3]],
        r"(line 1|lines 1-3: each) cannot be: trial 4 failed, and is never confirmed",
    ),
}


@pytest.mark.parametrize("damage", IMPOSSIBLE)
def test_what_cannot_be_is_named_left_out_and_kept_from_training(store, results, damage, capsys):
    name, change, said = IMPOSSIBLE[damage]
    rewrite(store, name, change)
    assert re.search(said, faults(store)), faults(store)
    found = ibsweep.load(results)
    assert found.sweeps["sweep"].tolist() == ["other"]
    assert re.search(said, found.unreadable["s"])
    with pytest.raises(SweepError, match=said):
        mend(store)
    assert run(["resume", "s", "--results", str(results)]) == 1
    assert re.search(said, capsys.readouterr().err)
    assert run(["check", "s", "--results", str(results)]) == 1
    assert re.search(said, capsys.readouterr().out)


GONE = {
    "a trial": ("trials.jsonl", 1, "has 4 of the 5 trials .* there is no trial 1"),
    "a choice replicate": ("confirmations.jsonl", 1, "trial 1 at 10 has 2 of 3 choice replicates"),
    "a score replicate": ("confirmations.jsonl", -1, "trial 0 at 10 has 2 of 3 score replicates"),
}


@pytest.mark.parametrize("gone", GONE)
def test_a_line_that_is_gone_shrinks_no_mean_and_is_trained_again(store, results, gone):
    name, place, said = GONE[gone]
    path = store.paths.root / name
    kept = lines(path)
    del kept[place]
    path.write_bytes(b"".join(kept))
    assert re.search(said, faults(store)), faults(store)
    assert ibsweep.load(results).unreadable.keys() == {"s"}
    mend(store)
    assert not store.paths.best_config.exists(), "it is done no more"
    assert ibsweep.load(results).unreadable == {}


def test_all_replicates_of_a_leader_gone_are_seen(store):
    path = store.paths.confirmations
    path.write_bytes(b"".join(line for line in lines(path) if b'"trial":2,' not in line))
    rows = [row.trial for row in store.confirmations()]
    assert 2 not in rows
    rewrite(store, "confirmations.jsonl", lambda rows: None)
    path.write_bytes(b"".join(line for line in lines(path) if b'"trial": 0,' not in line))
    assert "has 1 of the 2 leading trials" in faults(store)


def test_a_baseline_that_is_scored_no_more_is_seen(store):
    rewrite(
        store,
        "confirmations.jsonl",
        lambda rows: rows.__setitem__(
            slice(None), [r for r in rows if r["trial"] != 0 or r["purpose"] != "score"]
        ),
    )
    assert "confirmations.jsonl: has no score of the baseline, trial 0; `ibsweep" in faults(store)


def test_replicates_without_their_trials_are_no_sound_sweep(store, results, capsys):
    """Of a sweep that was cut off while it confirmed, say."""
    store.paths.best_config.unlink()
    before = store.trials()
    store.paths.trials.write_bytes(b"".join(lines(store.paths.trials)[:1]))
    assert run(["check", "s", "--results", str(results)]) == 1
    said = (
        "trials.jsonl: lacks trials 1, 2, of which there are fresh replicates; `ibsweep resume s"
    )
    assert said in capsys.readouterr().out
    assert said in ibsweep.load(results).notes["s"]
    mend(store)
    for row in before[1:]:
        store.add_trial(row, [])
    assert len(store.confirmations()) == 15
    assert notes(store).startswith(f"{store.paths.curves}: trial 1 lacks")


def test_trials_of_before_an_extension_that_are_gone_are_said(store):
    store.paths.best_config.unlink()
    entry = {"when": "now", "command": [], "trials": [4, 5], "done": 5, "finished": True}
    store.update_manifest(store.manifest.model_copy(update={"extended": (entry,)}))
    store.paths.trials.write_bytes(b"".join(lines(store.paths.trials)[:4]))
    assert "has 4 trials, and 5 were done when it was extended; `ibsweep resume" in notes(store)


def test_replicates_of_a_trial_that_nobody_knows_are_given_to_no_other(store):
    """Its number goes to another configuration."""
    for path in (store.paths.proposals, store.paths.trials):
        path.write_bytes(b"".join(lines(path)[:2]))
    found = "\n".join(map(str, check_sweep(store).damage))
    assert (
        "confirmations.jsonl: has replicates of trial 2, of which there is nothing else" in found
    )
    mend(store)
    assert {row.trial for row in store.confirmations()} == {0, 1}
    assert check_sweep(store).damage == ()


def test_the_manifest_of_another_sweep_is_what_is_wrong_and_not_every_line(store, results):
    shutil.copy(results / "other" / "manifest.json", store.paths.manifest)
    shutil.rmtree(results / "other")
    damage = check_sweep(SweepStore(store.paths.root)).damage
    assert [one.path for one in damage] == [store.paths.manifest]
    assert "is not of the records beside it: none of their 25 lines" in str(damage[0])


@pytest.mark.parametrize("text", ["", "[]", '{"seconds": -1}', '{"seconds": "1"}', "[" * 10**5])
def test_a_damaged_account_of_the_time_is_said_and_no_sweep_needs_it(store, results, text, capsys):
    store.paths.spent.write_text(text)
    said = "spent.json: does not say how long the sweep has searched"
    assert said in notes(store)
    mend(store)
    assert notes(store) == ""
    store.update_manifest(store.manifest.model_copy(update={"time_budget": 60.0}))
    store.paths.spent.write_text(text)
    assert run(["check", "s", "--results", str(results)]) == 1
    assert f"{said}; remove it to count from 0" in capsys.readouterr().out
    with pytest.raises(SweepError, match="remove it to count from 0"):
        mend(store)


def test_a_sweep_that_was_extended_while_it_was_read_is_sound(store, results):
    old = SweepStore(store.paths.root)
    store.paths.best_config.unlink()
    store.update_manifest(store.manifest.model_copy(update={"trials": 6}))
    row = store.trials()[0].model_copy(update={"trial": 5})
    store.add_proposal(Proposal(trial=5, origin=row.origin, config=row.config))
    store.add_trial(row, [row_ for row_ in store.curves() if row_.trial == 5])
    assert not check_sweep(old).damage


def test_what_a_running_sweep_is_just_writing_is_no_damage(store, results):
    with store.paths.trials.open("ab") as file:
        file.write(b'{"trial":')
    assert "trials.jsonl: line 6 was never finished" in notes(store)
    with SweepStore(store.paths.root).lock():
        assert notes(store) == ""


BEST = {
    "": "is empty",
    "trial: [": "is no YAML",
    "- 1": "holds no mapping",
    "sweep: s\ntrial: 2\n": "its trial is 2, by the records 1",
    "sweep: other\ntrial: 1\n": "its sweep is other, by the records s",
    "sweep: s\ntrial: 1\nconfig: {lr: 1}\n": "its config is {'lr': 1}, by the records",
}


def test_one_figure_of_the_best_that_was_changed_is_seen(store):
    path = store.paths.best_config
    document = yaml.safe_load(path.read_text())
    mean = check_sweep(store).summary().best.test.mean
    document["confirmed"] |= {"test_accuracy": {"mean": mean}}
    path.write_text(yaml.safe_dump(document))
    assert check_sweep(store).damage == ()
    document["confirmed"] |= {"test_accuracy": {"mean": mean + 1}}
    path.write_text(yaml.safe_dump(document))
    assert f"its test_accuracy (confirmed) is {mean + 1}, by the records {mean}" in faults(store)
    path.write_text(yaml.safe_dump(document | {"trials": 4}))
    assert "best.yaml: is of 4 trials, and there are 5; `ibsweep resume" in faults(store)


def test_a_best_of_before_a_killed_settlement_counts_and_is_said(store):
    path = store.paths.best_config
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(document | {"confirmed": {"replicates": 2}}))
    assert "is of 2 of the 3 replicates that score it by now; `ibsweep resume s" in notes(store)


@pytest.mark.parametrize("text", BEST)
def test_a_best_that_the_records_contradict_is_decided_anew(store, results, text):
    store.paths.best_config.write_text(text)
    assert BEST[text] in faults(store)
    assert ibsweep.load(results).unreadable.keys() == {"s"}
    mend(store)
    assert not store.paths.best_config.exists()


def test_best_yaml_that_is_a_pipe_does_not_hang(store, results):
    store.paths.best_config.unlink()
    os.mkfifo(store.paths.best_config)
    assert (
        "best.yaml: cannot be read: is not a regular file" in ibsweep.load(results).unreadable["s"]
    )


@pytest.mark.parametrize("name", FILES)
def test_a_line_that_stands_twice_counts_once_and_is_said(store, results, name, capsys):
    before = ibsweep.load(results)
    path = store.paths.root / name
    path.write_bytes(b"".join([*lines(path), lines(path)[0]]))
    found = ibsweep.load(results)
    for frame in ("trials", "curves", "confirmations", "sweeps"):
        assert getattr(found, frame).equals(getattr(before, frame)), frame
    assert "once more; it is counted once" in found.notes["s"]
    assert run(["check", "s", "--results", str(results)]) == 1
    assert f"{name}: line {len(lines(path))} is line 1 once more" in capsys.readouterr().out
    mend(store)
    assert run(["check", "s", "--results", str(results)]) == 0


def test_one_replicate_twice_is_not_two(store):
    """Of a sweep that was cut off: the set is begun again, and no best is of two equal rows."""
    store.paths.best_config.unlink()
    path = store.paths.confirmations
    path.write_bytes(lines(path)[0] * 3)
    mend(store)
    assert store.confirmations() == []


def test_a_proposal_that_is_gone_is_known_from_its_trial(store):
    path = store.paths.proposals
    path.write_bytes(b"".join(lines(path)[:2] + lines(path)[3:]))
    assert "proposals.jsonl: trial 2 is not there; it is known from trials.jsonl" in notes(store)
    before = store.trials()
    mend(store)
    assert [row.config for row in store.proposals()] == [row.config for row in before]
    assert notes(store) == ""


def test_a_curve_that_is_gone_is_said(store, results):
    path = store.paths.curves
    path.write_bytes(b"".join(lines(path)[1:]))
    assert "curves.jsonl: trial 0 lacks epoch 5" in notes(store)
    assert "trial 0 lacks epoch 5" in ibsweep.load(results).notes["s"]


def test_damaged_weights_are_said_by_check(store, results, capsys):
    def said():
        code = run(["check", "s", "--results", str(results)])
        return code, capsys.readouterr().out

    paths = store.paths
    paths.models.mkdir()
    whole = tensor_bytes({seed: {"w": torch.ones(64)} for seed in (1, 2)})
    paths.model(1).write_bytes(whole)
    assert said()[0] == 1
    assert "best.pt: is not there; `ibsweep resume s" in said()[1]
    paths.best_model.write_bytes(whole[:-1])
    assert "best.pt: is damaged; `ibsweep resume s" in said()[1]
    paths.best_model.write_bytes(whole)
    assert said()[0] == 0
    paths.model(1).write_bytes(whole.replace(torch.ones(2).numpy().tobytes(), b"12345678", 1))
    code, text = said()
    assert code == 1
    assert "trial-00001.pt: is damaged: the weights are lost, the figures are not" in text
    assert "best.pt" not in text
    assert ibsweep.load(results).unreadable == {}


def test_check_of_one_sweep_says_what_check_of_all_says(store, results, capsys):
    store.paths.manifest.write_text("{")
    assert run(["check", "s", "--results", str(results)]) == 1
    assert "s: wrong" in capsys.readouterr().out
    assert run(["check", "nobody", "--results", str(results)]) == 2
    assert "no sweep named 'nobody'" in capsys.readouterr().err


def test_copies_are_left_out_and_no_row_counts_twice(results, capsys):
    before = ibsweep.load(results)
    shutil.copytree(results / "s", results / "s.bak")
    found = ibsweep.load(results)
    for frame in ("trials", "curves", "confirmations", "sweeps"):
        assert getattr(found, frame).equals(getattr(before, frame)), frame
    assert found.sweeps["current"].sum() == 1
    assert "is a copy of sweep 's'" in found.unreadable["s.bak"]
    assert run(["check", "all", "--results", str(results)]) == 1
    assert "s.bak: wrong" in capsys.readouterr().out


def test_a_damaged_only_sweep_is_not_no_sweep(store, results, capsys):
    shutil.rmtree(results / "other")
    store.paths.trials.write_bytes(b"nonsense\n" + store.paths.trials.read_bytes())
    assert run(["report", "--results", str(results)]) == 2
    said = capsys.readouterr().err
    assert "yet" not in said
    assert "trials.jsonl: line 1 is no trial row" in said
    assert run(["settle", "all", "--results", str(results)]) == 2
    assert "left out: s: " in capsys.readouterr().err


def test_what_is_wrong_stands_on_the_pages_and_in_the_terminal(store, results, capsys):
    rewrite(store, "trials.jsonl", lambda rows: rows[1]["valid"].update(accuracy=9999))
    proposals = SweepStore(results / "other").paths.proposals
    proposals.write_bytes(b"".join([*lines(proposals), lines(proposals)[0]]))
    assert run(["report", "--results", str(results)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for text in (
        out,
        (results / "report" / "index.html").read_text(),
        (results / "report" / "tiny.html").read_text(),
    ):
        assert "its accuracy is 9999, which must be 0 to 100" in " ".join(text.split())
        assert "once more; it is counted once" in " ".join(text.split())


def flip(content, at, bit):
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def cut(content, at, size):
    return content[:at] + content[at + size :]


DAMAGE = st.one_of(
    st.tuples(st.just(flip), st.integers(0, 7)),
    st.tuples(st.just(cut), st.sampled_from([1, 7, 200, 10**6])),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from([*FILES, "manifest.json", "best.yaml"]),
    place=st.floats(0, 1, exclude_max=True),
    damage=DAMAGE,
)
def test_damage_gives_right_figures_or_words_within_a_second(
    sound, tmp_path_factory, name, place, damage
):
    right = ibsweep.load(sound)
    results = shutil.copytree(sound, tmp_path_factory.mktemp("damaged") / "results")
    path = results / "s" / name
    content = path.read_bytes()
    change, size = damage
    path.write_bytes(change(content, int(place * len(content)), size))
    began = time.process_time()
    found = ibsweep.load(results)
    frames = {name: getattr(found, name) for name in ("trials", "curves", "confirmations")}
    assert time.process_time() - began < 1
    said = {**found.unreadable, **found.notes}
    for name, frame in frames.items():
        whole = getattr(right, name)
        for sweep in ("s", "other"):
            own, truth = (
                one[one["sweep"] == sweep].reset_index(drop=True) for one in (frame, whole)
            )
            if sweep == "other":
                assert own.equals(truth)
            elif not own.equals(truth):
                assert len(own) < len(truth), "no figure is another"
                assert said, "and it is said"
    with suppress(IbsweepError):
        mend(SweepStore(results / "s"))
        assert not check_sweep(SweepStore(results / "s")).faults
    shutil.rmtree(results.parent)
