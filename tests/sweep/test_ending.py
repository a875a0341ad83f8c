"""When a search ends before it has all of its trials; and a resumed one ends there too."""

from __future__ import annotations

import pytest
import tiny

from ibsweep.questions.schema import Objective
from ibsweep.results.extent import further_time, how_to_go_on, limit_reached
from ibsweep.results.records import TrialState
from ibsweep.results.spent import record_spent
from ibsweep.results.store import SweepStore
from ibsweep.sweep import clock
from ibsweep.sweep.clock import SearchClock
from ibsweep.sweep.ending import SearchEnd

OBJECTIVES = tiny.question().objectives


def row(number, accuracy, state=TrialState.COMPLETE, seconds=0.5):
    config = {"lr": 0.01, "epochs": 20, "batch_size": 10}
    made = tiny.trial(number, config, accuracy=accuracy, state=state)
    return made.model_copy(update={"seconds": seconds})


def end(folder, rows=(), **options):
    """What ends a new sweep's search, after these rows."""
    store = SweepStore.create(folder, tiny.manifest(**{"trials": 20, **options}))
    return SearchEnd(store.manifest, OBJECTIVES, SearchClock(store), rows)


def test_patience_counts_finished_trials_since_the_best_became_better(tmp_path):
    figures = [50, 60, 60, 55, 61, 40, 40, 40]
    counter = end(tmp_path, patience=3)
    reached = []
    for number, accuracy in enumerate(figures):
        counter.add(row(number, accuracy))
        reached.append(counter.reached())
    assert reached == [None] * 7 + ["patience"], "no gain of the same figure"
    assert counter.record(None)["words"] == "its best did not become better for 3 trials"
    for split in range(len(figures)):
        again = end(tmp_path / str(split), [row(i, a) for i, a in enumerate(figures)], patience=3)
        assert again.reached() == "patience", "a resumed sweep ends where it would have ended"


def test_a_spent_budget_is_what_ended_it_though_patience_is_used_up_as_well(tmp_path):
    found = [row(0, 50), row(1, 40)]
    spent = sum(one.model_epochs for one in found)
    assert end(tmp_path / "both", found, patience=1, budget=spent).reached() == "budget"
    assert end(tmp_path / "one", found, patience=1, budget=spent + 1).reached() == "patience"


def test_pruned_and_failed_trials_are_no_gain(tmp_path):
    counter = end(tmp_path, patience=3)
    counter.add(row(0, 50))
    counter.add(row(1, 99, TrialState.PRUNED))
    counter.add(row(2, None, TrialState.FAIL))
    assert counter.reached() is None
    counter.add(row(3, 49))
    assert counter.reached() == "patience"


def test_of_several_objectives_a_new_point_of_the_front_is_a_gain(tmp_path):
    size = Objective.model_validate("parameters")
    store = SweepStore.create(tmp_path, tiny.manifest(trials=20, patience=2))
    counter = SearchEnd(store.manifest, (*OBJECTIVES, size), SearchClock(store))
    gains = []
    for number, (accuracy, parameters) in enumerate(
        [(50, 100), (40, 50), (40, 60), (60, 100), (45, 50), (45, 50), (59, 99)]
    ):
        found = row(number, accuracy)
        figures = {**found.valid, "parameters": float(parameters)}
        counter.add(found.model_copy(update={"valid": figures}))
        gains.append(counter.without_gain == 0)
    assert gains == [True, True, False, True, True, False, True]


def test_an_extension_counts_anew(tmp_path):
    rows = [row(number, 50) for number in range(6)]
    store = SweepStore.create(tmp_path, tiny.manifest(trials=20, patience=3))
    entry = {"when": "", "command": [], "trials": [6, 20], "done": 5, "finished": True}
    manifest = store.manifest.model_copy(update={"extended": (entry,)})
    counter = SearchEnd(manifest, OBJECTIVES, SearchClock(store), rows)
    assert counter.without_gain == 1
    assert counter.reached() is None


def test_model_epochs_are_those_of_all_replicates_and_of_what_is_under_way(tmp_path):
    counter = end(tmp_path, budget=100)
    counter.add(row(0, 50))
    counter.add(row(1, 50, TrialState.PRUNED))
    assert counter.model_epochs == 80
    assert counter.reached(19) is None
    assert counter.reached(20) == "budget"
    counter.add(row(2, 50))
    ended = counter.record(None)
    assert (ended["why"], ended["trials"], ended["model_epochs"]) == ("budget", 3, 120)
    assert ended["words"] == "its budget of 100 model-epochs is spent"


@pytest.mark.parametrize(
    ("trials", "exhausted", "why"),
    [(2, None, "trials"), (9, "the search space is used up", "space")],
)
def test_what_has_all_it_can_have_was_ended_by_no_limit(tmp_path, trials, exhausted, why):
    counter = end(tmp_path, [row(0, 50), row(1, 40)], trials=trials, patience=1)
    assert counter.record(exhausted)["why"] == why


def test_the_time_of_a_command_is_shared_and_what_confirming_takes_is_kept_back(
    tmp_path, monkeypatch
):
    now = [0.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    names = ["one", "two"]
    limit = {"seconds": 100.0, "sweeps": names}
    budget = {"trials": 20, "confirm": 2, "choice_replicates": 4, "confirm_replicates": 6}
    stores = [
        SweepStore.create(
            tmp_path, tiny.manifest(name, **budget).model_copy(update={"max_time": limit})
        )
        for name in names
    ]
    counter = SearchEnd(stores[0].manifest, OBJECTIVES, first := SearchClock(stores[0]))
    now[0] = 49.0
    assert first.over is None
    now[0] = 10.0
    for number in range(4):  # 2 s a replicate, on one core less than the time that went by
        counter.add(row(number, 50 + number, seconds=4))
    # two leaders of 4 replicates, and the best and the other of 6, 1.6 at a time
    assert first._reserve == pytest.approx((2 * 4 * 2 + 2 * 6 * 2) / 1.6)
    now[0] = 24.0
    assert first.over is None
    now[0] = 26.0
    assert first.over == "max_time"
    first.record()
    record_spent(stores[0], 44.0, "confirming")
    stores[0].paths.best_config.write_text("trial: 0\n")
    second = SearchClock(stores[1])
    now[0] += 29.0
    assert second.over is None, "30 of the 100 seconds are left, all of them its own"
    now[0] += 2.0
    assert second.over == "max_time"


@pytest.mark.parametrize(
    ("why", "flag"),
    [
        ("patience", "--trials N` has it go on"),
        ("budget", "--budget N` gives it a larger one"),
        ("time", "--time-budget TIME` gives it further time"),
        ("max_time", "--max-time TIME` gives it further time"),
    ],
)
def test_what_ended_a_search_is_told_with_what_goes_on(tmp_path, why, flag):
    store = SweepStore.create(tmp_path, tiny.manifest(trials=20))
    tiny.add_trial(store, row(0, 50))
    ended = {"why": why, "words": "it was enough", "trials": 1}
    assert limit_reached(store) is None
    store.update_manifest(store.manifest.model_copy(update={"ended": ended}))
    assert limit_reached(store) == why
    text = f"it was enough with 1 of 20 trials done, `ibsweep resume tiny --results {tmp_path} "
    assert further_time(store) == text + flag
    store.paths.best_config.write_text("trial: 0\n")
    assert how_to_go_on(store) == text + flag
