"""The question files that are shipped: all of them load and hold what SPEC section 6 asks."""

import pytest
import yaml

from ibsweep.hyperparameters import resolve
from ibsweep.questions import (
    Question,
    check_task,
    load_all,
    load_file,
    search_spaces_dir,
)
from ibsweep.search_space import (
    config_faults,
    contains,
    from_distributions,
    to_distributions,
)
from ibsweep.yaml_file import read_yaml

FILES = sorted(search_spaces_dir().iterdir())
QUESTIONS = load_all()
ARMS = [(question, arm) for question in QUESTIONS.values() for arm in question.arms.values()]

# Published final validation accuracies in %, by arm and training images per class.
PUBLISHED = {
    "q7_simple": {30: 97.2},
    "q7_wider": {30: 71.6},
    "q7_deeper": {30: 22.0},
}


def test_count():
    assert [path.name for path in FILES] == ["q7.yaml"]
    assert list(QUESTIONS) == ["q7"]
    assert len(ARMS) == 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_is_named_after_its_question(path):
    assert load_file(path).question == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_reading_of_numbers_differs_from_plain_yaml(path):
    # The file says what it seems to say to any YAML reader but for numbers such as 1e-4.
    def as_text(data):
        if isinstance(data, dict):
            return {key: as_text(value) for key, value in data.items()}
        if isinstance(data, list):
            return [as_text(value) for value in data]
        try:
            return float(data)
        except (TypeError, ValueError):
            return data

    assert as_text(read_yaml(path)) == as_text(yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_dumping_what_was_loaded_gives_the_file(path):
    arms = load_file(path).model_dump(mode="json", exclude_unset=True)["arms"]
    assert {k: v["space"] for k, v in arms.items()} == {
        k: v["space"] for k, v in read_yaml(path)["arms"].items()
    }


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda q: q.question)
def test_json_round_trip(question):
    assert Question.model_validate(question.model_dump(mode="json")) == question
    assert Question.model_validate_json(question.model_dump_json()) == question


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda q: q.question)
def test_task_is_complete(question):
    task = check_task(question)
    assert list(task.train_images) == question.task["train_images"]
    assert task.valid_images == 50
    assert task.test_images >= 1000


@pytest.mark.parametrize(("question", "arm"), ARMS, ids=[arm.name for _, arm in ARMS])
def test_arm(question, arm):
    assert arm.name.startswith(f"{question.question}_")
    assert config_faults(arm.space, arm.baseline) == []
    assert resolve(arm.model, arm.fixed, arm.baseline)["momentum"] == 0.9
    distributions = to_distributions(arm.space)
    assert from_distributions(distributions) == arm.space
    for name, distribution in distributions.items():
        internal = distribution.to_internal_repr(arm.baseline[name])
        assert distribution._contains(internal)
        assert contains(arm.space[name], distribution.to_external_repr(internal))


@pytest.mark.parametrize(("question", "arm"), ARMS, ids=[arm.name for _, arm in ARMS])
def test_notebook_figures(question, arm):
    figures = {figure.images: figure.valid_accuracy for figure in arm.notebook}
    assert figures == PUBLISHED[arm.name]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("q7_simple", {"lr": 1e-2, "epochs": 200, "kernel_size": 7, "num_filters": 3}),
        ("q7_wider", {"lr": 2e-3, "epochs": 600, "kernel_size": 3, "num_filters": 6}),
        (
            "q7_deeper",
            {"lr": 1e-3, "epochs": 800, "kernel_size": 3, "num_filters": 3, "num_layers": 4},
        ),
    ],
)
def test_q7_notebook_settings(name, settings):
    arm = QUESTIONS["q7"].arms[name]
    common = {"optimizer": "sgd", "batch_size": 10, "momentum": 0.9, "pooling": "max"}
    given = resolve(arm.model, arm.fixed, arm.baseline)
    assert given.items() >= (settings | common).items()


def test_q7_arms_share_no_architecture():
    arms = QUESTIONS["q7"].arms
    assert arms["q7_wider"].space["num_filters"].low > arms["q7_simple"].fixed["num_filters"]
    assert arms["q7_deeper"].space["num_layers"].low > 2


def test_q7_claims():
    assert [claim.id for claim in QUESTIONS["q7"].claims] == [
        "q7_wider_beats_simple",
        "q7_deeper_beats_simple",
    ]
