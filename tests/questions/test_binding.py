"""Code and data of a question: what is kept of them, and everything that can be wrong at once."""

import numpy as np
import pytest
from own_question import arm, mapping, write

from ibsweep.errors import InputError
from ibsweep.questions.binding import bind
from ibsweep.questions.files import find_arms, load_file


def bound(path):
    return bind(find_arms(str(path)))


def lines_of(path):
    with pytest.raises(InputError) as caught:
        bound(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_what_is_kept(tmp_path):
    path = write(
        tmp_path,
        mapping(metrics=["macro_f1", {"metric": "nets.py:right", "direction": "maximize"}]),
    )
    found = bound(path)
    assert found.folder == tmp_path
    assert found.data.classes == tuple("0123456789")
    assert found.data.example_shape == (1, 8, 8)
    assert found.code.keys() == {"nets.py"}
    kept = found.models["mine"]
    assert kept["options"].keys() == {"width", "kernel_size", "p"}
    assert kept["fused"] is True
    assert kept["parameters"] == 2 * 9 + 2 + 2 * 36 * 10 + 10  # of the least width
    assert found.question.arms["mine"].train_size == 20
    assert found.question.efficiency == (10, 20, 30, 50, 100)


def test_reading_a_question_imports_none_of_its_code(tmp_path):
    load_file(write(tmp_path))
    assert not (tmp_path / "imported").exists()
    bound(tmp_path / "digits.yaml")
    assert (tmp_path / "imported").exists()


def test_fractions_become_sizes(tmp_path):
    path = write(tmp_path, mapping(split={"train": 0.5, "valid": 0.25, "test": 0.25}))
    assert load_file(path).arms["mine"].train_size == 0
    found = bound(path)
    assert found.question.arms["mine"].train_size == found.data.train_sizes[0] > 800
    assert max(found.question.efficiency) == found.data.largest


SPACE = arm()["space"]
WIDE = {**SPACE, "breadth": {"type": "int", "low": 2, "high": 8}}
LARGE = {**SPACE, "kernel_size": {"type": "categorical", "choices": [3, 9]}}


def branched(*kernel_sizes):
    """Return a space in which the size of kernels is set beside one of two optimisers."""
    kernel_size = {"type": "categorical", "choices": [*kernel_sizes]}
    return SPACE | {
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
        "kernel_size": kernel_size | {"when": {"optimizer": "adam"}},
    }


def test_an_own_model_is_tried_with_what_is_set_and_without(tmp_path):
    found = bound(write(tmp_path, mapping(arms={"mine": arm(space=branched(5, 7))})))
    settings = found.models["mine"]
    # width 2, and kernels of 3 where none is set: the first corner of the space
    assert settings["parameters"] == 2 * 9 + 2 + 2 * 6 * 6 * 10 + 10


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"arms": {"mine": arm(model="nets.py:Nett")}},
            ["arms.mine.model: nets.py has no 'Nett'; did you mean 'Net'"],
        ),
        (
            {"arms": {"mine": arm(model="net.py:Net")}},
            ["arms.mine.model: net.py: there is no file "],
        ),
        (
            {"arms": {"mine": arm(space=WIDE)}},
            [
                "arms.mine.space.breadth: is not a hyperparameter of nets.py:Net",
                "arms.mine.model: its signature is Net(inputs, outputs, width: int = 8",
            ],
        ),
        (
            {"arms": {"mine": arm(model="nets.py:wrong_shape")}},
            ["arms.mine.model: of a batch [4, 1, 8, 8] the module must make [4, 10]"],
        ),
        (
            {"arms": {"mine": arm(model="nets.py:no_annotation")}},
            ["arms.mine.model: width has no annotation; annotate it", "arms.mine.model: in nets"],
        ),
        (
            {"arms": {"mine": arm(space=LARGE)}},
            ["arms.mine.space.kernel_size.choices[1]: "],
        ),
        (
            {"arms": {"mine": arm(space=branched(3, 9))}},
            ["arms.mine.space.kernel_size.choices[1]: "],
        ),
        (
            {
                "arms": {
                    "mine": arm(
                        model="simple_cnn",
                        space=SPACE | {"kernel_size": {"type": "categorical", "choices": [3, 9]}},
                    )
                }
            },
            ["arms.mine.space.width: is not a hyperparameter of simple_cnn"],
        ),
        (
            {"arms": {"mine": arm(model="", train="nets.py:not_train", fixed={"epochs": 3})}},
            ["arms.mine.train: must be a function of (config, data, seed, report), but is not_t"],
        ),
        (
            {"arms": {"mine": arm(model="", train="nets.py:NUMBER", fixed={"epochs": 3})}},
            ["arms.mine.train: must be a function of (config, data, seed, report), but is int"],
        ),
        (
            {"arms": {"mine": arm(model="", train="nets.py:train", fixed={})}},
            ["arms.mine: needs `epochs`, which has no default; put it into `space` or `fixed`"],
        ),
        ({"objective": "rmse"}, ["objective: must fit a target of 10 classes, but got rmse"]),
        (
            {"objective": "parameters"},
            ["objective: must say how good a model is, but got parameters"],
        ),
        (
            {"metrics": [{"metric": "nets.py:left", "direction": "maximize"}]},
            ["metrics[0]: nets.py:left: nets.py has no 'left'"],
        ),
        ({"split": {"train": 500, "per": "class"}}, ["split"]),
        ({"efficiency": [10, 500]}, ["efficiency: must be at most "]),
        ({"data": {"from": "digits.npz"}}, ["data.from: there is no file "]),
        (
            {
                "data": {"from": "digits.csv", "target": "digit"},
                "objective": {"metric": "nets.py:left", "direction": "minimize"},
                "arms": {"mine": arm(model="nets.py:Nett"), "other": arm(model="nets.py:Netz")},
            },
            ["data.from: ", "arms.mine.model: ", "arms.other.model: "],
        ),
    ],
)
def test_everything_wrong_is_told_at_its_place(tmp_path, changes, expected):
    found = lines_of(write(tmp_path, mapping(**changes)))
    assert len(found) == len(expected), found
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(beginning), found


def test_an_import_that_fails_names_the_users_line(tmp_path):
    path = write(tmp_path)
    (tmp_path / "nets.py").write_text("import torch\n\nx = torch.zeros(3) @ torch.zeros(4)\n")
    (line,) = lines_of(path)
    assert line.startswith("arms.mine.model: cannot be imported: nets.py:3: `x = torch.zeros(3)")
    (tmp_path / "nets.py").write_text("def f(:\n")
    (line,) = lines_of(path)
    assert line.startswith("arms.mine.model: cannot be imported: nets.py:1: SyntaxError")


def test_a_module_that_needs_a_gpu(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one here")
    (line,) = lines_of(write(tmp_path, mapping(arms={"mine": arm(model="nets.py:on_gpu")})))
    assert "needs a GPU, which is not here" in line or "GPU" in line


def test_too_few_rows_of_a_class(tmp_path):
    x = np.random.default_rng(0).random((60, 5))
    y = np.array([0] * 55 + [1] * 5)
    np.savez(tmp_path / "few.npz", x=x, y=y)
    split = {"train": 10, "valid": 5, "test": 5, "per": "class"}
    path = write(
        tmp_path,
        mapping(
            data={"from": "few.npz"},
            split=split,
            arms={"mine": arm(model="two_layer_mlp", space={"lr": SPACE["lr"]})},
        ),
    )
    (line,) = lines_of(path)
    assert line.startswith("split")
    assert "class" in line


def test_a_kernel_that_is_larger_than_the_image(tmp_path):
    space = {"lr": SPACE["lr"], "kernel_size": {"type": "categorical", "choices": [3, 15]}}
    path = write(tmp_path, mapping(arms={"mine": arm(model="simple_cnn", space=space)}))
    (line,) = lines_of(path)
    assert line.startswith("arms.mine.space.kernel_size.choices[1]: kernel_size=15 is too")
