"""What a new sweep takes from earlier ones: observations, or the best as first proposals."""

from __future__ import annotations

import json

import pytest
import questions
import tiny

from ibsweep.analysis.beginnings import earlier_notes
from ibsweep.errors import InputError
from ibsweep.questions.schema import Question
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest, make_manifests
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.proposals import Proposer

OBJECTIVE = tiny.question().objective
LRS = (0.001, 0.05, 0.02)
SAME = "the same search space, data, model, replicates and metric"


def stored(folder, name="first", *, arm=None, **options):
    """A sweep of three complete trials, of which the second is the best, and one that failed."""
    store = SweepStore.create(folder, tiny.manifest(name, arm=arm, **options))
    for number, lr in enumerate(LRS):
        config = {"lr": lr, "epochs": 20 + number, "batch_size": 10}
        tiny.add_trial(store, tiny.trial(number, config, accuracy=60 + 10 * (lr == 0.05) + lr))
    failed = tiny.trial(3, {"lr": 0.1, "epochs": 5, "batch_size": 5}, state=TrialState.FAIL)
    tiny.add_trial(store, failed)
    return store


def taken(folder, *, arm=None, question=None, **options):
    """The manifest of a new sweep that begins with the stored one."""
    asked = question or tiny.question()
    if arm is not None:
        asked = asked.model_copy(update={"arms": {arm.name: arm}})
    chosen = SweepOptions(**{"replicates": 2, "earlier": "first", **options})
    (swept,) = asked.arms.values()
    return make_manifest("second", asked, swept, chosen, ["tune"], None, folder)


def test_trials_of_the_same_are_observations_and_the_best_is_tried_here_too(tmp_path):
    stored(tmp_path)
    manifest = taken(tmp_path)
    (one,) = manifest.earlier
    assert [found["config"]["lr"] for found in one["observations"]] == list(LRS)
    assert one["configs"] == [{"lr": 0.05, "epochs": 21, "batch_size": 10}]
    assert earlier_notes(manifest) == [
        f"from first 3 trials as observations, its best configuration tried first ({SAME})"
    ]
    again = Manifest.model_validate_json(manifest.model_dump_json())
    proposer = Proposer(tiny.arm(), OBJECTIVE, again)
    assert [trial.value for trial in proposer.study.trials] == [60.001, 70.05, 60.02]
    origins = [proposer.propose()[0] for _ in range(3)]
    assert [(row.trial, row.origin) for row in origins] == [
        (0, "baseline"),
        (1, "earlier"),
        (2, "tpe"),
    ], "observations are no trials of the sweep"
    assert origins[1].config == one["configs"][0]


def test_a_sampler_that_knows_enough_does_not_begin_at_random(tmp_path):
    """Ten observations are what TPE draws at random before it begins; here they all say one."""
    store = SweepStore.create(tmp_path, tiny.manifest("first"))
    for number in range(24):
        lr = 0.03 + number / 10_000 if number < 12 else 0.0011 + number / 100_000
        config = {"lr": lr, "epochs": 20, "batch_size": 10}
        tiny.add_trial(store, tiny.trial(number, config, accuracy=90 if lr > 0.01 else 50))
    near = []
    for seed in range(5):
        proposer = Proposer(tiny.arm(), OBJECTIVE, taken(tmp_path, seed=seed))
        near += [proposer.propose()[0].config["lr"] for _ in range(6)][2:]
    assert sum(lr > 0.01 for lr in near) > 15


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"options": {"replicates": 3}}, "it differs in replicates"),
        ({"arm": {"train_size": 20}}, "it differs in training-set size"),
        ({"arm": {"fixed": {"kernel_size": 5}}}, "it differs in fixed settings"),
        ({"options": {"sampler": "random"}}, "random cannot learn from it"),
        ({"options": {"sampler": "cmaes"}}, "cmaes cannot learn from it"),
    ],
)
def test_of_another_size_arm_or_budget_the_best_are_tried_first(tmp_path, changes, why):
    stored(tmp_path)
    arm = tiny.arm(**changes["arm"]) if "arm" in changes else None
    manifest = taken(tmp_path, arm=arm, **changes.get("options", {}))
    (one,) = manifest.earlier
    assert one["observations"] == []
    assert [config["lr"] for config in one["configs"]] == [0.05, 0.02, 0.001]
    assert earlier_notes(manifest) == [
        f"from first its 3 best configurations tried first, of it lr, epochs, batch_size ({why})"
    ]


def test_of_another_question_the_part_that_fits_is_taken(tmp_path):
    stored(tmp_path)
    mapping = questions.question_mapping()
    mapping["question"] = "other"
    space = tiny.arm().model_dump(mode="json")["space"]
    mapping["arms"]["tiny_cnn"]["space"] = {
        "lr": {"type": "float", "low": 0.01, "high": 0.3, "log": True},
        "epochs": space["epochs"],
    }
    mapping["arms"]["tiny_cnn"].pop("baseline", None)
    mapping["arms"]["tiny_cnn"]["fixed"] = {"batch_size": 10}
    manifest = taken(tmp_path, question=Question.model_validate(mapping))
    (one,) = manifest.earlier
    assert one["configs"][0] == {"lr": 0.05, "epochs": 21}
    assert {"epochs": 20} in one["configs"], "lr 0.001 lies outside"
    assert one["why"] == "it differs in search space, fixed settings"


def test_several_sweeps_and_what_none_of_them_gives(tmp_path):
    stored(tmp_path)
    stored(tmp_path, "third", replicates=4)
    tiny.write_question(tmp_path)
    words = [str(tmp_path / "tiny.yaml")]
    options = SweepOptions(replicates=2, earlier=["first", "third"])
    (manifest,) = make_manifests(words, options, "new", [], tmp_path)
    assert [one["sweep"] for one in manifest.earlier] == ["first", "third"]
    assert "differs in" in manifest.earlier[1]["why"]
    with pytest.raises(InputError, match="no sweep named 'nowhere'"):
        make_manifests(words, SweepOptions(earlier="nowhere"), "new", [], tmp_path)
    empty = tiny.arm(
        space={"momentum": {"type": "float", "low": 0.0, "high": 0.9}},
        fixed={"epochs": 20, "batch_size": 10, "lr": 0.1},
        baseline=None,
    )
    assert taken(tmp_path, arm=empty).earlier == ()


def test_manifests_up_to_format_5_name_one_sweep():
    old = json.loads(tiny.manifest().model_dump_json())
    old["earlier"] = {"sweep": "first", "configs": [{"lr": 0.05}]}
    manifest = Manifest.model_validate(old)
    assert manifest.earlier == ({"sweep": "first", "configs": [{"lr": 0.05}]},)
    assert earlier_notes(manifest) == ["from first its best configuration tried first, of it lr"]
    assert Manifest.model_validate({**old, "earlier": None}).earlier == ()
