"""Sweeps that go on beyond what they were asked for, and the time that they may take."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny

from ibsweep.analysis.design import Asked, asked_in_turn
from ibsweep.analysis.report.provenance import settings_rows
from ibsweep.cli import run
from ibsweep.errors import InputError, SweepError
from ibsweep.results.extent import how_to_go_on, time_is_spent
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Proposal
from ibsweep.results.spent import record_spent, seconds_left, spent_seconds
from ibsweep.results.store import SweepStore
from ibsweep.sweep import clock
from ibsweep.sweep.clock import SearchClock
from ibsweep.sweep.extend import extension
from ibsweep.sweep.further import Further
from ibsweep.sweep.resume import resumed

STORED = Path(__file__).parents[1] / "results" / "format_2" / "done"
CONFIG = {"lr": 0.01, "epochs": 20, "batch_size": 10}


def stored(folder, *, done=4, finished=True, begun=0, **options) -> SweepStore:
    """Return a sweep that has done some trials, without what was trained."""
    limit = options.pop("max_time", None)
    manifest = tiny.manifest(**{"trials": 4, **options})
    if limit is not None:
        shared = {"seconds": limit, "sweeps": [manifest.name]}
        manifest = manifest.model_copy(update={"max_time": shared})
    store = SweepStore.create(folder, manifest)
    for number in range(done + begun):
        config = {**CONFIG, "epochs": 20 + number}
        store.add_proposal(Proposal(trial=number, origin="tpe", config=config))
        if number < done:
            store.add_trial(tiny.trial(number, config), [tiny.curve(number, 20)])
    if finished:
        store.paths.best_config.write_text("trial: 0\n")
    return store


def files(store):
    kept = (path for path in store.paths.root.iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in kept if path != store.paths.lock}


@pytest.mark.parametrize(
    ("sweep", "spent", "asked", "message"),
    [
        ({}, 0, {"trials": 4}, "more than the 4 that it has done, and at most 1000000, but got 4"),
        ({}, 0, {"trials": 2}, "more than the 4 that it has done"),
        ({}, 0, {"trials": 10**9}, "at most 1000000"),
        ({"done": 2, "begun": 1, "finished": False}, 0, {"trials": 3}, "at least the 4 that"),
        ({"done": 2, "begun": 3, "finished": False}, 0, {"trials": 5}, "the 5 that it has begun"),
        (
            {},
            0,
            {"time_budget": 60.0},
            "further time adds none; give it more, such as `--trials 8 --time-budget 60s`",
        ),
        ({"done": 2, "time_budget": 9}, 9.5, {"trials": 9}, "`--trials 9 --time-budget 9s`"),
        ({"time_budget": 9}, 9.5, {"trials": 9}, "such as `--trials 9 --time-budget 9s`"),
        ({}, 0, {"time_budget": float("inf")}, "`--time-budget` must be above 0, but got inf"),
        ({}, 0, {"time_budget": -1.0}, "`--time-budget` must be above 0, but got -1"),
        ({}, 0, {"max_time": -1.0}, "`--max-time` must be above 0, but got -1"),
        ({}, 0, {"budget": 160}, "more than the 160 that it has trained, but got 160"),
        ({}, 0, {"budget": 999}, "further model-epochs add none; give it more, such as `--trials"),
        (
            {"done": 2, "budget": 80},
            0,
            {"trials": 9},
            "the 80 model-epochs of tiny are spent: give it more besides, such as `--trials 9 "
            "--budget 160`",
        ),
        (
            {"done": 2, "max_time": 9.0},
            9.5,
            {"trials": 9},
            "the time of the command of tiny is over: give it further time besides, such as "
            "`--trials 9 --max-time 9s`",
        ),
    ],
)
def test_what_would_train_nothing_is_refused(tmp_path, sweep, spent, asked, message):
    store = stored(tmp_path, **sweep)
    record_spent(store, spent)
    before = files(store)
    with pytest.raises(InputError) as caught:
        extension(store, Further(**asked), ["resume"])
    assert message in str(caught.value)
    assert files(store) == before


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_a_space_that_is_used_up_cannot_be_extended(tmp_path, sampler):
    arm = tiny.arm(
        space={"lr": {"type": "float", "low": 0.1, "high": 0.4, "step": 0.1}},
        baseline=None,
        fixed={"epochs": 20, "batch_size": 10},
    )
    store = SweepStore.create(tmp_path, tiny.manifest(arm=arm, trials=9, sampler=sampler))
    for number, lr in enumerate([0.1, 0.2, 0.1 + 0.2, 0.4]):
        store.add_proposal(Proposal(trial=number, origin=sampler, config={"lr": lr}))
        store.add_trial(tiny.trial(number, {"lr": lr}), [])
    store.paths.best_config.write_text("trial: 0\n")
    with pytest.raises(InputError, match="tiny cannot be extended: the search space is used up"):
        extension(store, Further(20), ["resume"])
    assert how_to_go_on(store) == (
        "it is finished: it has tried all 4 configurations that it could"
    )


def test_the_manifest_keeps_what_was_asked_for_before(tmp_path):
    store = stored(tmp_path, time_budget=100)
    record_spent(store, 40)
    extension(store, Further(8), ["resume", "tiny"]).write()
    assert not store.paths.best_config.exists(), "which is best is decided again"
    record_spent(store, 70)
    store.paths.best_config.write_text("trial: 0\n")
    extension(store, Further(12, 50.0), ["resume", "again"]).write()
    manifest = SweepStore(store.paths.root).manifest
    assert (manifest.trials, manifest.time_budget) == (12, 120)
    first, second = manifest.extended
    assert first["trials"] == [4, 8]
    assert (first["done"], first["finished"], first["command"]) == (4, True, ["resume", "tiny"])
    assert (second["time_budget"], second["further_time"]) == (100, 50)
    assert asked_in_turn(manifest) == [Asked(4, 100), Asked(8), Asked(12, 50)]
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest

    page = SimpleNamespace(manifests={"tiny_cnn": manifest})
    words = dict(settings_rows(page))["extended"][0][1]
    assert "when it was finished, from 4 to 8 trials: resume tiny; " in words
    assert "from 8 to 12 trials, by 50 s: resume again" in words


def test_model_epochs_and_the_time_of_several_are_extended(tmp_path):
    store = stored(tmp_path, done=2, budget=70)
    other = stored(tmp_path / "other", done=2, finished=False, max_time=5.0)
    names = ["tiny"]
    record_spent(other, 4)
    record_spent(other, 2, "confirming")
    extension(store, Further(budget=200), ["resume"], names).write()
    extension(other, Further(max_time=10.0), ["resume"], names).write()
    manifest = SweepStore(store.paths.root).manifest
    assert (manifest.budget, manifest.extended[0]["budget"]) == (200, [70, 200])
    assert asked_in_turn(manifest) == [Asked(4, budget=70), Asked(4, budget=200)]
    manifest = SweepStore(other.paths.root).manifest
    assert manifest.max_time == {"seconds": 16.0, "sweeps": names}
    assert seconds_left(other) == 10


def test_a_sweep_that_lacks_its_confirmation_alone_is_given_time_for_it(tmp_path):
    store = stored(tmp_path, finished=False, max_time=5.0)
    record_spent(store, 9)
    found = extension(store, Further(max_time=10.0), ["resume"], ["tiny"])
    assert found.manifest.max_time["seconds"] == 19


def test_asked_again_after_an_interruption_it_goes_on(tmp_path):
    """The same command once more is no second extension."""
    store = stored(tmp_path)
    extension(store, Further(8), ["resume"]).write()
    assert extension(store, Further(8), ["resume"]) is None
    assert extension(store, Further(), ["resume"]) is None
    store.paths.best_config.write_text("trial: 0\n")
    assert extension(store, Further(), ["resume"]) is None


def test_what_is_refused_leaves_the_sweep_as_it_was(tmp_path):
    shutil.copytree(STORED, tmp_path / "done")
    store = SweepStore(tmp_path / "done")
    best = store.paths.best_config.read_bytes()

    def stop(error):
        with resumed([store], ["x"], further=Further(trials=8)):
            assert not store.paths.best_config.exists()
            raise error

    with pytest.raises(InputError, match="no such place"):
        stop(InputError("no such place"))
    assert store.paths.best_config.read_bytes() == best
    assert (store.manifest.trials, store.manifest.extended) == (4, ())
    assert SweepStore(store.paths.root).manifest == store.manifest
    with pytest.raises(SweepError):
        stop(SweepError("it stopped"))
    assert SweepStore(store.paths.root).manifest.trials == 8, "it is to go on there"


@pytest.mark.parametrize(
    ("sweep", "spent", "words"),
    [
        ({"finished": False, "done": 2}, 0, "`ibsweep resume tiny --results {}` completes it"),
        ({}, 0, "it is finished, `ibsweep resume tiny --results {} --trials N` extends it beyond"),
        (
            {"done": 2, "time_budget": 9},
            10,
            "its time budget is spent with 2 of 4 trials done, `ibsweep resume tiny --results {} "
            "--time-budget TIME` gives it further time",
        ),
        (
            {"done": 2, "time_budget": 9},
            None,
            "its time budget is spent with 2 of 4 trials done",
        ),
        (
            {"budget": 99},
            0,
            "it is finished, `ibsweep resume tiny --results {} --trials N --budget N` extends it",
        ),
        (
            {"max_time": 9.0},
            10,
            "it is finished, `ibsweep resume tiny --results {} --trials N --max-time TIME` ext",
        ),
    ],
)
def test_a_name_that_is_taken_says_how_to_go_on(tmp_path, sweep, spent, words):
    store = stored(tmp_path, **sweep)
    if spent is not None:
        record_spent(store, spent)
    with pytest.raises(InputError) as caught:
        SweepStore.create(tmp_path, tiny.manifest())
    assert words.format(tmp_path) in str(caught.value)
    assert str(caught.value).endswith("; or choose another --name")


def test_time_is_added_up_over_runs_whatever_the_clock_on_the_wall_says(tmp_path, monkeypatch):
    store = stored(tmp_path, finished=False, time_budget=100)
    now = [1000.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(clock.time, "time", lambda: pytest.fail("it may be set back"))
    first = SearchClock(store)
    now[0] += 3
    first.tick()
    assert spent_seconds(store) == 0, "a moment ago"
    now[0] += 57
    first.tick()
    assert spent_seconds(store) == 60
    now[0] = 5.0  # the machine was started anew
    second = SearchClock(SweepStore(store.paths.root))
    now[0] += 39
    assert second.over is None
    now[0] += 2
    assert second.over == "time"
    second.record()
    assert time_is_spent(store)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"seconds": -1}', '{"seconds": true}', "[1]", "\0"]
)
def test_an_account_of_time_that_is_damaged_is_named(tmp_path, content):
    store = stored(tmp_path)
    store.paths.spent.write_text(content)
    with pytest.raises(SweepError, match=r"spent.json: does not say how long"):
        spent_seconds(store)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["all", "--trials", "9"], "extend sweeps that are named, not all"),
        (["done", "--trials", "3"], "more than the 4 that it has done"),
        (["done", "--time-budget", "soon"], "a duration is such as 90, 90s, 5m or 1.5h"),
    ],
)
def test_on_the_command_line(tmp_path, capsys, words, message):
    shutil.copytree(STORED, tmp_path / "done")
    assert run(["resume", *words, "--results", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
