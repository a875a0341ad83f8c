"""Which rows of a pool a replicate gets: stratified, nested, and never the held-out ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibsweep.data import DataError, open_dataset
from ibsweep.data.drawing import drawing_of
from ibsweep.data.split import Split

# 180 rows of three classes: 100, 60 and 20.
LABELS = np.repeat([0, 1, 2], [100, 60, 20])[np.random.RandomState(1).permutation(180)]
NAMES = ("a", "b", "c")


def draw(labels=LABELS, names=NAMES, parts=None, **split):
    parts = parts or {"train": (0, len(labels))}
    return drawing_of(Split.from_dict(split), parts, labels, names)


def counts(rows):
    return np.bincount(LABELS[rows], minlength=3).tolist()


@given(seed=st.integers(0, 2**32 - 1), question=st.integers(0, 2**32 - 1))
def test_sets_of_all_rows_hold_the_classes_in_their_shares(seed, question):
    drawing = draw(train=90, valid=18, test=36, seed=question)
    train, valid = drawing.replicate(seed, 90)
    assert counts(drawing.test) == [20, 12, 4]
    assert counts(valid) == [10, 6, 2]
    assert counts(train) == [50, 30, 10]
    everything = np.concatenate([train, valid, drawing.test])
    assert len(np.unique(everything)) == len(everything) == 144


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 122))
def test_a_smaller_training_set_is_part_of_a_larger_one(seed, size):
    drawing = draw(train=90, valid=18, test=36)
    small, valid = drawing.replicate(seed, size)
    large, same = drawing.replicate(seed, size + 4)
    assert len(small) == size
    assert set(small) < set(large)
    np.testing.assert_array_equal(valid, same)
    shares = np.array([100, 60, 20]) / 180 * size
    assert np.abs(counts(small) - shares).max() <= 1.01


def test_counts_by_class_are_met_by_every_class():
    drawing = draw(train=[3, 9], valid=4, test=5, per="class")
    assert drawing.largest == 11
    assert counts(drawing.test) == [5, 5, 5]
    for size in (3, 9, 11):
        train, valid = drawing.replicate(2, size)
        assert (counts(train), counts(valid)) == ([size] * 3, [4] * 3)
    with pytest.raises(DataError, match="from 1 to 11 rows of each class, but got 12"):
        drawing.replicate(2, 12)


def test_fractions_are_of_all_rows():
    drawing = draw(train=0.6, valid=0.2, test=0.2)
    assert drawing.train_sizes == (108,)
    assert [len(rows) for rows in drawing.replicate(0, 108)] == [108, 36]
    assert draw().train_sizes == (108,)  # a fifth each where nothing is said
    odd = draw(labels=LABELS[:37], train=0.5, valid=0.25, test=0.25)
    assert len(odd.replicate(0, odd.train_sizes[0])[0]) == odd.train_sizes[0] >= 18


def test_seeds_draw_other_rows_and_the_questions_seed_other_test_rows():
    drawing = draw(train=50)
    assert not np.array_equal(drawing.replicate(0, 50)[0], drawing.replicate(1, 50)[0])
    np.testing.assert_array_equal(drawing.test, draw(train=20, valid=9).test)
    assert not np.array_equal(drawing.test, draw(train=50, seed=1).test)


def test_numbers_are_drawn_without_classes():
    numbers = np.linspace(0, 1, 50).astype(np.float32)
    drawing = draw(labels=numbers, names=None, train=20, valid=10, test=15)
    train, valid = drawing.replicate(0, 20)
    assert len({*train, *valid, *drawing.test}) == 45
    with pytest.raises(DataError, match=r"split\.per: must be all where a number is predicted"):
        draw(labels=numbers, names=None, train=20, per="class")


def test_sets_of_the_source_are_drawn_from_where_counts_ask_for_fewer():
    parts = {"train": (0, 100), "valid": (100, 140), "test": (140, 180)}
    whole = draw(parts=parts, train=100)
    train, valid = whole.replicate(3, 100)
    np.testing.assert_array_equal(np.concatenate([train, valid, whole.test]), np.arange(180))
    some = draw(parts=parts, train=50, valid=20, test=30)
    train, valid = some.replicate(3, 50)
    assert (len(train), len(valid), len(some.test)) == (50, 20, 30)
    assert train.max() < 100 <= valid.min() <= valid.max() < 140 <= some.test.min()
    assert not np.array_equal(some.replicate(4, 50)[1], valid)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"train": 9, "valid": 4, "test": 5, "per": "class"}, None),
        (
            {"train": 12, "valid": 4, "test": 5, "per": "class"},
            r"^split\.train: there are 20 rows of class 'c' to draw from, but 12 for training",
        ),
        (
            {"train": 10, "test": 30, "per": "class"},
            r"split\.test: there are 20 rows of class 'c'",
        ),
        (
            {"train": 150, "valid": 20, "test": 20},
            r"split\.train: there are 180 rows to draw from",
        ),
        ({"train": 1, "test": 181}, r"split\.test: there are 180 rows to draw from"),
    ],
)
def test_too_few_rows_are_one_clear_fault(split, message):
    if message is None:
        draw(**split)
        return
    with pytest.raises(DataError, match=message):
        draw(**split)


def test_a_class_of_test_rows_alone_is_refused():
    labels = np.array([0, 1] * 20 + [2] * 5)
    with pytest.raises(DataError, match="class 'c' has no row that a model could be trained on"):
        draw(labels=labels, parts={"train": (0, 40), "test": (40, 45)})


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (3, "split: must give the size of each set"),
        ({"train": 1.5}, r"split\.train: must be a count such as 100 or a fraction"),
        ({"train": [10, 10]}, r"split\.train: must differ"),
        ({"train": [0.5]}, r"split\.train: must list counts"),
        ({"train": True}, r"split\.train: must be a count"),
        ({"train": 0.5, "per": "class"}, r"split\.train: must be a count of each class"),
        ({"train": 5, "per": "row"}, r"split\.per: must be class or all"),
        ({"train": 5, "seed": -1}, r"split\.seed: must be an integer from 0"),
        ({"train": 0.5, "valid": 0.4, "test": 0.2}, "split: fractions must add up to at most 1"),
        ({"trian": 5}, r"split\.trian: is not a key here; did you mean 'train'"),
    ],
)
def test_a_wrong_split_is_one_clear_fault(split, message):
    with pytest.raises(DataError, match=message):
        open_dataset({"from": "sklearn.datasets:load_wine", "split": split})


def test_pictures_are_scaled_by_channel_as_their_training_rows_say():
    document = {"from": "sklearn.datasets:load_digits", "scale": "standard"}
    dataset = open_dataset({**document, "split": {"train": 500}})
    sets = dataset.replicate(0, 500)
    train = sets.train.tensor()
    assert train.mean().item() == pytest.approx(0, abs=1e-5)
    assert train.std().item() == pytest.approx(1, abs=1e-4)
    raw = dataset.arrays()["inputs"][sets.train.rows]
    assert sets.preprocessing["shift"] == pytest.approx([raw.mean()])
    assert sets.preprocessing["factor"] == pytest.approx([1 / raw.std()])
    test = dataset.held_out(0, 500).tensor()
    assert test.mean().item() == pytest.approx(0, abs=0.1)
    assert test.mean().item() != pytest.approx(0, abs=1e-5)
