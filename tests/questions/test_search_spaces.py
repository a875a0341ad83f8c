"""The question files that are shipped: all of them load and hold what SPEC section 6 asks."""

import pytest
import yaml

from ibsweep.data import EdgeDataset
from ibsweep.models.settings import resolve
from ibsweep.questions.files import load_all, load_file, search_spaces_dir
from ibsweep.questions.schema import Question
from ibsweep.questions.space import contains, to_distributions
from ibsweep.questions.space_faults import config_faults
from ibsweep.questions.yaml_file import read_yaml

FILES = sorted(search_spaces_dir().iterdir())
QUESTIONS = load_all()
ARMS = [(question, arm) for question in QUESTIONS.values() for arm in question.arms.values()]

# Published final validation accuracies in %, at 10, 30, 50 and 100 training images per class.
SIZES = (10, 30, 50, 100)
PUBLISHED = {
    "q2_cnn": (86.67, 100, 99.33, 99.33),
    "q2_mlp": (58, 80.67, 90, 91.33),
    "q2_edge_init": (64, 96, 94.67, 94.67),
    "q3_cnn": (85.33, 100, 99.33, 100),
    "q3_cnn_100": (46, 85.33, 98.67, 98.67),
    "q3_mlp": (62, 80.67, 90, 93.33),
    "q3_mlp_100": (45.33, 76.67, 89.33, 93.33),
    "q4_cnn": (90, 92.67, 95.33, 92),
    "q4_cnn_hand_tuned": (66.67, 92.67, 91.33, 91.33),
    "q4_mlp": (33.33, 33.33, 33.33, 33.33),
    "q5_cnn": (61.33, 70.67, 80.67, 86),
    "q5_mlp": (56, 75.33, 84, 94),
    "q6_maxpool": (77.2, 97.2, 97.6, 99.2),
    "q6_avgpool": (82.4, 96.4, 98, 98),
    "q6_mlp": (42.4, 65.6, 70, 83.6),
}
PUBLISHED = {name: dict(zip(SIZES, row, strict=True)) for name, row in PUBLISHED.items()}
PUBLISHED |= {"q1_cnn": {10: 100}, "q1_mlp": {10: 100}}  # of the training images
PUBLISHED |= {"q7_simple": {30: 97.2}, "q7_wider": {30: 71.6}, "q7_deeper": {30: 22.0}}

# The notebook's settings; the tuples follow KEYS below.
SETTINGS = {
    "q1_cnn": (1e-2, 500, 32, 7),
    "q1_mlp": (1e-2, 500, 32),
    "q2_cnn": (1e-2, 500, 32, 7),
    "q2_mlp": (1e-2, 500, 32),
    "q2_edge_init": (1e-2, 30, 32, 7),
    "q3_cnn": (1e-2, 1000, 32, 7),
    "q3_cnn_100": (1e-2, 100, 32, 7),
    "q3_mlp": (1e-2, 1000, 32),
    "q3_mlp_100": (1e-2, 100, 32),
    "q4_cnn": (1e-2, 300, 10, 7),
    "q4_cnn_hand_tuned": (5e-2, 500, 10, 3),
    "q4_mlp": (1e-2, 300, 10),
    "q5_cnn": (1e-2, 300, 10, 7),
    "q5_mlp": (1e-2, 300, 10),
    "q6_maxpool": (1e-2, 200, 10, 7),
    "q6_avgpool": (1e-2, 200, 10, 7),
    "q6_mlp": (1e-2, 200, 10),
    "q7_simple": (1e-2, 200, 10, 7, 3),
    "q7_wider": (2e-3, 600, 10, 3, 6),
    "q7_deeper": (1e-3, 800, 10, 3, 3, 4),
}
KEYS = ("lr", "epochs", "batch_size", "kernel_size", "num_filters", "num_layers")


def notebook_settings():
    """Return each setting of the notebook by name: complete settings and published figures."""
    found = {}
    for question, arm in ARMS:
        if question.question == "q8":
            continue  # the notebook asks it, and has no figures
        found[arm.name] = (resolve(arm.model, arm.fixed, arm.baseline), arm.published)
        for name, variant in arm.variants.items():
            settings = resolve(arm.model, arm.fixed, arm.baseline | variant.changes)
            found[name] = (settings, variant.published)
    return found


def test_count():
    assert [path.name for path in FILES] == [f"q{i}.yaml" for i in range(1, 9)]
    assert list(QUESTIONS) == [f"q{i}" for i in range(1, 9)]
    assert len(ARMS) == 19
    assert notebook_settings().keys() == PUBLISHED.keys() == SETTINGS.keys()


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
    task = EdgeDataset.from_dict(question.data)
    assert list(task.train_sizes) == question.data["split"]["train"]
    assert task.valid_size == 50
    assert task.test_size >= 1000


@pytest.mark.parametrize(("question", "arm"), ARMS, ids=[arm.name for _, arm in ARMS])
def test_arm(question, arm):
    assert arm.name.startswith(f"{question.question}_")
    assert config_faults(arm.space, arm.baseline) == []
    assert resolve(arm.model, arm.fixed, arm.baseline)["momentum"] == 0.9
    distributions = to_distributions(arm.space)
    assert arm.space.keys() - arm.baseline.keys() == {"beta1"}  # the notebook has SGD alone
    for name, value in arm.baseline.items():
        distribution = distributions[name]
        internal = distribution.to_internal_repr(value)
        assert distribution._contains(internal)
        assert contains(arm.space[name], distribution.to_external_repr(internal))


@pytest.mark.parametrize("name", PUBLISHED)
def test_notebook_figures(name):
    figures = notebook_settings()[name][1]
    assert {figure.train_size: figure.value for figure in figures} == PUBLISHED[name]
    metric = "train_accuracy" if name.startswith("q1") else "valid_accuracy"
    assert {figure.column for figure in figures} == {metric}


@pytest.mark.parametrize("name", SETTINGS)
def test_notebook_settings(name):
    settings = notebook_settings()[name][0]
    given = dict(zip(KEYS, SETTINGS[name], strict=False))
    assert settings.items() >= {**given, "optimizer": "sgd", "momentum": 0.9}.items()
    if "hidden_dim_1" in settings:
        assert (settings["hidden_dim_1"], settings["hidden_dim_2"]) == (50, 10)
    else:
        assert settings["pooling"] == ("average" if name == "q6_avgpool" else "max")
        assert settings["num_filters"] == (6 if name == "q7_wider" else 3)
    if name == "q2_edge_init":
        assert settings["conv_init"] == "edge_detector"
        assert settings["freeze_conv"] is True


def test_tasks():
    tasks = {name: EdgeDataset.from_dict(question.data) for name, question in QUESTIONS.items()}
    assert tasks["q2"] == tasks["q3"] == tasks["q8"]
    assert tasks["q6"] == tasks["q7"]
    assert [name for name, task in tasks.items() if task.permute] == ["q5"]
    ratios = {name: task.edges.possible_edge_location_ratio for name, task in tasks.items()}
    assert ratios.pop("q4") == 0.5
    assert set(ratios.values()) == {1.0}
    assert {task.classes for task in tasks.values()} == {
        ("horizontal", "vertical", "none"),
        ("horizontal", "vertical", "diagonal", "both", "none"),
    }


def test_q7_arms_share_no_architecture():
    arms = QUESTIONS["q7"].arms
    assert arms["q7_wider"].space["num_filters"].low > arms["q7_simple"].fixed["num_filters"]
    assert arms["q7_deeper"].space["num_layers"].low > 2


def test_q8_begins_with_the_settings_of_q2():
    for arm in ("cnn", "mlp"):
        ours, theirs = QUESTIONS["q8"].arms[f"q8_{arm}"], QUESTIONS["q2"].arms[f"q2_{arm}"]
        ours = resolve(ours.model, ours.fixed, ours.baseline)
        assert ours.items() <= resolve(theirs.model, theirs.fixed, theirs.baseline).items()
    sizes = QUESTIONS["q8"].data["split"]["train"]
    assert all(list(arm.sizes) == sizes for arm in QUESTIONS["q8"].arms.values())


CLAIMS = [
    "q1_both_overfit",
    "q2_cnn_needs_fewer_images",
    "q2_edge_detectors_lose",
    "q3_cnn_reaches_95",
    "q3_mlp_needs_200_to_300",
    "q4_only_the_mlp_is_at_chance",
    "q5_mlp_at_least_as_good",
    "q5_small_kernels_do_worse",
    "q6_max_with_much_average_with_little",
    "q7_wider_beats_simple",
    "q7_deeper_beats_simple",
    "q8_cnn_needs_fewer_parameters",
    "q8_cnn_needs_fewer_images",
    "q8_cnn_needs_fewer_image_epochs",
]


def test_claims():
    assert [claim.id for q in QUESTIONS.values() for claim in q.claims] == CLAIMS
    for question in QUESTIONS.values():
        assert all(claim.id.startswith(question.question) for claim in question.claims)


def test_a_claim_about_configurations_has_them_confirmed():
    conditions = QUESTIONS["q5"].conditions("q5_cnn")
    assert conditions == [{"kernel_size": 7}, {"kernel_size": 3}]
    assert QUESTIONS["q5"].conditions("q5_mlp") == []
