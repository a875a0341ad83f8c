"""Several objectives in a question file, and a training-set size that is tuned."""

from __future__ import annotations

import pytest
from questions import FULL, arm_mapping, changed, question_mapping, write_question

from ibsweep.errors import InputError
from ibsweep.questions.files import load_file
from ibsweep.questions.schema import Question

SEVERAL = question_mapping(objective=None, objectives=["accuracy", "parameters", "image_epochs"])
SIZES = arm_mapping(
    train_size=None,
    space={
        **arm_mapping()["space"],
        "train_size": {"type": "categorical", "choices": [30, 10]},
    },
    baseline={**arm_mapping()["baseline"], "train_size": 30},
)
TUNED = question_mapping(
    split={"train": [10, 30], "valid": 20, "test": 50, "per": "class"}, arms={"a": SIZES}
)


def refused(folder, content):
    with pytest.raises(InputError) as caught:
        load_file(write_question(folder, content))
    return [line.partition(": ")[2] for line in str(caught.value).splitlines()]


def test_the_first_of_several_is_the_objective(tmp_path):
    question = load_file(write_question(tmp_path, SEVERAL))
    assert [one.metric for one in question.objectives] == [
        "accuracy",
        "parameters",
        "image_epochs",
    ]
    assert question.objective == question.objectives[0]
    assert [one.direction for one in question.objectives] == ["maximize", "minimize", "minimize"]
    assert question.metric_keys == ("accuracy", "parameters", "image_epochs")
    assert Question.model_validate(question.model_dump(mode="json")) == question
    alone = load_file(write_question(tmp_path, question_mapping()))
    assert alone.objectives == (alone.objective,)


def test_one_of_the_user_s_own_has_a_direction(tmp_path):
    own = {"metric": "mine.py:largest", "direction": "minimize"}
    given = changed(SEVERAL, "objectives", ["accuracy", own])
    question = load_file(write_question(tmp_path, given))
    assert question.objectives[1].key == "mine.py:largest"
    assert question.references == ("mine.py:largest",)
    given = changed(SEVERAL, "objectives", ["accuracy", {"metric": "mine.py:largest"}])
    (line,) = refused(tmp_path, given)
    assert line.startswith("objectives[1].direction: is missing")


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        (["accuracy"], "objectives: must list two to 4 metrics, such as [accuracy, parameters]"),
        ("accuracy", "objectives: must list two to 4 metrics"),
        (["accuracy"] * 5, "objectives: must list two to 4 metrics"),
        (["accuracy", "accuracy"], "objectives[1]: names accuracy again; leave one out"),
        (["parameters", "accuracy"], "objectives[0]: must say how good a model is, but got param"),
        (["accuracy", "paramters"], "objectives[1].metric: must be a metric, but got 'paramters'"),
    ],
)
def test_what_is_wrong_in_them_is_told_where_it_stands(tmp_path, objectives, expected):
    (line,) = refused(tmp_path, changed(SEVERAL, "objectives", objectives))
    assert line.startswith(expected)


def test_one_objective_beside_several_is_refused(tmp_path):
    (line,) = refused(tmp_path, {**SEVERAL, "objective": "accuracy"})
    assert "no `objective` stand beside it" in line


def test_a_training_function_has_no_costs(tmp_path):
    arm = arm_mapping(model=None, train="mine.py:train", fixed={})
    (line,) = refused(
        tmp_path, {**SEVERAL, "objectives": SEVERAL["objectives"][:2]} | {"arms": {"a": arm}}
    )
    assert line.startswith("objectives[1]: must not name the cost parameters")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"cost": "rmse"}, "claims[0].tests[0].cost: must be one of `objectives` or `metrics`"),
        ({"cost": "parameters", "on": "mean"}, "claims[0].tests[0].on: must be left out"),
        ({}, "claims[0].tests[0].cost: is missing"),
    ],
)
def test_a_claim_names_a_cost_that_there_is(tmp_path, test, expected):
    written = {"type": "cost_needed", "arm": "mine_a", "than": "mine_b", **test}
    given = changed(FULL, "claims.0.tests", [written])
    given = changed(given, "objective") | {"objectives": ["accuracy", "parameters"]}
    (line,) = refused(tmp_path, given)
    assert line.startswith(expected)


def test_a_claim_about_fronts_needs_several_objectives(tmp_path):
    test = {"type": "cost_needed", "arm": "mine_a", "than": "mine_b", "cost": "parameters"}
    (line,) = refused(tmp_path, changed(FULL, "claims.0.tests", [test]))
    assert line.startswith("claims[0].tests[0].type: needs several `objectives`")


# A training-set size that is tuned


def test_a_tuned_size_is_each_configuration_s_own(tmp_path):
    question = load_file(write_question(tmp_path, TUNED))
    arm = question.arms["a"]
    assert (arm.train_size, arm.sizes) == (30, (30, 10)), "the largest is the arm's"
    assert [arm.size_of({"train_size": 10}), arm.size_of({})] == [10, 30]
    assert Question.model_validate(question.model_dump(mode="json")) == question


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("space.train_size.choices", [10, 50], "arms.a.space.train_size.choices[1]: must be one"),
        (
            "space.train_size",
            {"type": "int", "low": 10, "high": 30},
            "arms.a.space.train_size: must be `{type: categorical, choices: ...}`",
        ),
        ("train_size", 10, "arms.a.train_size: is tuned in `space`; leave it out"),
        ("baseline.train_size", 50, "arms.a.baseline.train_size: must be one of"),
    ],
)
def test_a_tuned_size_is_one_of_the_split_s(tmp_path, path, value, expected):
    lines = refused(tmp_path, changed(TUNED, f"arms.a.{path}", value))
    assert lines[0].startswith(expected)


def test_a_size_is_no_fixed_setting(tmp_path):
    given = changed(question_mapping(), "arms.tiny_cnn.fixed.train_size", 10)
    (line,) = refused(tmp_path, given)
    assert line.startswith("arms.tiny_cnn.fixed.train_size: is no setting")
