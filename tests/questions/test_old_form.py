"""Question files of the old form: what they meant, and where their faults stand."""

import copy

import pytest
from questions import FULL, write_question

from ibsweep.errors import InputError
from ibsweep.questions.files import load_file

OLD = copy.deepcopy(FULL)
del OLD["data"], OLD["split"]
OLD |= {
    "task": {"train_images": [10, 30], "valid_images": 40, "max_edge_width": 3},
    "objective": {"metric": "valid_accuracy", "direction": "maximize"},
}
for _arm in OLD["arms"].values():
    _arm |= {"images": _arm.pop("train_size"), "notebook": _arm.pop("published")}
OLD["arms"]["mine_a"]["notebook"] = [{"images": 30, "valid_accuracy": 97.2}]
OLD["arms"]["mine_a"]["variants"] = {
    "mine_a_fast": {
        "title": "in larger steps",
        "changes": {"lr": 0.1},
        "notebook": [{"images": 30, "train_accuracy": 100.0}],
    }
}
OLD["claims"][0]["tests"][0] = {
    "type": "difference",
    "arm": "mine_a",
    "than": "mine_b",
    "images": 10,
}


def test_it_means_what_the_present_form_means(tmp_path):
    data = {"from": "edges", "max_edge_width": 3}
    split = {"train": [10, 30], "valid": 40, "per": "class"}
    new = write_question(tmp_path, FULL | {"data": data, "split": split}, "new.yaml")
    assert load_file(write_question(tmp_path, OLD, "old.yaml")) == load_file(new)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda q: q["task"].pop("train_images"), "task.train_images: must list the images"),
        (lambda q: q["task"].update(valid_images=0), "task.valid_images: must be"),
        (lambda q: q["task"].update(edge=1), "task.edge: is not an option of the images"),
        (lambda q: q["arms"]["mine_b"].update(images=11), "arms.mine_b.images: must be one of"),
        (
            lambda q: q["arms"]["mine_a"]["notebook"][0].update(images=20),
            "arms.mine_a.notebook[0].images: must be one of the split's [10, 30], but got 20",
        ),
        (
            lambda q: q["claims"][0]["tests"][0].update(images=77),
            "claims[0].tests[0].images: must be one of `efficiency`",
        ),
    ],
)
def test_a_fault_is_reported_where_it_stands_in_the_file(tmp_path, change, line):
    data = copy.deepcopy(OLD)
    change(data)
    path = write_question(tmp_path, data)
    with pytest.raises(InputError) as caught:
        load_file(path)
    (found,) = str(caught.value).splitlines()
    assert found.startswith(f"{path}: {line}")
