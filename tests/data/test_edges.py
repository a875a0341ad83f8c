"""ibsweep.data against the slow generator of notebook_images, and its rules and streams."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from notebook_images import DEFAULTS, notebook_images

# Not `from ibsweep.data import held_out_data`: pytest would collect it.
from ibsweep import data
from ibsweep.errors import InputError

FIVE = ("horizontal", "vertical", "diagonal", "both", "none")
SHIFT = {"possible_edge_location_ratio": 0.5}
Q6 = {"class_type": FIVE, "num_classes": 5}
LISTED = (10, 30, 50, 100)

# sha256 over images and labels of the four training sets and the validation set, seed 10.
DIGESTS = {
    "q2": ({}, "c2e72656eba6fa8712059b5e5de7e907eec2e4e07de7a450f7624eb3db2db8e9"),
    "q4": (SHIFT, "687bf37d9016e5a765b4943a21d7e4d9f5c8bc51067006423fb6677dd061581e"),
    "q5": (
        {"use_permutation": True},
        "3926fb19505f126cf4004e66eb9c4ead1a42b7c558f01437e0380ce586c89802",
    ),
    "q6": (Q6, "7b5c0f73719e9683f09680e0812607d9c73e713fa40776dec69d523c0281eabc"),
}


def task(train=LISTED, valid=50, test=20, **options):
    split = {"train": train, "valid": valid, "test": test, "per": "class"}
    return data.EdgeDataset.from_dict({"from": "edges", **options, "split": split})


def same_state(left, right):
    (_, keys, place, *_), (_, other_keys, other_place, *_) = left.get_state(), right.get_state()
    return place == other_place and np.array_equal(keys, other_keys)


@st.composite
def drawable(draw):
    """Options that the notebook can draw, a split that they leave room in, and a seed."""
    resolution = draw(st.integers(8, 32))
    ratio = draw(st.sampled_from([1.0, 1, 0.5, 0.4]) | st.floats(0.3, 0.75))
    split = draw(st.sampled_from(data.SPLITS))
    boundary = int(ratio * resolution)
    room = resolution if ratio == 1 else boundary if split == "train" else resolution - boundary
    max_width = draw(st.integers(0, room - 1))
    diagonal_stop = int(max_width / np.sqrt(2))
    kinds = st.sampled_from([kind for kind in FIVE if kind != "diagonal" or diagonal_stop >= 1])
    classes = draw(st.lists(kinds, min_size=1, max_size=6))
    min_width_stop = diagonal_stop - 1 if "diagonal" in classes else max_width
    across = draw(st.integers(1, 4))
    options = {
        "data_per_class": draw(st.integers(1, 9)),
        "num_classes": len(classes),
        "class_type": classes,
        "spatial_resolution": resolution,
        "min_edge_width": draw(st.integers(0, min_width_stop)),
        "max_edge_width": max_width,
        "possible_edge_location_ratio": ratio,
        "num_horizontal_edge": across,
        "num_vertical_edge": draw(st.integers(1, across if "vertical" in classes else 4)),
        "num_diagonal_edge": draw(st.integers(1, 3)),
    }
    shade = st.floats(0, 1, allow_subnormal=False)
    for name in ("edge", "background"):
        low, high = sorted([draw(shade), draw(shade)])
        options |= {f"min_{name}_intensity": low, f"max_{name}_intensity": high}
    if draw(st.booleans()):
        order = np.random.RandomState(draw(st.integers(0, 99))).permutation(resolution**2)
        inverse = np.argsort(order)
        options |= {"use_permutation": True, "permutater": order, "unpermutater": inverse}
    return options, split, draw(st.integers(0, 2**32 - 1))


# The images.


@settings(deadline=None, max_examples=300)
@given(drawable())
def test_every_option_gives_the_notebooks_bytes_and_leaves_its_state(drawn):
    options, split, seed = drawn
    ours, theirs, skipped = (np.random.RandomState(seed) for _ in range(3))
    expected = notebook_images(options, split, theirs)
    got = data.draw_images(options, split, ours)
    np.testing.assert_array_equal(got.images, expected.images)
    np.testing.assert_array_equal(got.labels, expected.labels)
    assert (got.images.dtype, got.labels.dtype) == (np.uint8, np.int64)
    assert (got.mean, got.std) == (expected.mean, expected.std)
    assert got.overshoot == expected.outside.sum()
    assert same_state(ours, theirs)
    data.skip(options, split, skipped)
    assert same_state(skipped, theirs)


@pytest.mark.parametrize("count", [1, 2, 3, 200])
def test_defaults_and_the_set_sizes_around_the_notebooks(count):
    options = {**Q6, "data_per_class": count, "num_diagonal_edge": 2}
    expected = notebook_images(options, "train", np.random.RandomState(3))
    got = data.draw_images(options, "train", np.random.RandomState(3))
    np.testing.assert_array_equal(got.images, expected.images)
    assert (got.mean, got.std) == (expected.mean, expected.std)


def test_an_empty_dict_is_the_notebooks_default_set():
    images, labels = data.draw({}, "valid", np.random.RandomState(0))
    expected = notebook_images({}, "valid", np.random.RandomState(0))
    np.testing.assert_array_equal(images, expected.images)
    np.testing.assert_array_equal(np.bincount(labels), [1000, 1000, 1000])


@pytest.mark.parametrize("question", DIGESTS)
def test_seed_10_is_the_notebooks_data(question):
    options, digest = DIGESTS[question]
    rng = np.random.RandomState(10)
    literal = dict(options)
    if "use_permutation" in options:
        order = np.arange(28 * 28, dtype=np.int32)
        rng.shuffle(order)
        literal |= {"permutater": order, "unpermutater": np.argsort(order)}
    sets = [(count, "train") for count in LISTED] + [(50, "valid")]
    theirs = [notebook_images({**literal, "data_per_class": n}, mode, rng) for n, mode in sets]

    replicates = [data.replicate_data(task(**options), 10, count) for count in LISTED]
    ours = [replicate.train for replicate in replicates] + [replicates[0].valid]

    for got in (theirs, ours):
        content = b"".join(one.images.tobytes() + one.labels.tobytes() for one in got)
        assert hashlib.sha256(content).hexdigest() == digest
    for mine, notebook in zip(ours, theirs, strict=True):
        assert (mine.mean, mine.std) == (notebook.mean, notebook.std)


def test_overshoot_concerns_82_of_q6s_240_diagonal_images_and_can_be_clipped():
    wrapped = task(**Q6)
    clipped = task(**Q6, overshoot="clip")
    concerned, diagonals = 0, 0
    for count in LISTED:
        wrap, clip = (data.replicate_data(which, 10, count) for which in (wrapped, clipped))
        pairs = [(wrap.train, clip.train)] + [(wrap.valid, clip.valid)] * (count == 10)
        for wrap_images, clip_images in pairs:
            differs = wrap_images.images != clip_images.images
            assert set(np.unique(clip_images.images[differs])) <= {0, 255}
            assert wrap_images.overshoot == clip_images.overshoot == differs.sum()
            assert (wrap_images.mean, wrap_images.std) == (clip_images.mean, clip_images.std)
            assert set(wrap_images.labels[differs.any(axis=(1, 2))]) == {FIVE.index("diagonal")}
            concerned += differs.any(axis=(1, 2)).sum()
            diagonals += (wrap_images.labels == FIVE.index("diagonal")).sum()
    assert (concerned, diagonals) == (82, 240)


def test_only_the_explicit_random_state_is_used():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    data.replicate_data(task(**Q6, use_permutation=True), 3, 10)
    data.held_out_data(task(), 3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_permutation_and_its_inverse():
    images, _ = data.draw({"data_per_class": 2}, "train", np.random.RandomState(4))
    order, inverse = data.draw_permutation(28, np.random.RandomState(9))
    assert order.dtype == np.int32
    options = {"data_per_class": 2, "use_permutation": True, "permutater": order}
    shuffled, _ = data.draw(options, "train", np.random.RandomState(4))
    assert not np.array_equal(shuffled, images)
    restored = shuffled.reshape(-1, 28 * 28)[:, inverse].reshape(-1, 28, 28)
    np.testing.assert_array_equal(restored, images)
    assert data.EdgeConfig.from_dict(options).unpermutater == tuple(inverse.tolist())


def test_to_float_is_totensor():
    images = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    images.flags.writeable = False
    got = data.to_float(images)
    assert got.dtype == torch.float32
    assert got.shape == (4, 1, 8, 8)
    # ToTensor, one image at a time: bytes [1, H, W], cast, divided by 255.
    expected = torch.stack(
        [torch.tensor(image)[None].to(torch.float32).div(255) for image in images]
    )
    assert torch.equal(got, expected)
    assert (got.min(), got.max()) == (0, 1)


def test_to_float_keeps_channels():
    images = np.arange(240, dtype=np.uint8).reshape(2, 3, 5, 8)
    assert torch.equal(data.to_float(images), torch.tensor(images).to(torch.float32).div(255))


# The streams of a replicate.


def test_validation_is_the_same_whichever_training_set_is_asked_for():
    replicates = [data.replicate_data(task(), 10, count) for count in (*LISTED, 7)]
    for replicate in replicates[1:]:
        np.testing.assert_array_equal(replicate.valid.images, replicates[0].valid.images)


@pytest.mark.parametrize("options", [{}, {"use_permutation": True}])
def test_an_unlisted_number_of_images_has_its_own_stream(options):
    got = data.replicate_data(task(**options), 10, 7)
    literal = {"data_per_class": 7, **options, "permutater": got.permutater}
    expected = notebook_images(literal, "train", np.random.RandomState([10, 1, 7]))
    np.testing.assert_array_equal(got.train.images, expected.images)


def test_order_of_the_list_matters_and_validation_follows_it():
    forward, backward = task(train=[5, 8]), task(train=[8, 5])
    first, second = (data.replicate_data(which, 1, 5) for which in (forward, backward))
    assert not np.array_equal(first.train.images, second.train.images)
    np.testing.assert_array_equal(first.valid.labels, second.valid.labels)


@pytest.mark.parametrize("options", [{}, {"use_permutation": True}])
def test_held_out_images_have_a_stream_of_their_own(options):
    which = task(**options)
    got = data.held_out_data(which, 10)
    assert got.images.shape == (60, 28, 28)
    order = data.replicate_data(which, 10, 10).permutater
    literal = {"data_per_class": 20, **options, "permutater": order}
    expected = notebook_images(literal, "test", np.random.RandomState([10, 2]))
    np.testing.assert_array_equal(got.images, expected.images)
    other_sets = task(**options, train=[3], valid=4)
    np.testing.assert_array_equal(data.held_out_data(other_sets, 10).images, got.images)
    assert not np.array_equal(data.held_out_data(which, 11).images, got.images)


def test_under_shift_held_out_images_lie_in_the_validation_half():
    flat = {"min_background_intensity": 0, "max_background_intensity": 0}
    which = task(**SHIFT, **flat, class_type=["horizontal"], num_classes=1)
    replicate = data.replicate_data(which, 10, 100)
    assert replicate.train.images[:, :14].any()
    assert not replicate.train.images[:, 14:].any()
    for held_out in (replicate.valid, data.held_out_data(which, 10)):
        assert not held_out.images[:, :14].any()
        assert held_out.images[:, 14:].any()


def test_a_replicate_keeps_its_permutation():
    replicate = data.replicate_data(task(use_permutation=True), 10, 10)
    np.testing.assert_array_equal(replicate.permutater[replicate.unpermutater], np.arange(784))
    unpermuted = data.replicate_data(task(), 10, 10)
    assert unpermuted.permutater is None
    assert unpermuted.unpermutater is None


def test_numpy_integers_are_integers():
    plain = data.replicate_data(task(), 10, 10)
    numpy = data.replicate_data(task(), np.int64(10), np.int32(10))
    np.testing.assert_array_equal(numpy.train.images, plain.train.images)


# Configurations.


def test_defaults_are_the_notebooks():
    ours = dataclasses.asdict(data.EdgeConfig())
    assert ours.pop("overshoot") == "wrap"
    ours["class_type"] = list(ours["class_type"])
    assert ours == DEFAULTS


def test_equal_configurations_compare_and_hash_alike():
    order = np.arange(64)[::-1]
    options = {"spatial_resolution": 8, "use_permutation": True}
    array = data.EdgeConfig(**options, permutater=order, class_type=["none"], num_classes=1)
    plain = data.EdgeConfig(
        **options, permutater=order.tolist(), class_type=("none",), num_classes=np.int64(1)
    )
    assert array == plain
    assert hash(array) == hash(plain)


def test_document_round_trips_through_json():
    which = task(**Q6, use_permutation=True, possible_edge_location_ratio=0.5, valid=5)
    again = data.EdgeDataset.from_dict(json.loads(json.dumps(which.to_dict())))
    assert again == which
    assert again.to_dict() == which.to_dict()
    assert which.permute
    assert data.EdgeDataset(
        data.EdgeConfig(data_per_class=3), (10,)
    ) == data.EdgeDataset.from_dict({"from": "edges", "split": {"train": 10}})


def test_a_half_without_room_is_refused_only_where_it_is_asked_for():
    options = {"possible_edge_location_ratio": 0.9, "data_per_class": 3}
    expected = notebook_images(options, "train", np.random.RandomState(0))
    images, _ = data.draw(options, "train", np.random.RandomState(0))
    np.testing.assert_array_equal(images, expected.images)
    for split in ("valid", "test"):
        with pytest.raises(InputError, match=rf"narrower than the 3 pixels .* '{split}' images"):
            data.draw(options, split, np.random.RandomState(0))
    with pytest.raises(InputError, match=r"narrower than the 3 pixels .* 'valid' images"):
        task(possible_edge_location_ratio=0.9)


def test_unused_classes_ask_for_nothing():
    data.EdgeConfig(max_edge_width=99, class_type=["none"], num_classes=1)
    data.EdgeConfig(num_vertical_edge=0, num_diagonal_edge=0, class_type=["horizontal"] * 3)
    data.EdgeConfig(num_vertical_edge=3, class_type=["both", "horizontal", "none"])
    data.EdgeConfig(num_horizontal_edge=0, class_type=["diagonal"] * 3)
    data.EdgeConfig(permutater=[1, 2, 3])


ORDER = list(range(784))
INTEGER = "must be an integer from"
EDGE_FAULTS = [
    ({"data_per_class": 0}, rf"data_per_class: {INTEGER} 1 to 2\*\*32 - 1, but got 0"),
    ({"data_per_class": "10"}, rf"data_per_class: {INTEGER} 1 .* but got '10'"),
    ({"data_per_class": True}, rf"data_per_class: {INTEGER} 1 .* but got True"),
    ({"data_per_class": 10**400}, rf"data_per_class: {INTEGER} 1 to 2\*\*32 - 1, but got 1000"),
    ({"spatial_resolution": 28.0}, rf"spatial_resolution: {INTEGER} 1 .* but got 28.0"),
    ({"spatial_resolution": 0}, rf"spatial_resolution: {INTEGER} 1 .* but got 0"),
    ({"num_classes": 0, "class_type": []}, rf"num_classes: {INTEGER} 1 .* but got 0"),
    (
        {"num_classes": 4},
        r"num_classes: must be the number of names in `class_type`, but got 4, with "
        r"class_type=\['horizontal', 'vertical', 'none'\]",
    ),
    ({"class_type": "none"}, "class_type: must be a list of names, but got 'none'"),
    ({"class_type": None}, "class_type: must be a list of names, but got None"),
    (
        {"class_type": ["none", 1, "none"]},
        r"class_type: must be a list of names, but got \['none', 1, 'none'\]",
    ),
    (
        {"class_type": ["horizontl", "both", "none"]},
        r"class_type\[0\]: must be a class type, but got 'horizontl'; did you mean 'horizontal'",
    ),
    ({"min_edge_width": -1}, rf"min_edge_width: {INTEGER} 0 .* but got -1"),
    (
        {"min_edge_width": 5},
        "min_edge_width: must be at most `max_edge_width`, but got 5, with max_edge_width=4",
    ),
    ({"max_edge_width": float("nan")}, f"max_edge_width: {INTEGER} 0 .* but got nan"),
    (
        {"class_type": ["diagonal"] * 3, "max_edge_width": 1},
        r"min_edge_width: must be below `max_edge_width` / sqrt\(2\), rounded down, for "
        "'diagonal' images, but got 1, with max_edge_width=1",
    ),
    (
        {"max_edge_width": 28},
        "max_edge_width: must be narrower than the 28 pixels that edges can lie on in 'train' "
        "images, but got 28",
    ),
    ({**SHIFT, "max_edge_width": 14}, "the 14 pixels .*'train' .*\n.* the 14 pixels .*'valid'"),
    ({"min_edge_intensity": -0.1}, "min_edge_intensity: must be a number from 0 to 1, but got -0"),
    ({"max_edge_intensity": 1.5}, "max_edge_intensity: must be a number from 0 to 1, but got 1.5"),
    (
        {"max_edge_intensity": 0.2},
        "min_edge_intensity: must be at most `max_edge_intensity`, but got 0.25, with .*=0.2",
    ),
    ({"max_edge_intensity": float("nan")}, "max_edge_intensity: must be a number .* but got nan"),
    ({"max_edge_intensity": None}, "max_edge_intensity: must be a number .* but got None"),
    (
        {"min_background_intensity": 0.3},
        "min_background_intensity: must be at most `max_background_intensity`, but got 0.3, with",
    ),
    ({"max_background_intensity": 2}, "max_background_intensity: must be a number from 0 to 1"),
    (
        {"possible_edge_location_ratio": 0},
        "possible_edge_location_ratio: must be a number above 0 and at most 1, but got 0",
    ),
    ({"possible_edge_location_ratio": 1.1}, "ratio: must be a number above 0 .* but got 1.1"),
    ({"possible_edge_location_ratio": float("nan")}, "ratio: must be a number .* but got nan"),
    ({"num_horizontal_edge": 0}, "at least 1 for 'horizontal' and 'both' images, but got 0"),
    ({"num_horizontal_edge": -1}, f"num_horizontal_edge: {INTEGER} 0 .* but got -1"),
    ({"num_vertical_edge": 0}, "edge: must be at least 1 for 'vertical' and 'both' images, but"),
    (
        {"num_diagonal_edge": 0, "class_type": ["diagonal"] * 3},
        "num_diagonal_edge: must be at least 1 for 'diagonal' images, but got 0",
    ),
    (
        {"num_vertical_edge": 2},
        r"num_vertical_edge: must be at most `num_horizontal_edge` for 'vertical' images \(they "
        r"take only as many intensities as there are horizontal edges\), but got 2, with "
        "num_horizontal_edge=1",
    ),
    ({"use_permutation": 1}, "use_permutation: must be true or false, but got 1"),
    ({"use_permutation": True}, "permutater: must hold each index below .* but got None"),
    (
        {"use_permutation": True, "permutater": np.arange(783)},
        r"permutater: .*`spatial_resolution \*\* 2` = 784 once, but got 783 indices",
    ),
    (
        {"use_permutation": True, "permutater": [0, *ORDER[:-1]]},
        "784 once, but got other entries or some of them twice",
    ),
    ({"use_permutation": True, "permutater": [0.5] * 784}, "784 once, but got other entries"),
    (
        {"use_permutation": True, "permutater": ORDER, "unpermutater": ORDER[::-1]},
        "unpermutater: must be the inverse of `permutater`, but got another order",
    ),
    ({"overshoot": "cut"}, "overshoot: must be 'wrap' or 'clip', but got 'cut'"),
    ({"overshoot": ["cut"]}, r"overshoot: must be 'wrap' or 'clip', but got \['cut'\]"),
    (
        {"data_per_clas": 3},
        "data_per_clas: is not an option of the images; did you mean 'data_per_class'",
    ),
]


@pytest.mark.parametrize(("options", "message"), EDGE_FAULTS)
def test_a_wrong_option_is_one_clear_error_before_any_draw(options, message):
    rng = np.random.RandomState(0)
    with pytest.raises(InputError, match=message) as caught:
        data.draw(options, "train", rng)
    assert len(str(caught.value).splitlines()) == 1 + ("ratio" in str(options) and "\n" in message)
    assert same_state(rng, np.random.RandomState(0))


def test_all_faults_are_gathered():
    wrong = {
        "data_per_class": 0,
        "num_classes": 2,
        "class_type": ["vertical", "diagnal", "both"],
        "max_edge_intensity": float("nan"),
        "max_edge_width": 40,
        "num_vertical_edge": 2,
        "use_permutation": True,
        "overshoot": "x",
    }
    with pytest.raises(InputError) as caught:
        data.EdgeConfig.from_dict(wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 8
    for name in ("diagnal", *(set(wrong) - {"use_permutation"}), "permutater"):
        assert any(name in line for line in lines)


@pytest.mark.parametrize("split", ["val", "", None])
def test_an_unknown_split_is_refused(split):
    for function in (data.draw, data.draw_images, data.skip):
        with pytest.raises(InputError, match=r"unknown split .*(did you mean|known are)"):
            function({}, split, np.random.RandomState(0))


LIST = r"split\.train: must list the images per class of each training set, such as \[10, 30\]"
FAULTS = [
    ({"train": []}, rf"{LIST}, but got \[\]"),
    ({"train": "10"}, f"{LIST}, but got '10'"),
    ({"train": [10, 10]}, r"split\.train: must differ, but got \[10, 10\]"),
    ({"train": [10, 0]}, rf"{LIST}, but got \[10, 0\]"),
    ({"train": [{}]}, rf"{LIST}, but got \[\{{\}}\]"),
    ({"train": [True]}, rf"{LIST}, but got \[True\]"),
    ({"valid": 0}, rf"split\.valid: {INTEGER} 1 .* but got 0"),
    ({"test": 0.5}, rf"split\.test: {INTEGER} 1 .* but got 0.5"),
    ({"use_permutation": "yes"}, "use_permutation: must be true or false, but got 'yes'"),
    ({"data_per_class": 10}, "data_per_class: is not a question's to set"),
    ({"permutater": None}, "permutater: is not a question's to set"),
    ({"unpermutater": None}, "unpermutater: is not a question's to set"),
    ({"max_width": 3}, "max_width: is not an option of the images; did you mean 'max_edge_width'"),
    ({"max_edge_width": 0, "test": 0}, r"(?s)min_edge_width: .*split\.test: "),
    ({"max_width": 1, "num_classes": 2}, "(?s)max_width: is not .*num_classes: must be the num"),
]


@pytest.mark.parametrize(("options", "message"), FAULTS)
def test_a_wrong_document_is_one_clear_error(options, message):
    with pytest.raises(InputError, match=message):
        task(**options)


def test_a_question_needs_training_sets_and_draws_its_own_permutation():
    with pytest.raises(InputError, match=f"{LIST}, but got None"):
        data.EdgeDataset.from_dict({"from": "edges", "split": {}})
    permuted = data.EdgeConfig(use_permutation=True, permutater=ORDER)
    with pytest.raises(InputError, match=r"edges\.use_permutation: must be false"):
        data.EdgeDataset(permuted, (10,))


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (None, "split: must give the images of each set"),
        ({"train": 10, "per": "all"}, "split.per: must be 'class' for the edge images"),
        ({"train": 10, "tset": 10}, "split.tset: is not a key here; did you mean 'test'"),
    ],
)
def test_a_split_is_of_images_per_class(split, message):
    with pytest.raises(InputError, match=message):
        data.EdgeDataset.from_dict({"from": "edges", "split": split})


def test_a_task_of_old_is_the_same_document():
    old = {"max_edge_width": 3, "train_images": [5, 8], "valid_images": 4, "test_images": 20}
    assert data.open_dataset(data.document_of_task(old)) == task([5, 8], 4, 20, max_edge_width=3)


def test_the_schema_says_what_the_images_are():
    schema = task([5, 8], **Q6).schema
    assert (schema.train_sizes, schema.classes, schema.rows) == ((5, 8), tuple(FIVE), None)
    assert schema.size(1) == "1 image per class"
    assert schema.size(1000) == "1,000 images per class"
    assert data.DataSchema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize("seed", [-1, 2**53, 1.0, True, "10", None])
def test_a_seed_is_an_integer_that_json_holds_exactly(seed):
    message = rf"seed: {INTEGER} 0 to 2\*\*53 - 1, but got "
    with pytest.raises(InputError, match=message):
        data.replicate_data(task(), seed, 10)
    with pytest.raises(InputError, match=message):
        data.held_out_data(task(), seed)


@pytest.mark.parametrize("count", [0, -3, 2**32, 1.0, True])
def test_images_per_class_is_a_positive_integer(count):
    with pytest.raises(InputError, match=f"images_per_class: {INTEGER} 1"):
        data.replicate_data(task(), 10, count)


def test_a_whole_number_and_its_float_have_one_fingerprint():
    whole, written = (task(max_edge_intensity=intensity) for intensity in (1, 1.0))
    assert whole.fingerprint() == written.fingerprint()
