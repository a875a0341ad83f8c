"""What every source of data promises; a new one needs an entry in ``EXAMPLES``."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from data_files import cars_csv, digits_idx, digits_npz, wine_parquet

from ibsweep.data import SOURCES, attach, catalogue, data_faults, open_dataset
from ibsweep.data.pool import PoolDataset
from ibsweep.errors import InputError


class Example(NamedTuple):
    """Data documents of one source.

    Attributes:
        document: A small one.
        sizes: Sizes of training sets to ask for.
        changes: Options that change the data, each by itself.
        wrong: Options that are wrong, each by itself, and the place of the fault.
        write: Writes its files into a folder.
    """

    document: dict
    sizes: tuple[int, ...]
    changes: tuple[dict, ...]
    wrong: tuple[tuple[dict, tuple], ...]
    write: Callable[[Path], object] = lambda folder: None


EDGES = {
    "from": "edges",
    # Not "none": of its plain grey images there are only some fifty, which meet by chance.
    "class_type": ["horizontal", "vertical", "both"],
    "num_classes": 3,
    "spatial_resolution": 12,
    "split": {"train": [4, 9], "valid": 5, "test": 20, "per": "class"},
}
BY_CLASS = {"train": [4, 9], "valid": 5, "test": 20, "per": "class"}
OF_ALL = {"train": 60, "valid": 0.2, "test": 0.25}
OTHER_SPLITS = (
    {"split": {**BY_CLASS, "valid": 6}},
    {"split": {**BY_CLASS, "test": 21}},
    {"split": {**BY_CLASS, "seed": 1}},
)
WRONG_SPLITS = (
    ({"split": {"train": []}}, ("split", "train")),
    ({"scale": "big"}, ("scale",)),
)

EXAMPLES = {
    "edges": Example(
        document=EDGES,
        sizes=(4, 9, 6),
        changes=(
            {"class_type": ["vertical", "horizontal", "both"]},
            {"class_type": ["horizontal", "both"], "num_classes": 2},
            {"spatial_resolution": 13},
            {"max_edge_width": 3},
            {"min_edge_intensity": 0.5},
            {"use_permutation": True},
            {"possible_edge_location_ratio": 0.5},
            {"split": {"train": [9, 4], "valid": 5, "test": 20}},
            {"split": {"train": [4, 9], "valid": 6, "test": 20}},
            {"split": {"train": [4, 9], "valid": 5, "test": 21}},
        ),
        wrong=(
            ({"num_classes": 4}, ("num_classes",)),
            ({"class_type": ["horizontal", "vertcal", "both"]}, ("class_type", 1)),
            ({"split": {"train": []}}, ("split", "train")),
            ({"colour": "red"}, ("colour",)),
        ),
    ),
    "npz": Example(
        document={"from": "digits.npz", "split": BY_CLASS},
        sizes=(4, 9, 6),
        changes=({"scale": "standard"}, {"scale": "minmax"}, {"kind": "sequences"}, *OTHER_SPLITS),
        wrong=(({"colour": "red"}, ("colour",)), ({"shape": [0]}, ("shape",)), *WRONG_SPLITS),
        write=digits_npz,
    ),
    "csv": Example(
        document={"from": "cars.csv", "target": "mpg", "drop": ["name"], "split": OF_ALL},
        sizes=(60, 120, 33),
        changes=(
            {"scale": "none"},
            {"drop": ["name", "origin"]},
            {"categories": {"origin": ["USA", "Japan", "Europe"]}},
            {"split": {**OF_ALL, "seed": 1}},
        ),
        wrong=(({"target": 3}, ("target",)), ({"drop": "name"}, ("drop",)), *WRONG_SPLITS),
        write=cars_csv,
    ),
    "parquet": Example(
        document={"from": "wine.parquet", "target": "kind", "split": BY_CLASS},
        sizes=(4, 9, 6),
        changes=({"scale": "minmax"}, {"drop": ["ash"]}, *OTHER_SPLITS),
        wrong=(({"categories": 3}, ("categories",)), ({"root": "x"}, ("root",)), *WRONG_SPLITS),
        write=wine_parquet,
    ),
    "torchvision": Example(
        document={"from": "torchvision:MNIST", "root": ".", "split": BY_CLASS},
        sizes=(4, 9, 6),
        changes=({"scale": "standard"}, *OTHER_SPLITS),
        wrong=(({"download": 1}, ("download",)), ({"root": ""}, ("root",)), *WRONG_SPLITS),
        write=digits_idx,
    ),
    "function": Example(
        document={"from": "sklearn.datasets:load_digits", "split": BY_CLASS},
        sizes=(4, 9, 6),
        changes=({"n_class": 5}, {"kind": "table"}, {"scale": "minmax"}, *OTHER_SPLITS),
        wrong=(({"kind": "pictures"}, ("kind",)), ({"predict": "a"}, ("predict",)), *WRONG_SPLITS),
    ),
}
"""By source of the catalogue."""
POOLS = [name for name in SOURCES if name != "edges"]


def test_every_source_has_an_example():
    assert list(SOURCES) == list(EXAMPLES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp(name) for name in EXAMPLES}
    for name, example in EXAMPLES.items():
        example.write(made[name])
    return made


@pytest.fixture(params=SOURCES)
def source(request):
    return request.param


@pytest.fixture
def example(source):
    return EXAMPLES[source]


@pytest.fixture
def folder(source, folders):
    return folders[source]


@pytest.fixture
def dataset(example, folder):
    return open_dataset(example.document, folder)


@pytest.fixture
def fresh(monkeypatch):
    """Let every dataset be loaded anew."""
    monkeypatch.setattr(catalogue, "_opened", OrderedDict())
    monkeypatch.setattr(catalogue, "_attached", OrderedDict())


def test_a_good_document_has_no_faults(example):
    assert data_faults(example.document) == []


def test_faults_are_told_with_their_place_by_whoever_is_asked(example, folder):
    assert example.wrong
    for options, place in example.wrong:
        (fault,) = data_faults(example.document | options)
        assert fault.path == place
        with pytest.raises(InputError) as caught:
            open_dataset(example.document | options, folder)
        assert str(caught.value) == str(fault)
        assert caught.value.faults == [fault]


def test_all_faults_are_told_at_once(example):
    wrong = {name: value for options, _ in example.wrong for name, value in options.items()}
    found = {fault.path for fault in data_faults(example.document | wrong)}
    assert found == {place for _, place in example.wrong}


def test_the_same_seed_gives_the_same_bytes(example, folder, fresh):
    first = open_dataset(example.document, folder)
    catalogue._opened.clear()
    second = open_dataset(example.document, folder)
    assert first is not second
    size = example.sizes[0]
    assert content(*first.replicate(3, size)[:2]) == content(*second.replicate(3, size)[:2])
    assert content(first.held_out(3, size)) == content(second.held_out(3, size))


def test_another_seed_gives_other_training_examples(example, dataset):
    size = example.sizes[0]
    assert content(dataset.replicate(3, size).train) != content(dataset.replicate(4, size).train)


def test_a_set_is_the_same_whatever_was_drawn_before(example, dataset):
    size, other = example.sizes[:2]
    alone = content(*dataset.replicate(3, size)[:2], dataset.held_out(3, size))
    dataset.held_out(8, size)
    dataset.replicate(8, other)
    assert content(*dataset.replicate(3, size)[:2], dataset.held_out(3, size)) == alone


def test_validation_does_not_depend_on_the_size_of_the_training_set(example, folder):
    plain = {} if example.document["from"] == "edges" else {"scale": "none"}
    if example.document["from"] == "cars.csv":
        plain["drop"] = ["name", "horsepower"]  # its gaps are filled as the training rows say
    dataset = open_dataset(example.document | plain, folder)
    valid = [content(dataset.replicate(3, size).valid) for size in example.sizes]
    assert len(valid) >= 2
    assert len(set(valid)) == 1


def test_no_global_generator_is_used(example, dataset):
    before = np.random.get_state()[1].copy()
    dataset.replicate(3, example.sizes[0])
    dataset.held_out(3, example.sizes[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_sets_agree_with_the_schema(example, dataset):
    schema = dataset.schema
    assert (schema.classes, schema.example_shape) == (dataset.classes, dataset.example_shape)
    assert schema.fingerprint == dataset.fingerprint()
    for size in example.sizes:
        sets = [*dataset.replicate(3, size)[:2], dataset.held_out(3, size)]
        for one in sets:
            tensor = one.tensor()
            assert tensor.shape == (len(one.targets), *schema.example_shape)
            assert tensor.isfinite().all()
            assert one.inputs.dtype in (np.uint8, np.float32)
            check_targets(one.targets, dataset.classes)
        if schema.per == "class":
            assert np.bincount(sets[0].targets).tolist() == [size] * len(schema.classes)
        else:
            assert len(sets[0].targets) == size
        if schema.rows is not None:
            assert len(sets[2].targets) == schema.rows["test"]


def test_held_out_examples_are_in_no_other_set(example, dataset):
    for size in example.sizes:
        held_out = rows(dataset.held_out(3, size))
        for one in dataset.replicate(3, size)[:2]:
            assert held_out.isdisjoint(rows(one))


def test_the_fingerprint_changes_with_the_data_and_only_then(example, folder, fresh):
    documents = [example.document, *(example.document | change for change in example.changes)]
    prints = [open_dataset(one, folder).fingerprint() for one in documents]
    assert len(set(prints)) == len(documents) > 1
    assert all(len(one) == 64 and int(one, 16) >= 0 for one in prints)
    catalogue._opened.clear()
    drawn = open_dataset(example.document, folder)
    drawn.replicate(3, example.sizes[0])
    assert drawn.fingerprint() == prints[0]
    reordered = dict(reversed(example.document.items()))
    assert open_dataset(reordered, folder).fingerprint() == prints[0]


def test_the_fingerprint_is_the_same_in_another_process(example, folder, dataset):
    code = (
        "from pathlib import Path; from ibsweep.data import open_dataset;"
        f"print(open_dataset({example.document!r}, Path({str(folder)!r})).fingerprint())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == dataset.fingerprint()


def test_a_document_is_read_without_numpy_and_torch(example):
    code = (
        "import sys; from ibsweep.data import data_faults;"
        f"data_faults({example.document!r});"
        "print(sorted({'numpy', 'torch', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("source", POOLS)
def test_a_pool_travels_as_arrays_that_nobody_copies_or_changes(example, folder, fresh):
    dataset = open_dataset(example.document, folder)
    arrays = copy.deepcopy(dataset.arrays())
    for array in arrays.values():
        array.setflags(write=False)  # as Ray's object store has them
    attached = attach(example.document, arrays)
    assert isinstance(attached, PoolDataset)
    assert attached is not dataset
    assert open_dataset(example.document) is attached
    assert attached.schema == dataset.schema
    size = example.sizes[0]
    ours, theirs = attached.replicate(3, size), dataset.replicate(3, size)
    assert content(*ours[:2]) == content(*theirs[:2])
    assert ours.preprocessing == theirs.preprocessing
    if ours.train.rows is not None:
        assert ours.train.inputs is ours.valid.inputs is arrays["inputs"]


@pytest.mark.parametrize("source", POOLS)
def test_a_smaller_training_set_is_part_of_a_larger_one(example, folder):
    plain = {"scale": "none"}
    dataset = open_dataset(example.document | plain, folder)
    small, large = sorted(example.sizes)[:2]
    targets = [np.sort(dataset.replicate(3, size).train.targets) for size in (small, large)]
    if dataset.schema.noun == "images":
        taken = [rows(dataset.replicate(3, size).train) for size in (small, large)]
        assert taken[0] < taken[1]
    assert set(targets[0].tolist()) <= set(targets[1].tolist())


@pytest.mark.parametrize("source", POOLS)
def test_the_test_rows_are_the_same_for_every_seed(example, folder):
    document = example.document | {"scale": "none"}
    if example.document["from"] == "cars.csv":
        document["drop"] = ["name", "horsepower"]
    dataset = open_dataset(document, folder)
    size, other = example.sizes[:2]
    assert content(dataset.held_out(3, size)) == content(dataset.held_out(9, other))


def content(*sets):
    """Return everything in sets as bytes."""
    return b"".join(one.tensor().numpy().tobytes() + one.targets.tobytes() for one in sets)


def rows(one):
    """Return the examples of a set, each as bytes."""
    return {example.tobytes() for example in one.tensor().numpy()}


def check_targets(targets, classes):
    """Labels are positions in the classes, all of which occur; other targets are real numbers."""
    if classes is None:
        assert targets.dtype == np.float32
    else:
        assert targets.dtype == np.int64
        assert set(targets.tolist()) == set(range(len(classes)))
