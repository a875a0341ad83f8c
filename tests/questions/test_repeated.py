"""Lists that must hold distinct things."""

import copy

import pytest
from questions import FULL, as_yaml, changed, question_mapping, write_question

from ibsweep.errors import InputError
from ibsweep.questions.files import load_file, question_from_manifest
from ibsweep.questions.schema import Question

TABLE = question_mapping(
    "table", data={"from": "x.csv", "target": "y"}, split={"train": 10, "valid": 5, "test": 5}
)
TABLE["arms"]["table_cnn"] |= {"model": "mlp", "fixed": {}}
FIGURE = {"train_size": 30, "valid_accuracy": 97.2}
EDGES = {"from": "edges", "class_type": ["horizontal", "horizontal"], "num_classes": 2}


@pytest.mark.parametrize(
    ("mapping", "path", "value", "place"),
    [
        (question_mapping(), "data", EDGES, "data.class_type[1]"),
        (TABLE, "data.drop", ["a", "b", "a"], "data.drop[2]"),
        (TABLE, "data.categories", ["a", "a"], "data.categories[1]"),
        (TABLE, "data.categories", {"a": ["x", "y", "x"]}, "data.categories.a[2]"),
        (TABLE, "data.missing", ["-", "?", "-"], "data.missing[2]"),
        (FULL, "arms.mine_a.published", [FIGURE, FIGURE], "arms.mine_a.published[1]"),
        (FULL, "claims.0.tests", FULL["claims"][0]["tests"][:1] * 2, "claims[0].tests[1]"),
    ],
)
def test_what_stands_twice_is_named_with_its_place(tmp_path, mapping, path, value, place):
    file = write_question(tmp_path, as_yaml(copy.deepcopy(changed(mapping, path, value))))
    with pytest.raises(InputError, match="stands in the list already, got") as caught:
        load_file(file)
    assert str(caught.value).startswith(f"{file}: {place}: ")
    assert "\n" not in str(caught.value)


def test_a_stored_sweep_of_a_class_twice_is_read(tmp_path):
    question = Question.model_validate(question_mapping(data=EDGES))
    document = question.model_dump(mode="json")
    assert question_from_manifest(document, tmp_path / "manifest.json") == question


def test_a_figure_whose_keys_are_of_several_types_is_refused_in_words(tmp_path):
    figures = [{1: 2, "valid_accuracy": 3}]
    mapping = changed(question_mapping(), "arms.tiny_cnn.published", figures)
    with pytest.raises(InputError, match=r"arms\.tiny_cnn\.published\[0\]"):
        load_file(write_question(tmp_path, mapping))


def test_other_faults_are_told_as_well(tmp_path):
    mapping = changed(question_mapping(data=EDGES), "titel", "x")
    with pytest.raises(InputError) as caught:
        load_file(write_question(tmp_path, mapping))
    assert len(str(caught.value).splitlines()) == 2
