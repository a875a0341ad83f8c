"""What `ibsweep.load` gives: rows on disk as tidy frames, and which sweep of an arm counts."""

from __future__ import annotations

import math
import subprocess
import sys

import pandas as pd
import pytest
import tiny

import ibsweep
from ibsweep.analysis import plots
from ibsweep.analysis.frames import REPEATS
from ibsweep.analysis.load import Results
from ibsweep.analysis.statistics import mean_interval
from ibsweep.errors import InputError, SweepError
from ibsweep.questions.files import load_all
from ibsweep.questions.published import published_settings
from ibsweep.results.journal import append_rows
from ibsweep.results.records import Confirmation, Replicate, TrialState
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore
from ibsweep.sweep.mend import mend

SEEDS = (1_000_010, 1_000_011, 1_000_012)
SLOW = {"lr": 0.02, "epochs": 30, "batch_size": 5}


def confirmations(trial, valid, test, *, images=10, seconds=2.0):
    """Rows of one trial, an accuracy of each kind for every replicate."""
    return [
        Confirmation(
            trial=trial,
            images=images,
            seed=seed,
            epochs=20,
            valid_accuracy=v,
            valid_loss=0.5,
            train_accuracy=100.0,
            test_accuracy=t,
            test_loss=0.4,
            test_confusion=((49, 1, 0), (0, 50, 0), (0, 0, 50)),
            diverged_epoch=None,
            seconds=seconds,
        )
        for seed, v, t in zip(SEEDS, valid, test, strict=True)
    ]


def make(results, name="sweep", *, created="2026-01-01T00:00:00+00:00", arm=None, best=True):
    """Write a sweep of four trials; trial 2 is best on fresh validation images."""
    manifest = tiny.manifest(name, trials=6, confirm_replicates=3, arm=arm)
    old = {"created": created, "choice_replicates": None}
    store = SweepStore.create(results, manifest.model_copy(update=old))
    tiny.add_trial(
        store,
        tiny.trial(0, accuracy=70.0, origin="baseline"),
        [tiny.curve(0, 20, 70.0, 0.8), tiny.curve(0, 5, 40.0, 1.2)],
    )
    tiny.add_trial(
        store,
        tiny.trial(3, accuracy=60.0, state=TrialState.PRUNED, rungs=((5, 60.0),), reason="weak"),
        [tiny.curve(3, 5, 60.0)],
    )
    tiny.add_trial(store, tiny.trial(2, SLOW, accuracy=90.0))
    tiny.add_trial(store, tiny.trial(4, state=TrialState.FAIL, reason="diverged"))
    store.add_confirmations(confirmations(0, (70.0,) * 3, (99.0, 98.0, 97.0)))
    store.add_confirmations(confirmations(2, (90.0, 91.0, 92.0), (80.0, 85.0, 90.0)))
    store.add_confirmations(confirmations(2, (50.0,) * 3, (60.0,) * 3, images=30, seconds=3.0))
    if best:
        tiny.write_best(store)
    return store


def arm(name):
    return tiny.arm(name=name)


@pytest.fixture
def results(tmp_path):
    make(tmp_path)
    return ibsweep.load(tmp_path)


# Where it reads from


def test_a_missing_directory_is_the_users_error(tmp_path):
    with pytest.raises(InputError, match=r"no results directory .*absent: name one that"):
        ibsweep.load(tmp_path / "absent")


def test_one_sweeps_directory_can_be_loaded(tmp_path):
    make(tmp_path)
    make(tmp_path, "other", arm=arm("other_arm"))
    found = ibsweep.load(tmp_path / "sweep")
    assert found.sweeps["sweep"].tolist() == ["sweep"]
    assert found.best("tiny_cnn")["sweep"] == "sweep"


def test_a_sweep_that_cannot_be_read_is_left_out_with_its_reason(tmp_path):
    make(tmp_path)
    for name, text in (("damaged", "{"), ("old", '{"format": 1}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
    found = ibsweep.load(tmp_path)
    assert found.sweeps["sweep"].tolist() == ["sweep"]
    assert found.unreadable.keys() == {"damaged", "old"}
    assert "is damaged" in found.unreadable["damaged"]
    assert "format 1" in found.unreadable["old"]
    with pytest.raises(InputError, match="format 1"):
        ibsweep.load(tmp_path / "old")


def test_a_damaged_line_of_a_curve_is_named_when_curves_are_asked_for(tmp_path):
    store = make(tmp_path)
    store.paths.curves.write_text("{}\n" + store.paths.curves.read_text())
    found = ibsweep.load(tmp_path)
    assert len(found.trials) == 4
    assert found.curves.empty
    assert "curves.jsonl: line 1 is no curve row" in found.notes["sweep"]
    with pytest.raises(SweepError, match=r"curves\.jsonl: line 1 is no curve row"):
        mend(store)


@pytest.mark.parametrize(
    ("name", "numbers", "texts"),
    [
        ("sweeps", ["trials", "seconds"], ["sweep", "state"]),
        ("trials", ["trial", "valid_accuracy"], ["state", "reason"]),
        ("curves", ["epoch", "train_loss"], ["arm"]),
        ("confirmations", ["train_size", "test_accuracy"], ["role"]),
        ("replications", ["seed", "valid_accuracy"], ["setting"]),
    ],
)
def test_an_empty_directory_has_the_columns_of_a_full_one(tmp_path, name, numbers, texts):
    full = tmp_path / "full"
    make(full)
    ReplicationStore(full).add([tiny.replication(cell(), 10, 71.6)])
    empty = tmp_path / "empty"
    empty.mkdir()
    frame, other = (getattr(ibsweep.load(path), name) for path in (empty, full))
    assert len(frame) == 0
    assert len(other) > 0
    known = [column for column in other.columns if not column.startswith("config_")]
    assert frame.columns.tolist() == known
    assert frame.dtypes.to_dict() == other[known].dtypes.to_dict()
    assert all(pd.api.types.is_numeric_dtype(frame[column]) for column in numbers)
    assert all(pd.api.types.is_string_dtype(frame[column]) for column in texts)


# The frames


def test_sweeps(results):
    assert results.sweeps.to_dict("records") == [
        {
            "sweep": "sweep",
            "question": "tiny",
            "arm": "tiny_cnn",
            "state": "done",
            "created": pd.Timestamp("2026-01-01", tz="UTC"),
            "trials": 6,
            "complete": 2,
            "pruned": 1,
            "failed": 1,
            # four trials of half a second; three jobs of confirmation, each counted once
            "seconds": 4 * 0.5 + 2.0 + 2.0 + 3.0,
            "current": True,
            "seed": 10,
            "design": results.stored[0].design,
            "repeats": 1,
        }
    ]


def test_trials_come_in_order_with_their_configuration(results):
    frame = results.trials
    assert frame["trial"].tolist() == [0, 2, 3, 4]
    assert frame["state"].tolist() == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]
    assert frame["origin"].tolist() == ["baseline", "tpe", "tpe", "tpe"]
    assert frame["valid_accuracy"].tolist()[:3] == [70.0, 90.0, 60.0]
    assert math.isnan(frame["valid_accuracy"][3])
    assert frame["replicates"].tolist() == [2, 2, 2, 0]
    assert frame["reason"].isna().tolist() == [True, True, False, False]
    assert frame.loc[1, ["config_lr", "config_epochs", "config_batch_size"]].tolist() == [
        0.02,
        30,
        5,
    ]
    assert frame.columns[-3:].tolist() == ["config_lr", "config_epochs", "config_batch_size"]


def test_a_hyperparameter_that_an_arm_lacks_is_missing_in_its_rows(tmp_path):
    space = tiny.arm().model_dump()["space"]
    wider = tiny.arm(
        name="wide",
        fixed={},
        space={**space, "kernel_size": {"type": "categorical", "choices": (3, 5)}},
        baseline={**tiny.arm().baseline, "kernel_size": 3},
    )
    make(tmp_path)
    store = SweepStore.create(tmp_path, tiny.manifest("wide", arm=wider))
    tiny.add_trial(
        store, tiny.trial(0, {"lr": 0.1, "epochs": 9, "batch_size": 5, "kernel_size": 5})
    )
    frame = ibsweep.load(tmp_path).trials
    assert frame.loc[frame["arm"] == "tiny_cnn", "config_kernel_size"].isna().all()
    assert frame.loc[frame["arm"] == "wide", "config_kernel_size"].tolist() == [5]


def test_a_hyperparameter_that_is_not_set_is_missing_and_others_keep_their_type(tmp_path):
    switch = {"type": "categorical", "choices": (True, False)}
    arm = tiny.arm(
        space={
            **tiny.arm().model_dump()["space"],
            "optimizer": {"type": "categorical", "choices": ("sgd", "adam")},
            "nesterov": {**switch, "when": {"optimizer": "sgd"}},
            "warmup_epochs": {"type": "int", "low": 0, "high": 9, "when": {"optimizer": "adam"}},
            "beta1": {"type": "float", "low": 0.0, "high": 0.9, "when": {"optimizer": "adam"}},
        },
        baseline={**tiny.arm().baseline, "optimizer": "sgd", "nesterov": True},
    )
    store = SweepStore.create(tmp_path, tiny.manifest("branched", arm=arm))
    common = {"lr": 0.1, "epochs": 9, "batch_size": 5}
    adam = common | {"optimizer": "adam", "warmup_epochs": 3, "beta1": 0.5}
    tiny.add_trial(store, tiny.trial(0, common | {"optimizer": "sgd", "nesterov": True}))
    tiny.add_trial(store, tiny.trial(1, adam))
    found = ibsweep.load(tmp_path)
    frame = found.trials
    assert [str(frame[f"config_{name}"].dtype) for name in arm.space] == [
        *("float64", "int64", "int64", "str"),
        *("boolean", "Int64", "float64"),
    ]
    assert frame["config_warmup_epochs"].isna().tolist() == [True, False]
    assert frame["config_warmup_epochs"][1] == 3
    assert frame["config_nesterov"].isna().tolist() == [False, True]
    cells = frame.iloc[:, -3:].to_csv(index=False).splitlines()
    assert cells == ["config_nesterov,config_warmup_epochs,config_beta1", "True,,", ",3,0.5"]
    study = plots.study_of(found.stored[0].summary.question, frame, "branched")
    assert [trial.params for trial in study.get_trials()] == [
        trial.config for trial in found.stored[0].trials.values()
    ]


def test_a_row_must_have_what_is_set_and_nothing_else(tmp_path):
    beta1 = {"type": "float", "low": 0.0, "high": 0.9, "when": {"optimizer": "adam"}}
    arm = tiny.arm(
        space={
            "optimizer": {"type": "categorical", "choices": ("sgd", "adam")},
            "beta1": beta1,
        },
        fixed={"kernel_size": 3, "lr": 0.1, "epochs": 5, "batch_size": 10},
        baseline={"optimizer": "sgd"},
    )
    store = SweepStore.create(tmp_path, tiny.manifest("branched", arm=arm))
    tiny.add_trial(store, tiny.trial(0, {"optimizer": "sgd", "beta1": 0.5}))
    tiny.add_trial(store, tiny.trial(1, {"optimizer": "adam"}))
    (why,) = ibsweep.load(tmp_path).unreadable.values()
    assert "its beta1 is set, though not `optimizer` is 'adam'" in why
    assert "its configuration lacks beta1" in why


def test_curves_have_a_row_a_replicate_and_leave_out_unfinished_trials(tmp_path):
    store = make(tmp_path)
    # of a trial that was cut short
    append_rows(store.paths.curves, [tiny.curve(5, 5)], store.manifest.seal)
    frame = ibsweep.load(tmp_path).curves
    assert frame[["trial", "epoch", "seed"]].to_numpy().tolist() == [
        [0, 5, 10],
        [0, 5, 11],
        [0, 20, 10],
        [0, 20, 11],
        [3, 5, 10],
        [3, 5, 11],
    ]
    assert frame["valid_accuracy"].tolist() == [39.5, 40.5, 69.5, 70.5, 59.5, 60.5]


def test_what_was_not_finite_is_missing_in_the_curves(tmp_path):
    store = make(tmp_path, best=False)
    lost = Replicate(
        seed=10,
        valid_accuracy=33.3,
        valid_loss=1.1,
        train_accuracy=None,
        train_loss=None,
        diverged_epoch=4,
    )
    tiny.add_trial(
        store, tiny.trial(5), [tiny.curve(5, 7).model_copy(update={"replicates": (lost,)})]
    )
    rows = ibsweep.load(tmp_path).curves.query("trial == 5")
    assert rows["train_loss"].isna().tolist() == [True, True]
    assert rows["valid_accuracy"].tolist() == [33.3, 33.3]


def test_confirmations_say_whose_they_are(results):
    frame = results.confirmations
    assert len(frame) == 9
    roles = frame.drop_duplicates(["trial", "train_size"])
    assert roles[["trial", "train_size", "role", "baseline"]].to_numpy().tolist() == [
        [0, 10, "baseline", True],
        [2, 10, "best", False],
        [2, 30, "best", False],
    ]
    assert frame["seed"].tolist() == [*SEEDS] * 3
    assert frame["test_accuracy"].tolist()[3:6] == [80.0, 85.0, 90.0]
    assert frame["test_confusion"][0] == ((49, 1, 0), (0, 50, 0), (0, 0, 50))
    assert frame["diverged_epoch"].isna().all()
    assert frame["config_lr"].tolist() == [0.01] * 3 + [0.02] * 6


def test_the_baseline_can_be_the_best(tmp_path):
    store = make(tmp_path)
    store.paths.confirmations.unlink()
    store.add_confirmations(confirmations(0, (95.0,) * 3, (90.0,) * 3))
    store.add_confirmations(confirmations(2, (80.0,) * 3, (99.0,) * 3))
    tiny.write_best(store)
    frame = ibsweep.load(tmp_path).confirmations
    assert frame["role"].tolist() == ["best"] * 3 + ["leader"] * 3
    assert frame["baseline"].tolist() == [True] * 3 + [False] * 3


def test_a_sweep_of_which_a_trial_is_gone_is_left_out_until_it_is_trained_again(tmp_path):
    store = make(tmp_path)
    lines = store.paths.trials.read_text().splitlines(keepends=True)
    store.paths.trials.write_text("".join(lines[1:]))  # the baseline's
    found = ibsweep.load(tmp_path)
    assert found.confirmations.empty
    assert "has 3 of the 4 trials" in found.unreadable["sweep"]
    assert "there is no trial 0; `ibsweep resume sweep" in found.unreadable["sweep"]


def cell():
    (found,) = [c for c, _ in published_settings(load_all().values()) if c.arm == "q7_wider"]
    return found


def test_replications_hold_what_was_trained(tmp_path):
    make(tmp_path)
    rows = [
        tiny.replication(cell(), 10, 71.6, train=75.0, exact=True),
        tiny.replication(cell(), 11, 60.0),
    ]
    ReplicationStore(tmp_path).add(rows)
    frame = ibsweep.load(tmp_path).replications
    assert frame["question"].tolist() == ["q7", "q7"]
    assert frame["exact"].tolist() == [True, False]
    assert frame["valid_accuracy"].tolist() == [71.6, 60.0]
    assert frame["train_accuracy"].tolist() == [75.0, 100.0]
    assert frame["settings"].tolist() == [cell().settings] * 2
    assert frame["data"].tolist() == [cell().data] * 2


def test_what_was_trained_again_counts_once(tmp_path):
    make(tmp_path)
    old = tiny.replication(cell(), 11, 20.0)
    ReplicationStore(tmp_path).add([old, tiny.replication(cell(), 11, 60.0)])
    assert ibsweep.load(tmp_path).replications["valid_accuracy"].tolist() == [60.0]


# Which sweep counts, and the best


def test_current_rows_are_of_one_sweep_an_arm(tmp_path):
    make(tmp_path, "b", created="2026-01-01T00:00:00+00:00")
    make(tmp_path, "a", created="2026-02-01T00:00:00+00:00")
    found = ibsweep.load(tmp_path)
    assert set(found.confirmations["sweep"]) == {"a", "b"}
    assert set(found.current("tiny")["sweep"]) == {"a"}
    assert found.current("q7").empty


def test_the_newest_sweep_with_a_best_is_current(tmp_path):
    make(tmp_path, "b", created="2026-01-01T00:00:00+00:00")
    make(tmp_path, "a", created="2026-02-01T00:00:00+00:00")
    make(tmp_path, "c", created="2026-03-01T00:00:00+00:00", best=False)
    make(tmp_path, "d", created="2025-01-01T00:00:00+00:00", arm=arm("other_arm"))
    found = ibsweep.load(tmp_path)
    assert dict(zip(found.sweeps["sweep"], found.sweeps["current"], strict=True)) == {
        "a": True,
        "b": False,
        "c": False,
        "d": True,
    }
    assert found.summary("tiny_cnn").name == "a"
    assert found.best()[["arm", "sweep"]].to_numpy().tolist() == [
        ["other_arm", "d"],
        ["tiny_cnn", "a"],
    ]


def test_a_questions_newest_file_counts(tmp_path):
    make(tmp_path, "old", created="2026-01-01T00:00:00+00:00")
    newer = tiny.question().model_copy(update={"title": "reworded", "arms": {"x": arm("x")}})
    manifest = tiny.manifest("new", arm=arm("x"))
    document = newer.model_dump(mode="json")
    created = "2026-02-01T00:00:00+00:00"
    store = SweepStore.create(
        tmp_path,
        manifest.model_copy(
            update={
                "question": document,
                "created": created,
                "choice_replicates": None,
                "confirm_replicates": 3,
            }
        ),
    )
    assert ibsweep.load(tmp_path).questions()["tiny"].title == "a tiny question"
    tiny.add_trial(store, tiny.trial(0))
    store.add_confirmations(confirmations(0, (70.0,) * 3, (99.0,) * 3))
    tiny.write_best(store)
    assert ibsweep.load(tmp_path).questions()["tiny"].title == "reworded"


def test_the_best_of_an_arm(results):
    interval = mean_interval([80.0, 85.0, 90.0], 0, 100)
    expected = {
        "arm": "tiny_cnn",
        "sweep": "sweep",
        "trial": 2,
        "train_size": 10,
        "sweep_valid_accuracy": 90.0,
        "test_accuracy": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "replicates": 3,
        "runs": 3,
        "trained_runs": 3,
        "rate_low": pytest.approx(0.2924, abs=1e-4),
        "rate_high": 1.0,
        "trained_accuracy": interval.mean,
        "trained_accuracy_low": interval.low,
        "trained_accuracy_high": interval.high,
        "config": SLOW,
    }
    repeats = [column.name for column in REPEATS]
    alone = dict.fromkeys(repeats) | {"sweeps": 1}
    assert results.best("tiny_cnn") == expected | alone
    assert results.best()[list(expected)].to_dict("records") == [expected]
    assert results.best().columns.tolist() == [*expected, *repeats]


def test_every_figure_of_the_best_can_be_traced_to_rows(results):
    best = results.best("tiny_cnn")
    rows = results.confirmations.query(
        "sweep == @best['sweep'] and trial == @best['trial'] and train_size == @best['train_size']"
    )
    assert rows["test_accuracy"].mean() == best["test_accuracy"]
    assert len(rows) == best["replicates"]


def test_without_a_best_the_message_says_what_there_is(tmp_path, results):
    with pytest.raises(InputError, match=r"no sweep of arm 'tiny_mlp'.*did you mean 'tiny_cnn'"):
        results.best("tiny_mlp")
    with pytest.raises(InputError, match=r"no sweep of arm 'q9'.*known are tiny_cnn"):
        results.summary("q9")
    empty = tmp_path / "empty"
    make(empty, best=False)
    found = ibsweep.load(empty)
    assert found.questions() == {}
    assert found.best().empty
    with pytest.raises(InputError, match="has a best yet"):
        found.best("tiny_cnn")


def test_the_results_say_what_they_hold(results):
    assert isinstance(results, Results)
    assert repr(results) == f"<Results of {results.path}: 1 sweeps, 4 trials, 9 confirmations>"


def test_importing_ibsweep_imports_no_library_that_draws_or_computes():
    names = "('pandas', 'matplotlib', 'scipy', 'torch', 'ray', 'optuna')"
    code = f"import sys, ibsweep; ibsweep.load; print([n for n in {names} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
