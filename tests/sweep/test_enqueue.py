"""Configurations that are tried first: read, checked, recognised, proposed and resumed."""

from __future__ import annotations

import json

import pytest
import tiny
import yaml

from ibsweep.errors import InputError
from ibsweep.sweep.enqueue import check_trainable, enqueued_configs
from ibsweep.sweep.proposals import Proposer

ARM = tiny.arm()
OBJECTIVE = tiny.question().objective
WHOLE = {"lr": 0.02, "epochs": 30, "batch_size": 5}


def given(folder, text, name="first.yaml", arms=1):
    path = folder / name
    path.write_text(text)
    return enqueued_configs([path], ARM, ["tiny_cnn", "other"][:arms])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("first.yaml", "- {lr: 2e-2, epochs: 30, batch_size: 5}\n- {lr: 0.05}\n"),
        ("first.json", json.dumps([WHOLE, {"lr": 0.05}])),
        ("first.csv", "lr,epochs,batch_size\n0.02,30,5\n0.05,,\n"),
        (
            "frame.csv",
            ",trial,config_lr,config_epochs,config_batch_size\n0,7,0.02,30.0,5.0\n1,8,0.05,,\n",
        ),
        ("arms.yaml", yaml.safe_dump({"tiny_cnn": [WHOLE, {"lr": 0.05}]})),
    ],
)
def test_files_of_every_kind_hold_the_same(tmp_path, name, text):
    found = given(tmp_path, text, name)
    assert found == (WHOLE, {"lr": 0.05})
    assert [type(value) for value in found[0].values()] == [float, int, int]


def test_a_sweeps_best_and_configurations_from_python(tmp_path):
    best = {"sweep": "one", "trial": 3, "config": WHOLE}
    assert given(tmp_path, yaml.safe_dump(best), "best.yaml") == (WHOLE,)
    assert enqueued_configs([{"lr": 1 / 20}, WHOLE], ARM) == ({"lr": 0.05}, WHOLE)


def test_of_several_arms_each_has_its_own(tmp_path):
    both = yaml.safe_dump({"tiny_cnn": [WHOLE], "other": [{"width": 3}]})
    assert given(tmp_path, both, arms=2) == (WHOLE,)
    assert given(tmp_path, yaml.safe_dump({"other": [{"width": 3}]}), arms=2) == ()
    best = {"arm": "other", "config": {"width": 3}}
    assert given(tmp_path, yaml.safe_dump(best), arms=2) == ()
    best = {"arm": "of another question", "config": WHOLE}
    assert given(tmp_path, yaml.safe_dump(best), arms=2) == (WHOLE,)
    with pytest.raises(InputError, match=r"first.yaml, for tiny_cnn: \[0\].lr: must be"):
        given(tmp_path, "[{lr: 7}]", arms=2)


def test_what_stands_twice_or_is_the_baseline_is_trained_once():
    twice = [WHOLE, dict(reversed(WHOLE.items())), dict(ARM.baseline)]
    assert enqueued_configs(twice, ARM) == (WHOLE,)


def test_fixed_settings_may_be_repeated_and_not_changed():
    name, value = next(iter(ARM.fixed.items()))
    assert enqueued_configs([{**WHOLE, name: value}], ARM) == (WHOLE,)
    with pytest.raises(InputError, match=rf"enqueue: \[0\].{name}: is fixed to {value}"):
        enqueued_configs([{**WHOLE, name: 9}], ARM)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "- {lr: 7}\n- {rate: 1}", "a.yaml: [0].lr: must be a number from"),
        ("a.yaml", "- {lr: 7}\n- {rate: 1}", "a.yaml: [1].rate: is not tuned here"),
        ("a.yaml", "- 3", "a.yaml: [0]: must be a mapping of hyperparameters to values"),
        ("a.yaml", "- {}", "a.yaml: [0]: gives no value"),
        ("a.yaml", "lr: [0.1]", "but 'lr' is none that is tuned; known are tiny_cnn"),
        ("a.yaml", "[]", "must hold a list of configurations, but got []"),
        ("a.yaml", "tiny_cnn: {lr: 0.1}", "must hold a list of configurations, but got"),
        ("a.json", "[{", "a.json: is not JSON"),
        ("a.csv", "lr\n", "a.csv: must have a line of names"),
        ("a.csv", "lr\n0.1,2\n", "a.csv: line 2 has more or fewer cells than names"),
        ("a.csv", "lr,epochs\nfast,10\n", "a.csv: [0].lr: must be a number from"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(tmp_path, name, text, message):
    with pytest.raises(InputError) as caught:
        given(tmp_path, text, name)
    assert message in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        enqueued_configs([tmp_path / "nowhere" / name], ARM)


def test_they_come_after_the_baseline_and_are_not_repeated_when_resumed():
    enqueued = ({"lr": 0.05}, WHOLE, {"epochs": 7})
    manifest = tiny.manifest(trials=8, enqueue=enqueued).model_copy(
        update={"earlier": ({"sweep": "first", "configs": [WHOLE, {"lr": 0.07}]},)}
    )
    assert manifest.enqueued == enqueued
    proposer = Proposer(ARM, OBJECTIVE, manifest)
    proposals = [proposer.propose()[0] for _ in range(6)]
    assert [row.origin for row in proposals] == [
        "baseline",
        "enqueued",
        "enqueued",
        "enqueued",
        "earlier",
        "tpe",
    ], "what the earlier sweep found best was enqueued already"
    assert proposals[1].config["lr"] == 0.05
    assert proposals[1].config.keys() == ARM.space.keys(), "the sampler adds what is left out"
    assert proposals[3].config["epochs"] == 7
    for done in range(1, 6):
        resumed = Proposer(ARM, OBJECTIVE, manifest, proposals[:done])
        again = [resumed.propose() for _ in range(6)]
        assert [row.origin for row, _ in again] == [row.origin for row in proposals]
        assert [new for _, new in again] == [False] * done + [True] * (6 - done)
        assert [row.config.get("lr") for row, _ in again][:done] == [
            row.config["lr"] for row in proposals[:done]
        ]


def test_one_that_cannot_be_trained_is_refused_before_anything_runs(tmp_path):
    arm = tiny.arm(
        space={
            **ARM.model_dump(mode="json")["space"],
            "kernel_size": {"type": "categorical", "choices": [3, 60]},
        },
        fixed={},
        baseline=None,
    )
    manifest = tiny.manifest(arm=arm, enqueue=[{**WHOLE, "kernel_size": 60}])
    question = tiny.question().model_copy(update={"arms": {arm.name: arm}})
    with pytest.raises(InputError, match=r"enqueue: .*kernel_size 60: .* cannot be made so"):
        check_trainable(manifest, question, arm)


BRANCHED = tiny.arm(
    space={
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam", "adamw"]},
        "momentum": {"type": "float", "low": 0.0, "high": 0.9, "when": {"optimizer": "sgd"}},
        "beta1": {
            "type": "float",
            "low": 0.0,
            "high": 0.9,
            "when": {"optimizer": ["adam", "adamw"]},
        },
    },
    baseline={"optimizer": "sgd", "momentum": 0.9},
    fixed={"kernel_size": 3, "lr": 0.1, "epochs": 5, "batch_size": 10},
)


def test_what_is_given_has_to_be_set_beside_the_rest():
    whole = {"optimizer": "adam", "beta1": 0.5}
    assert enqueued_configs([whole, {"optimizer": "sgd"}], BRANCHED) == (
        whole,
        {"optimizer": "sgd"},
    )
    wrong = [
        (
            {"optimizer": "adam", "momentum": 0.5},
            "momentum: is set only where `optimizer` is 'sgd', but got 0.5 where `optimizer` is "
            "'adam'; leave it out",
        ),
        (
            {"beta1": 0.5},
            "beta1: is set only where `optimizer` is 'adam' or 'adamw'; give `optimizer` as well",
        ),
    ]
    for config, message in wrong:
        with pytest.raises(InputError) as caught:
            enqueued_configs([config], BRANCHED)
        assert str(caught.value) == f"enqueue: [0].{message}"
