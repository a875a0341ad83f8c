"""What every source of data promises; a new one needs an entry in ``EXAMPLES``."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from ibsweep.data import SOURCES, data_faults, open_dataset
from ibsweep.errors import InputError


class Example(NamedTuple):
    """Data documents of one source.

    Attributes:
        document: A small one.
        images: Sizes of training sets to ask for, per class.
        changes: Options that change the data, each by itself.
        wrong: Options that are wrong, each by itself, and the place of the fault.
    """

    document: dict
    images: tuple[int, ...]
    changes: tuple[dict, ...]
    wrong: tuple[tuple[dict, tuple], ...]


EDGES = {
    "from": "edges",
    # Not "none": of its plain grey images there are only some fifty, which meet by chance.
    "class_type": ["horizontal", "vertical", "both"],
    "num_classes": 3,
    "spatial_resolution": 12,
    "split": {"train": [4, 9], "valid": 5, "test": 20, "per": "class"},
}

EXAMPLES = {
    "edges": Example(
        document=EDGES,
        images=(4, 9, 6),
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
    )
}
"""By source of the catalogue."""


def test_every_source_has_an_example():
    assert list(SOURCES) == list(EXAMPLES) == ["edges"]


@pytest.fixture(params=SOURCES)
def example(request):
    return EXAMPLES[request.param]


def test_a_good_document_has_no_faults(example):
    assert data_faults(example.document) == []


def test_faults_are_told_with_their_place_by_whoever_is_asked(example):
    assert example.wrong
    for options, place in example.wrong:
        (fault,) = data_faults(example.document | options)
        assert fault.path == place
        with pytest.raises(InputError) as caught:
            open_dataset(example.document | options)
        assert str(caught.value) == str(fault)


def test_all_faults_are_told_at_once(example):
    wrong = {name: value for options, _ in example.wrong for name, value in options.items()}
    found = {fault.path for fault in data_faults(example.document | wrong)}
    assert found == {place for _, place in example.wrong}


def test_the_same_seed_gives_the_same_bytes(example):
    first, second = (open_dataset(example.document) for _ in range(2))
    assert content(*first.replicate(3, 4)[:2]) == content(*second.replicate(3, 4)[:2])
    assert content(first.held_out(3, 4)) == content(second.held_out(3, 4))


def test_another_seed_gives_other_training_examples(example):
    dataset = open_dataset(example.document)
    assert content(dataset.replicate(3, 4).train) != content(dataset.replicate(4, 4).train)


def test_a_set_is_the_same_whatever_was_drawn_before(example):
    dataset = open_dataset(example.document)
    alone = content(*dataset.replicate(3, 4)[:2]), content(dataset.held_out(3, 4))
    dataset.held_out(8, 4)
    dataset.replicate(8, 9)
    assert (content(*dataset.replicate(3, 4)[:2]), content(dataset.held_out(3, 4))) == alone


def test_validation_does_not_depend_on_the_size_of_the_training_set(example):
    dataset = open_dataset(example.document)
    valid = [content(dataset.replicate(3, images).valid) for images in example.images]
    assert len(valid) >= 2
    assert len(set(valid)) == 1


def test_no_global_generator_is_used(example):
    dataset = open_dataset(example.document)
    before = np.random.get_state()[1].copy()
    dataset.replicate(3, 4)
    dataset.held_out(3, 4)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_sets_agree_with_the_classes_and_the_shape_of_an_example(example):
    dataset = open_dataset(example.document)
    channels, height, width = dataset.example_shape
    for images in example.images:
        sets = [*dataset.replicate(3, images)[:2], dataset.held_out(3, 4)]
        for one in sets:
            assert one.inputs.shape == (len(one.targets), channels, height, width)
            assert one.inputs.dtype == np.uint8
            check_targets(one.targets, dataset.classes)
        if dataset.classes is not None:
            assert np.bincount(sets[0].targets).tolist() == [images] * len(dataset.classes)


def test_held_out_examples_are_in_no_other_set(example):
    dataset = open_dataset(example.document)
    held_out = rows(dataset.held_out(3, 4))
    for images in example.images:
        for one in dataset.replicate(3, images)[:2]:
            assert held_out.isdisjoint(rows(one))


def test_the_fingerprint_changes_with_the_data_and_only_then(example):
    documents = [example.document, *(example.document | change for change in example.changes)]
    prints = [open_dataset(one).fingerprint() for one in documents]
    assert len(set(prints)) == len(documents) > 1
    assert all(len(one) == 64 and int(one, 16) >= 0 for one in prints)
    drawn = open_dataset(example.document)
    drawn.replicate(3, 4)
    assert drawn.fingerprint() == prints[0]
    reordered = dict(reversed(example.document.items()))
    assert open_dataset(reordered).fingerprint() == prints[0]


def test_the_fingerprint_is_the_same_in_another_process(example):
    code = (
        "from ibsweep.data import SOURCES, open_dataset;"
        f"print(open_dataset({example.document!r}).fingerprint())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == open_dataset(example.document).fingerprint()


def test_a_document_is_read_without_numpy_and_torch(example):
    code = (
        "import sys; from ibsweep.data import SOURCES, open_dataset;"
        f"open_dataset({example.document!r});"
        "print(sorted({'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def content(*sets):
    """Return everything in sets as bytes."""
    return b"".join(one.inputs.tobytes() + one.targets.tobytes() for one in sets)


def rows(one):
    """Return the examples of a set, each as bytes."""
    return {example.tobytes() for example in one.inputs}


def check_targets(targets, classes):
    """Labels are positions in the classes, all of which occur; other targets are real numbers."""
    if classes is None:
        assert targets.dtype == np.float32
    else:
        assert targets.dtype == np.int64
        assert set(targets.tolist()) == set(range(len(classes)))
