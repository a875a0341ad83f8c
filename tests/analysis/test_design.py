"""Which sweeps of an arm repeat each other."""

from __future__ import annotations

import copy

import pytest
import questions
import tiny
from repeated import add_sweep

import ibsweep
from ibsweep.analysis.design import design_of
from ibsweep.questions.schema import Question
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions


def repeats(results) -> list[str]:
    """The names of the sweeps that repeat the current one of ``tiny_cnn``."""
    return [s.summary.name for s in ibsweep.load(results).repeats("tiny").get("tiny_cnn", ())]


def manifest(change=lambda question: None, **options):
    """The manifest of a sweep over the tiny question, its file changed."""
    document = copy.deepcopy(questions.question_mapping())
    change(document)
    asked = Question.model_validate(document)
    chosen = SweepOptions(trials=1, confirm_replicates=2, **options)
    return make_manifest("x", asked, asked.arms["tiny_cnn"], chosen, ["tune"])


def test_sweeps_that_differ_in_their_seeds_repeat_each_other(tmp_path):
    for seed in (40, 10, 20):
        add_sweep(tmp_path, seed)
    assert repeats(tmp_path) == ["tiny-10", "tiny-20", "tiny-40"]


def test_when_where_and_by_what_command_a_sweep_was_made_is_not_its_design(tmp_path):
    add_sweep(tmp_path, 10)
    add_sweep(
        tmp_path,
        20,
        created="2030-01-01T00:00:00+00:00",
        command=("tune", "all"),
        machine={"host": "other"},
        git=None,
        address="auto",
        nodes=({"node": "n", "cpus": 2, "gpus": 0, "gpu_names": []},),
        folder="/elsewhere",
        file="same.yaml",
    )
    assert repeats(tmp_path) == ["tiny-10", "tiny-20"]


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 2},
        {"replicates": 4},
        {"confirm": 1},
        {"choice_replicates": 3},
        {"time_budget": 60.0},
        {"budget": 600},
        {"patience": 6},
        {"every_epoch": True},
        {"cpus_per_trial": 2.0},
        {"pruner": {"name": "none", "rungs": []}},
        {"sampler": {"name": "random", "seed": 20}},
        {"code": {"net.py": "0" * 64}},
        {"model": {"fused": False}},
        {"earlier": ({"sweep": "first", "configs": []},)},
        {"enqueued": ({"lr": 0.1},)},
        {"versions": {"torch": "1.0"}},
        {"resumed": ({"when": "later", "command": [], "versions": {"torch": "1.0"}},)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_else_differs_makes_another_design(tmp_path, changes):
    add_sweep(tmp_path, 10)
    add_sweep(tmp_path, 20, **changes)
    assert repeats(tmp_path) == ["tiny-20"]


def test_a_sweep_that_went_on_as_it_began_is_of_its_design(tmp_path):
    versions = tiny.manifest().versions
    add_sweep(tmp_path, 10)
    add_sweep(tmp_path, 20, resumed=({"when": "later", "command": [], "versions": versions},))
    assert repeats(tmp_path) == ["tiny-10", "tiny-20"]


def test_a_quick_sweep_is_no_repeat_of_a_full_one(tmp_path):
    add_sweep(tmp_path, 10, manifest=manifest())
    quick = {"trials": 10, "replicates": 2, "confirm": 1}
    add_sweep(tmp_path, 20, manifest=manifest().model_copy(update=quick))
    assert repeats(tmp_path) == ["tiny-20"]


def _claim(question):
    question["claims"] = [
        questions.claim_mapping(
            "tiny_works", "It works.", {"type": "level", "arm": "tiny_cnn", "at_least": 50.0}
        )
    ]


def _titles(question):
    question["title"], question["text"] = "Another title", "Other words"
    question["arms"]["tiny_cnn"]["title"] = "The tiny one"


def _another_arm(question):
    question["arms"]["tiny_other"] = copy.deepcopy(question["arms"]["tiny_cnn"])


def _space(question):
    question["arms"]["tiny_cnn"]["space"]["epochs"]["high"] += 1


def _baseline(question):
    question["arms"]["tiny_cnn"]["baseline"]["lr"] *= 2


def _metrics(question):
    question["metrics"] = ["macro_f1"]


def _objective(question):
    question["objective"] = "balanced_accuracy"


@pytest.mark.parametrize("change", [_claim, _titles, _another_arm])
def test_claims_words_and_other_arms_are_no_part_of_a_sweep(tmp_path, change):
    add_sweep(tmp_path, 10, manifest=manifest())
    add_sweep(tmp_path, 20, manifest=manifest(change))
    assert repeats(tmp_path) == ["tiny-10", "tiny-20"]


@pytest.mark.parametrize("change", [_space, _baseline, _metrics])
def test_another_question_is_another_design(tmp_path, change):
    add_sweep(tmp_path, 10, manifest=manifest())
    add_sweep(tmp_path, 20, manifest=manifest(change))
    assert repeats(tmp_path) == ["tiny-20"]


def test_another_objective_is_another_design():
    first, second = (
        design_of(made, Question.model_validate(made.question))
        for made in (manifest(), manifest(_objective))
    )
    assert first != second


def test_other_data_are_another_design(tmp_path):
    data = {"fingerprint": "0" * 64}
    add_sweep(tmp_path, 10, manifest=manifest(), data=data)
    add_sweep(tmp_path, 20, manifest=manifest(), data={"fingerprint": "1" * 64})
    other = manifest(lambda q: q["data"].update(use_permutation=True))
    add_sweep(tmp_path, 30, manifest=other, data=data)
    found = ibsweep.load(tmp_path).sweeps
    assert found["design"].nunique() == 3


def test_a_sweep_without_a_best_is_no_repeat(tmp_path):
    add_sweep(tmp_path, 10)
    add_sweep(tmp_path, 20, confirmed=False)
    assert repeats(tmp_path) == ["tiny-10"]


def test_sweeps_on_common_replicate_seeds_count_once_the_newer_one(tmp_path):
    for hour, (name, seed) in enumerate([("old", 10), ("again", 10), ("other", 30)]):
        add_sweep(tmp_path, seed, name=name, created=f"2026-01-01T0{hour}:00:00+00:00")
    assert repeats(tmp_path) == ["again", "other"]


def test_sweeps_of_neighbouring_seeds_in_format_3_are_not_independent(tmp_path):
    add_sweep(tmp_path, 10, choice_replicates=None, created="2026-01-01T00:00:00+00:00")
    add_sweep(tmp_path, 11, choice_replicates=None, created="2026-01-02T00:00:00+00:00")
    assert repeats(tmp_path) == ["tiny-11"]


def test_the_frame_tells_repeats_and_the_current_one_is_the_newest(tmp_path):
    add_sweep(tmp_path, 10, created="2026-01-01T00:00:00+00:00")
    add_sweep(tmp_path, 20, created="2026-01-03T00:00:00+00:00")
    add_sweep(tmp_path, 30, created="2026-01-02T00:00:00+00:00", trials=9)
    frame = ibsweep.load(tmp_path).sweeps
    assert frame["seed"].tolist() == [10, 20, 30]
    assert frame["current"].tolist() == [False, True, False]
    assert frame["repeats"].tolist() == [2, 2, 1]
    first, second, other = frame["design"]
    assert first == second != other


def test_the_rows_of_all_repeats(tmp_path):
    add_sweep(tmp_path, 10, (80.0, 82.0), created="2026-01-01T00:00:00+00:00")
    add_sweep(tmp_path, 20, (90.0, 92.0), created="2026-01-02T00:00:00+00:00")
    add_sweep(tmp_path, 30, (70.0, 72.0), created="2025-01-01T00:00:00+00:00", trials=9)
    found = ibsweep.load(tmp_path)
    repeated, current = found.repeated("tiny"), found.current("tiny")
    assert repeated["test_accuracy"].dropna().tolist() == [80.0, 82.0, 90.0, 92.0]
    assert current["test_accuracy"].dropna().tolist() == [90.0, 92.0]
    assert found.repeated("none").empty
    assert found.repeats("none") == {}
