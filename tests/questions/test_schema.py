"""Questions: what is loaded, and which files and names are found."""

import copy
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny
from pydantic import ValidationError
from questions import FULL, write_question

from ibsweep.data import EdgeDataset
from ibsweep.errors import IbsweepError, InputError
from ibsweep.questions import files
from ibsweep.questions.completion import EFFICIENCY
from ibsweep.questions.files import find_arms, load_all, load_file, question_from_manifest
from ibsweep.questions.schema import Objective, Question


def test_a_good_file(tmp_path):
    question = load_file(write_question(tmp_path, FULL))
    assert [arm.name for arm in question.arms.values()] == ["mine_a", "mine_b"]
    assert question.model_dump(mode="json", exclude_unset=True) == resolved(FULL)
    assert EdgeDataset.from_dict(question.data).train_sizes == (10, 30)


def resolved(data):
    data = copy.deepcopy(data)
    data["objective"] = {
        "metric": "accuracy",
        "direction": "maximize",
        "title": "accuracy",
        "unit": "%",
        "low": 0,
        "high": 100,
    }
    for name, arm in data["arms"].items():
        arm["name"] = name
    data["data"]["split"] = data.pop("split")
    entry = {"direction": "maximize", "title": "accuracy", "unit": "%", "low": 0, "high": 100}
    return data | {"efficiency": EFFICIENCY, "objective": {"metric": "accuracy", **entry}}


def test_json_round_trip(tmp_path):
    question = load_file(write_question(tmp_path, FULL))
    assert Question.model_validate(question.model_dump(mode="json")) == question
    assert Question.model_validate_json(question.model_dump_json()) == question


def test_a_question_is_frozen(tmp_path):
    with pytest.raises(ValidationError, match="frozen"):
        load_file(write_question(tmp_path, FULL)).title = "another"


def test_rank():
    rows = [
        SimpleNamespace(
            name=name, figure={"valid_accuracy": accuracy, "valid_loss": loss}.__getitem__
        )
        for name, accuracy, loss in [
            ("failed", None, None),
            ("low", 50.0, 0.1),
            ("tie", 90.0, 0.3),
            ("diverged", 90.0, math.nan),
            ("best", 90.0, 0.2),
        ]
    ]
    objective = Question.model_validate(FULL).objective
    ranked = [row.name for row in sorted(rows, key=objective.rank)]
    assert ranked == ["best", "tie", "diverged", "low", "failed"]
    assert objective.mode == "max"


def test_ranks_of_a_metric_that_is_minimised():
    objective = Objective.model_validate("rmse")
    figures = {"a": (3.0, 1.0), "b": (1.0, 2.0), "c": (1.0, 1.5), "none": (None, 0.1)}
    rows = {
        name: SimpleNamespace(figure={"valid_rmse": value, "valid_loss": loss}.__getitem__)
        for name, (value, loss) in figures.items()
    }
    assert sorted(rows, key=lambda name: objective.rank(rows[name])) == ["c", "b", "a", "none"]
    assert (objective.mode, objective.sign, objective.worst) == ("min", -1, math.inf)
    assert (objective.valid, objective.test) == ("valid_rmse", "test_rmse")


def test_a_metric_of_ones_own_keeps_its_reference():
    given = {"metric": "mine.py:profit", "direction": "maximize", "unit": "EUR"}
    objective = Objective.model_validate(given)
    assert (objective.metric, objective.key) == ("profit", "mine.py:profit")
    assert objective.format(1234.5) == "1234 EUR"
    assert Objective.model_validate(objective.model_dump(mode="json")) == objective
    with pytest.raises(ValidationError, match="direction"):
        Objective.model_validate("mine.py:profit")


def test_damaged_data_of_a_manifest_is_one_clear_error():
    damaged = Question.model_validate(FULL).model_dump(mode="json")
    damaged["data"] |= {"class_typ": ["none"], "num_classes": 4}
    with pytest.raises(InputError) as caught:
        question_from_manifest(damaged, Path("sweep/manifest.json"))
    (line,) = str(caught.value).splitlines()
    place = "sweep/manifest.json: its question is damaged: data.class_typ: "
    assert line.startswith(f"{place}is not an option of the images; did you mean 'class_type'")


def names_of(target):
    return [(found.question.question, found.arm.name) for found in find_arms(target)]


def test_find_shipped_names():
    assert names_of("q7_wider") == [("q7", "q7_wider")]
    assert names_of("q7") == [("q7", "q7_simple"), ("q7", "q7_wider"), ("q7", "q7_deeper")]
    assert {question for question, _ in names_of("all")} == set(load_all())


def test_find_files(tmp_path, monkeypatch):
    both = [("mine", "mine_a"), ("mine", "mine_b")]
    path = write_question(tmp_path, FULL)
    assert names_of(str(path)) == both
    write_question(tmp_path, FULL, "plain")
    write_question(tmp_path, "a: 1", "q7")
    monkeypatch.chdir(tmp_path)
    assert names_of("mine.yaml") == both
    assert names_of("plain") == both
    assert names_of("q7")[0] == ("q7", "q7_simple")  # the shipped name goes first
    assert names_of("mine.yaml:mine_b") == names_of("plain:mine_b") == [("mine", "mine_b")]
    (found,) = find_arms("mine.yaml:mine_b")
    assert (found.target, found.sweep_name) == ("mine.yaml:mine_b", "mine_b")
    assert found.folder == tmp_path
    (found,) = find_arms("q7_wider")
    assert (found.target, found.sweep_name, found.folder) == ("q7_wider", "q7_wider", None)
    with pytest.raises(InputError, match=r"^none\.yml: no such file"):
        find_arms("none.yml")
    with pytest.raises(InputError, match=r"mine\.yaml has no arm 'mine_c'; did you mean 'mine_"):
        find_arms("mine.yaml:mine_c")


def test_a_sweep_of_a_file_is_named_after_question_and_arm(tmp_path):
    arms = {"cnn": FULL["arms"]["mine_b"]}
    path = write_question(tmp_path, FULL | {"arms": arms, "claims": []})
    assert [found.sweep_name for found in find_arms(str(path))] == ["mine-cnn"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("q7_widr", "'q7_widr' is no arm, question or file; did you mean 'q7_wider'"),
        ("", "'' is no arm, question or file; known are all, q1"),
        ("zzz", "known are all, q1, q1_cnn"),
        ("a\0b", "is no arm, question or file"),
    ],
)
def test_find_refuses(target, message):
    with pytest.raises(InputError, match=message):
        find_arms(target)


def test_names_are_unique_over_the_shipped_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "search_spaces_dir", lambda: tmp_path)
    write_question(tmp_path, FULL, "a.yaml")
    other = copy.deepcopy(FULL) | {"question": "other"}
    write_question(tmp_path, other, "b.yaml")
    with pytest.raises(InputError, match=r"b\.yaml: 'mine_a' is already the name .*a\.yaml"):
        load_all()


def test_search_spaces_inside_an_installed_package(monkeypatch, tmp_path):
    package = tmp_path / "ibsweep"
    package.mkdir()
    monkeypatch.setattr(files, "__file__", str(package / "questions" / "files.py"))
    with pytest.raises(IbsweepError, match="question files are missing"):
        files.search_spaces_dir()
    (tmp_path / "search_spaces").mkdir()
    assert files.search_spaces_dir() == tmp_path / "search_spaces"
    (package / "search_spaces").mkdir()
    assert files.search_spaces_dir() == package / "search_spaces"


def test_listing_questions_loads_nothing_heavy():
    code = (
        "import sys, ibsweep.questions.files as q; q.find_arms('all');"
        "heavy = {'torch', 'ray', 'optuna', 'pandas', 'scipy', 'numpy', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_question_is_called_by_its_file_on_the_command_line(tmp_path, monkeypatch):
    asked = tiny.question()
    assert (asked.word(), asked.word("tiny_cnn")) == ("tiny", "tiny_cnn")
    own = asked.of_file(tmp_path / "my question.yaml")
    assert own.word("tiny_cnn") == f"'{tmp_path}/my question.yaml:tiny_cnn'"
    monkeypatch.chdir(tmp_path)
    assert own.word() == "'my question.yaml'"
    assert asked.word() == "tiny", "the question itself is as it was"
    assert own.model_dump() == asked.model_dump()


def test_a_title_that_is_the_name_is_not_said_twice():
    asked = tiny.question()
    assert asked.heading == f"tiny: {asked.title}"
    assert asked.model_copy(update={"title": "tiny"}).heading == "tiny"
