"""Reading question files: what is accepted, and what each fault is told as."""

import copy
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from pydantic import ValidationError

from ibsweep import questions
from ibsweep.errors import IbsweepError, InputError
from ibsweep.questions import Question, check_task, find, load_all, load_file, read_yaml

GOOD = {
    "question": "mine",
    "title": "a title",
    "text": "a text",
    "task": {"train_images": [10, 30]},
    "objective": {"metric": "valid_accuracy", "direction": "maximize"},
    "arms": {
        "mine_a": {
            "title": "first",
            "model": "simple_cnn",
            "images": 30,
            "fixed": {"epochs": 5},
            "space": {
                "lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
                "batch_size": {"type": "categorical", "choices": [10, 32]},
            },
            "baseline": {"lr": 0.01, "batch_size": 10},
            "notebook": [{"images": 30, "valid_accuracy": 97.2}],
        },
        "mine_b": {
            "title": "second",
            "model": "three_layer_mlp",
            "images": 10,
            "fixed": {"epochs": 5, "batch_size": 10, "hidden_dim_1": 50},
            "space": {
                "lr": {"type": "float", "low": 1e-4, "high": 0.1},
                "hidden_dim_2": {"type": "int", "low": 5, "high": 20},
            },
            "baseline": {"lr": 0.01, "hidden_dim_2": 10},
            "notebook": [],
        },
    },
    "claims": [{"id": "a_beats_b", "text": "a beats b", "arms": ["mine_a", "mine_b"]}],
}


@pytest.fixture
def write(tmp_path):
    """Write a file, given as text, bytes or data, and return its path."""

    def write(content, name="mine.yaml"):
        path = tmp_path / name
        if isinstance(content, dict):
            content = yaml.safe_dump(content, sort_keys=False)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def changed(path, value=None):
    """Return GOOD with one value set; without a value, the key is taken out."""
    data = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place = data
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def lines_of(path):
    with pytest.raises(InputError) as caught:
        load_file(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_a_good_file(write):
    question = load_file(write(GOOD))
    assert [arm.name for arm in question.arms.values()] == ["mine_a", "mine_b"]
    assert question.model_dump(mode="json", exclude_unset=True) == changed_names(GOOD)
    assert check_task(question).train_images == (10, 30)


def changed_names(data):
    data = copy.deepcopy(data)
    for name, arm in data["arms"].items():
        arm["name"] = name
    return data


def test_json_round_trip(write):
    question = load_file(write(GOOD))
    assert Question.model_validate(question.model_dump(mode="json")) == question
    assert Question.model_validate_json(question.model_dump_json()) == question


def test_a_question_is_frozen(write):
    with pytest.raises(ValidationError, match="frozen"):
        load_file(write(GOOD)).title = "another"


A = "arms.mine_a"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("title", None, "title: is missing; give a short title"),
        ("title", "", "title: must not be empty, but got ''"),
        ("title", 3, "title: must be a text, but got 3"),
        ("titel", "x", "titel: is not a key here, but got 'x'; did you mean 'title'?"),
        ("question", "Q 1", "question: must be made of small letters, digits and underscores"),
        ("task", [1], "task: must be a mapping of keys to values, but got [1]"),
        ("task.train_images", None, "task.train_images: must list the images per class"),
        ("task.train_images", [], "task.train_images: must list the images per class"),
        ("task.train_images", 30, "task.train_images: must list the images per class"),
        ("task.train_images", [30, 0], "task.train_images: must list the images per class"),
        ("task.train_images", [30, True], "task.train_images: must list the images per class"),
        ("task.train_images", [10, 30, 30], "task.train_images: must differ, but got"),
        ("task.min_edge_width", float("nan"), "task.min_edge_width: must be finite, but got nan"),
        ("objective.metric", "accuracy", "objective.metric: must be 'valid_accuracy', but got 'a"),
        ("objective.direction", "minimize", "objective.direction: must be 'maximize', but got 'm"),
        ("arms", {}, "arms: must not be empty, but got {}"),
        (f"{A}.model", "simple", f"{A}.model: must be a model, but got 'simple'; did you mean"),
        (f"{A}.model", 3, f"{A}.model: must be a text, but got 3"),
        (f"{A}.images", 50, f"{A}.images: must be one of the task's train_images [10, 30], but"),
        (f"{A}.images", 0, f"{A}.images: must be greater than 0, but got 0"),
        (f"{A}.images", True, f"{A}.images: must be an integer, but got True"),
        (f"{A}.name", "b", f"{A}.name: must be the arm's key, 'mine_a', or left out, but got 'b'"),
        (f"{A}.baselin", {}, f"{A}.baselin: is not a key here, but got {{}}; did you mean 'basel"),
        (f"{A}.space", {}, f"{A}.space: must not be empty, but got {{}}"),
        (f"{A}.space", [], f"{A}.space: must be a mapping of keys to values, but got []"),
        (f"{A}.space.lr.low", 1, f"{A}.space.lr.low: `low <= high` must hold, but got low=1.0"),
        (f"{A}.space.lr.low", 0, f"{A}.space.lr.low: `low` must be above 0 where `log` is true"),
        (f"{A}.space.lr.low", "x", f"{A}.space.lr.low: must be a number, but got 'x'"),
        (f"{A}.space.lr.low", None, f"{A}.space.lr.low: is missing; give the smallest value"),
        (f"{A}.space.lr.step", 0.5, f"{A}.space.lr.step: `step` and `log` exclude each other"),
        (f"{A}.space.lr.lgo", True, f"{A}.space.lr.lgo: is not a key here, but got True; did you"),
        (f"{A}.space.lr.type", None, f"{A}.space.lr: `type` is missing; give float, int, categ"),
        (f"{A}.space.lr.type", "flot", f"{A}.space.lr: `type` must be a distribution, but got"),
        (f"{A}.space.lr", 0.1, f"{A}.space.lr: must be a mapping of keys to values, but got 0.1"),
        (
            f"{A}.space.batch_size.choices",
            [10, 0],
            f"{A}.space.batch_size.choices[1]: must be an integer of at least 1, but got 0",
        ),
        (
            f"{A}.space.batch_size.choices",
            [],
            f"{A}.space.batch_size.choices: must not be empty, but got []",
        ),
        (
            f"{A}.space.batch_size.choices",
            [10, [32]],
            f"{A}.space.batch_size.choices[1]: must be a number, a text or true or false, but got",
        ),
        (f"{A}.fixed.lr", 0.1, f"{A}.fixed.lr: stands in both `fixed` and `space`; leave one out"),
        (f"{A}.fixed.epochs", 0, f"{A}.fixed.epochs: must be an integer of at least 1, but got 0"),
        (f"{A}.fixed.epochs", None, f"{A}: needs `epochs`, which has no default; put it into"),
        (
            f"{A}.fixed.pooling",
            "median",
            f"{A}.fixed.pooling: must be 'max' or 'average', but got",
        ),
        (
            f"{A}.fixed.kernel",
            3,
            f"{A}.fixed.kernel: is not a hyperparameter of simple_cnn; did you mean 'kernel_size'",
        ),
        (f"{A}.baseline.lr", None, f"{A}.baseline.lr: is missing; give a number from 0.0001 to"),
        (
            f"{A}.baseline.lr",
            1,
            f"{A}.baseline.lr: must be a number from 0.0001 to 0.1, but got 1",
        ),
        (f"{A}.baseline.batch_size", 16, f"{A}.baseline.batch_size: must be one of 10, 32, but"),
        (f"{A}.baseline.epochs", 5, f"{A}.baseline.epochs: is not tuned here, but got 5"),
        (f"{A}.notebook", [{"images": 30}], f"{A}.notebook[0].valid_accuracy: is missing; give"),
        (
            f"{A}.notebook",
            [{"images": 20, "valid_accuracy": 9.0}],
            f"{A}.notebook[0].images: must be one of the task's train_images [10, 30], but got 20",
        ),
        (
            f"{A}.notebook",
            [{"images": 30, "valid_accuracy": 972}],
            f"{A}.notebook[0].valid_accuracy: must be less than or equal to 100, but got 972",
        ),
        (
            "claims",
            [{"id": "x", "text": "x", "arms": ["mine_c"]}],
            "claims[0].arms[0]: must name an arm, but got 'mine_c'; did you mean 'mine_",
        ),
        (
            "claims",
            [GOOD["claims"][0]] * 2,
            "claims[1].id: must be used once, but got 'a_beats_b'",
        ),
        ("claims", [{"id": "x", "text": "x", "arms": []}], "claims[0].arms: must not be empty"),
    ],
)
def test_a_single_fault_gives_a_single_line(write, path, value, line):
    found = lines_of(write(changed(path, value)))
    assert len(found) == 1, found
    assert found[0].startswith(line)


def test_arm_names(write):
    data = copy.deepcopy(GOOD)
    data["arms"]["../x"] = data["arms"].pop("mine_b")
    data["claims"] = []
    assert lines_of(write(data)) == [
        "arms.../x: must be made of small letters, digits and underscores, but got '../x'"
    ]


def test_keys_that_are_no_texts(write):
    found = lines_of(write(yaml.safe_dump(GOOD) + "3: 4\n"))
    assert found == ["[3]: must be a text as a key, but got 3"]


def test_a_key_cannot_break_the_line(write):
    (line,) = lines_of(write(changed("a\nb\x1b[1m", 1)))
    assert line.startswith(r"a\nb\x1b[1m: is not a key here, but got 1; known are")


def test_all_faults_are_reported_at_once(write):
    # Malformed parts beside parts that contradict each other, in the same arm and in others.
    data = changed(f"{A}.space.lr.low", 5)
    data["arms"]["mine_a"]["baseline"]["batch_size"] = 11
    data["arms"]["mine_a"]["colour"] = "red"
    data["arms"]["mine_b"]["model"] = "mlp"
    data["claims"][0]["arms"] = ["mine_z"]
    del data["text"]
    places = [line.split(": ")[0] for line in lines_of(write(data))]
    assert sorted(places) == [
        "arms.mine_a.baseline.batch_size",
        "arms.mine_a.colour",
        "arms.mine_a.space.lr.low",
        "arms.mine_b.model",
        "claims[0].arms[0]",
        "text",
    ]


def test_a_manifests_question_is_checked_too():
    with pytest.raises(ValidationError, match="must be one of 10, 32, but got 16"):
        Question.model_validate(changed(f"{A}.baseline.batch_size", 16))


def test_rank():
    rows = [
        SimpleNamespace(name=name, valid_accuracy=accuracy, valid_loss=loss)
        for name, accuracy, loss in [
            ("failed", None, None),
            ("low", 50.0, 0.1),
            ("tie", 90.0, 0.3),
            ("diverged", 90.0, math.nan),
            ("best", 90.0, 0.2),
        ]
    ]
    objective = Question.model_validate(GOOD).objective
    ranked = [row.name for row in sorted(rows, key=objective.rank)]
    assert ranked == ["best", "tie", "diverged", "low", "failed"]
    assert objective.mode == "max"


def test_long_values_are_cut(write):
    (line,) = lines_of(write(changed("title", [1] * 1000)))
    assert len(line) < 150


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-4", 1e-4), ("-2E5", -2e5), ("1.e3", 1e3), (".5e+1", 5.0), ("1.5e3", 1.5e3)],
)
def test_numbers_with_an_exponent(write, text, number):
    value = read_yaml(write(f"x: {text}"))["x"]
    assert isinstance(value, float)
    assert value == number


@pytest.mark.parametrize("text", ["e4", "1e", "1e-4x", "'1e-4'", "1e-4-5"])
def test_texts_that_look_like_numbers(write, text):
    assert read_yaml(write(f"x: {text}"))["x"] == text.strip("'")


def test_aliases_and_merges(write):
    text = "x: {y: {z: &a {k: 1}}}\nb: {<<: *a, k: 2, l: 3}\nc: {<<: *a}\n"
    assert read_yaml(write(text)) == {
        "x": {"y": {"z": {"k": 1}}},
        "b": {"k": 2, "l": 3},
        "c": {"k": 1},
    }


LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 12))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "mine.yaml: is empty$"),
        ("# nothing\n", "mine.yaml: is empty$"),
        ("- 1\n- 2\n", r"must hold a mapping of keys to values, but got \[1, 2\]"),
        ("q7", "must hold a mapping of keys to values, but got 'q7'"),
        ("a: 1\nb: [1, }\n", "line 2, column 8: "),
        ("a: 1\n\tb: 2\n", "line 2, column 1: "),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "line 5, column 3: the key 'c' stands twice, .*3$"),
        ("a: {b: 1, b: 1}\n", "line 1, column 11: the key 'b' stands twice, first on line 1$"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: "),
        ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("a: 2024-13-40\n", "is not YAML: month must be in"),
        ("a: \x01\n", "is not YAML: unacceptable character"),
        ("a: *b\n", "line 1, column 4: .*undefined alias"),
        ("[1]: 2\n{1: 2}: 3\n", "line"),
        (b"a: 1\nb: \xff\n", "line 2: is not UTF-8"),
        ("a: &a {b: *a}\n", "aliases have no end or write out to too much"),
        (LAUGHS, "aliases have no end or write out to too much"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (b"a: " + b"x" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_files_that_cannot_be_read(write, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read_yaml(write(content))
    assert len(str(caught.value).splitlines()) == 1


def test_a_byte_order_mark_is_no_fault(write):
    assert read_yaml(write(b"\xef\xbb\xbfa: 1\n")) == {"a": 1}


def test_places_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_file(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="is not a regular file"):
        load_file(tmp_path)
    with pytest.raises(InputError, match="is not a regular file"):
        load_file("/dev/zero")
    with pytest.raises(InputError, match="cannot be read"):
        load_file("a\0.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load_file(tmp_path / ("x" * 300 + ".yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file(write):
    path = write(GOOD)
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        load_file(path)


def test_check_task_names_the_question(write):
    question = load_file(write(changed("task.class_typ", ["none"])))
    with pytest.raises(InputError, match=r"^mine: task: .*class_typ"):
        check_task(question)


def names_of(target):
    return [(question.question, arm.name) for question, arm in find(target)]


def test_find_shipped_names():
    assert names_of("q7_wider") == [("q7", "q7_wider")]
    assert names_of("q7") == [("q7", "q7_simple"), ("q7", "q7_wider"), ("q7", "q7_deeper")]
    assert {question for question, _ in names_of("all")} == set(load_all())


def test_find_files(write, monkeypatch, tmp_path):
    both = [("mine", "mine_a"), ("mine", "mine_b")]
    path = write(GOOD)
    assert names_of(str(path)) == both
    write(GOOD, "plain")
    write("a: 1", "q7")
    monkeypatch.chdir(tmp_path)
    assert names_of("mine.yaml") == both
    assert names_of("plain") == both
    assert names_of("q7")[0] == ("q7", "q7_simple")  # the shipped name goes first
    with pytest.raises(InputError, match=r"^none\.yml: no such file"):
        find("none.yml")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("q7_widr", "'q7_widr' is no arm, question or file; did you mean 'q7_wider'"),
        ("", "'' is no arm, question or file; known are all, q7"),
        ("zzz", "known are all, q7, q7_deeper"),
        ("a\0b", "is no arm, question or file"),
    ],
)
def test_find_refuses(target, message):
    with pytest.raises(InputError, match=message):
        find(target)


def test_names_are_unique_over_the_shipped_files(write, monkeypatch, tmp_path):
    monkeypatch.setattr(questions, "search_spaces_dir", lambda: tmp_path)
    write(GOOD, "a.yaml")
    other = copy.deepcopy(GOOD) | {"question": "other"}
    write(other, "b.yaml")
    with pytest.raises(InputError, match=r"b\.yaml: 'mine_a' is already the name .*a\.yaml"):
        load_all()


def test_search_spaces_inside_an_installed_package(monkeypatch, tmp_path):
    package = tmp_path / "ibsweep"
    package.mkdir()
    monkeypatch.setattr(questions, "__file__", str(package / "questions.py"))
    with pytest.raises(IbsweepError, match="question files are missing"):
        questions.search_spaces_dir()
    (tmp_path / "search_spaces").mkdir()
    assert questions.search_spaces_dir() == tmp_path / "search_spaces"
    (package / "search_spaces").mkdir()
    assert questions.search_spaces_dir() == package / "search_spaces"


def test_listing_questions_loads_nothing_heavy():
    code = (
        "import sys, ibsweep.questions as q; q.find('all');"
        "heavy = {'torch', 'ray', 'optuna', 'pandas', 'scipy', 'numpy', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
