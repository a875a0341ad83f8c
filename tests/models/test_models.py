"""What is particular to some of the models; ``tests/contracts`` holds what all promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracles import PlainCNN, PlainMLP, PlainThreeLayerCNN

from ibsweep.errors import InputError
from ibsweep.models import MODELS, build, count_parameters
from ibsweep.training import LaneData, Trainer, TrainingSettings

SEEDS = [10, 7, 12345]


def images(lanes, batch, resolution=28):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(lanes, batch, 1, resolution, resolution, generator=generator)


def test_prepared_and_arranged_batches_give_the_same_logits():
    model = build("wider_cnn", SEEDS, kernel_size=5)
    x = images(3, 9)
    arranged = model.arrange(model.prepare(x))
    assert (
        arranged[:, 2:5]
        .transpose(0, 1)
        .flatten(1, 2)
        .is_contiguous(memory_format=torch.channels_last)
    )
    torch.testing.assert_close(model.forward_prepared(arranged[:, 2:5]), model(x[:, 2:5]))


def test_even_kernels_shrink_the_image_by_one():
    sizes = {k: v.shape[-1] for k, v in build("simple_cnn", [1]).features(images(1, 2)).items()}
    assert sizes == {"conv1": 27, "relu1": 27, "pool": 13, "conv2": 12, "relu2": 12, "mean": 3}


def test_features_of_an_mlp():
    model = build("three_layer_mlp", SEEDS, hidden_dim_1=8, hidden_dim_2=4)
    shapes = {name: tuple(f.shape) for name, f in model.features(images(3, 2)).items()}
    assert shapes == {"fc1": (3, 2, 8), "relu1": (3, 2, 8), "fc2": (3, 2, 4), "relu2": (3, 2, 4)}


def test_parameter_counts_are_the_notebooks():
    assert count_parameters(build("simple_cnn", [1, 2], kernel_size=7)) == 606
    assert (
        count_parameters(build("three_layer_mlp", [1], hidden_dim_1=50, hidden_dim_2=10)) == 39793
    )
    frozen = build("simple_cnn", [1, 2], kernel_size=7, freeze_conv=True)
    assert count_parameters(frozen) == 606
    assert count_parameters(frozen, only_trainable=True) == 3 * 3 + 3


def reference_edge_detectors(kernel_size, random_kernel):
    """The notebook's kernels, entry by entry."""
    k = kernel_size
    horizontal, vertical, none = (np.zeros((k, k), dtype=np.float32) for _ in range(3))
    if k == 2:
        horizontal[:] = [[1, 1], [-1, -1]]
        vertical[:] = [[1, -1], [1, -1]]
    elif k == 7:
        horizontal[2, :], horizontal[3, :] = 1, -1
        vertical[:, 2], vertical[:, 3] = 1, -1
        none = random_kernel
    else:
        for row in range(k):
            for column in range(k):
                dy, dx = row - (k - 1) // 2, column - (k - 1) // 2
                if (dx, dy) != (0, 0):
                    horizontal[row, column] = dx / float(dx * dx + dy * dy)
                    vertical[row, column] = dy / float(dx * dx + dy * dy)
    return np.stack([horizontal, vertical, none])


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 5, 7, 9])
def test_edge_detector_initialisation(kernel_size):
    model = build("simple_cnn", SEEDS, kernel_size=kernel_size, conv_init="edge_detector")
    for lane, seed in enumerate(SEEDS):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            plain = PlainCNN(3, kernel_size, 3)
        random_kernel = plain.conv1.weight[0, 0].detach().numpy()
        expected = reference_edge_detectors(kernel_size, random_kernel)
        state = model.lane_state_dict(lane)
        np.testing.assert_array_equal(state["conv1.weight"][:, 0].numpy(), expected)
        for channel in range(3):
            np.testing.assert_array_equal(state["conv2.weight"][:, channel].numpy(), expected)
        assert state["conv1.bias"].tolist() == state["conv2.bias"].tolist() == [0, 0, 0]
        assert torch.equal(state["fc.weight"], plain.fc.weight), "the classifier stays random"


def test_frozen_convolutions_have_no_gradient():
    model = build("simple_cnn", [1], kernel_size=3, freeze_conv=True)
    trainable = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trainable == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("wide_cnn", {}, "unknown model 'wide_cnn': did you mean 'wider_cnn'"),
        ("wider_cnn", {"num_filter": 3}, "did you mean 'num_filters'"),
        ("three_layer_cnn", {"pooling": "max"}, "three_layer_cnn has no option 'pooling'"),
        ("wider_cnn", {"kernel_size": 0}, "kernel_size"),
        ("wider_cnn", {"num_filters": -1}, "num_filters"),
        ("wider_cnn", {"pooling": "median"}, "pooling"),
        ("wider_cnn", {"kernel_size": 29}, "kernel_size=29 is too large for images of 28 pixels"),
        (
            "three_layer_cnn",
            {"kernel_size": 2, "resolution": 2},
            "too large for images of 2 pixels",
        ),
        ("wider_cnn", {"shape": (1, 40, 20), "kernel_size": 21}, "images of 40 x 20 pixels"),
        ("wider_cnn", {"shape": (13,)}, r"has the shape \(13,\); choose an MLP"),
        ("two_layer_mlp", {"shape": ()}, "shape"),
        ("two_layer_mlp", {"shape": (0,)}, "shape"),
        ("cnn", {"depth": 1, "kernel_size": 1, "resolution": 1}, "too small to be pooled"),
        ("wider_cnn", {"num_classes": 0}, "num_classes"),
        ("three_layer_mlp", {"hidden_dims": (5,)}, "did you mean 'hidden_dim_2'"),
        (
            "simple_cnn",
            {"kernel_size": 4, "conv_init": "edge_detector"},
            "kernel_size 2 and odd sizes, but got 4",
        ),
        ("simple_cnn", {"num_filters": 4, "conv_init": "edge_detector"}, "exactly 3 filters"),
    ],
)
def test_bad_options_say_what_is_right(name, options, message):
    with pytest.raises(InputError, match=message):
        build(name, [1], **options)


@pytest.mark.parametrize("seeds", [[], [-1], [2**63]])
def test_bad_seeds(seeds):
    with pytest.raises(InputError, match="seeds"):
        build("wider_cnn", seeds)


SHAPES = {
    "colour, not square": (3, 12, 20),
    "one channel, not square": (1, 20, 12),
    "colour": (3, 16, 16),
}


@pytest.mark.parametrize("use_kernels", [True, False])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("name", "options", "layers"),
    [
        ("simple_cnn", {"kernel_size": 3}, ["conv1", "conv2", "fc"]),
        ("deeper_cnn", {"kernel_size": 2}, ["conv1", "conv2", "conv3", "conv4", "fc1"]),
        ("three_layer_cnn", {"kernel_size": 5, "num_filters": 4}, ["conv1", "conv2", "fc1"]),
        ("two_layer_mlp", {}, ["fc1", "fc2"]),
    ],
)
def test_images_of_any_shape(name, options, layers, shape, use_kernels):
    """Trained by the kernels and by torch, against an ordinary module and torch.optim."""
    model = build(name, [1, 2], num_classes=4, shape=shape, **options)
    model.use_kernels = use_kernels
    start = [model.lane_state_dict(lane) for lane in range(2)]
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 7, *shape, generator=generator)
    data = LaneData(pixels, torch.randint(4, (2, 7), generator=generator))
    trainer = Trainer(model, TrainingSettings(0.05, 3), data, [4, 5])
    assert model.runs_in_kernels(trainer.inputs) == use_kernels
    trainer.run_to(2)
    for lane in range(2):
        if name == "two_layer_mlp":
            plain = PlainMLP([math.prod(shape), 10, 4])
        elif name == "three_layer_cnn":
            plain = PlainThreeLayerCNN(4, 5, 4)
        else:
            plain = PlainCNN(3, options["kernel_size"], 4, len(layers) - 1, head=layers[-1])
        if name != "two_layer_mlp":
            first = plain.conv1
            plain.conv1 = torch.nn.Conv2d(
                *(shape[0], first.out_channels, first.kernel_size),
                padding=first.padding,
                padding_mode=first.padding_mode,
            )
        assert list(dict(plain.named_children())) == layers
        plain.load_state_dict(start[lane])
        optimizer = torch.optim.SGD(plain.parameters(), lr=0.05, momentum=0.9)
        orders = torch.Generator().manual_seed(4 + lane)
        for _ in range(2):
            for batch in torch.randperm(7, generator=orders).split(3):
                optimizer.zero_grad()
                outputs = plain(data.inputs[lane, batch])
                torch.nn.functional.cross_entropy(outputs, data.targets[lane, batch]).backward()
                optimizer.step()
        own = model.lane_state_dict(lane)
        for key, value in plain.state_dict().items():
            torch.testing.assert_close(own[key], value, rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        fast = model(pixels)
        model.use_kernels = False
        torch.testing.assert_close(fast, model(pixels), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape"), [(name, (2, 14, 11)) for name in MODELS] + [("three_layer_mlp", (13,))]
)
def test_a_number_is_predicted_by_one_output(name, shape):
    model = build(name, SEEDS, num_classes=1, shape=shape)
    assert model.outputs == 1
    assert model(torch.rand(3, 4, *shape)).shape == (3, 4, 1)
    with torch.no_grad():
        assert model(torch.rand(3, 4, *shape)).shape == (3, 4, 1)


def test_detectors_and_frozen_convolutions_see_every_channel():
    options = {"kernel_size": 3, "conv_init": "edge_detector", "freeze_conv": True}
    model = build("simple_cnn", [1, 2], shape=(3, 9, 14), **options)
    weight = model.lane_state_dict(1)["conv1.weight"]
    assert weight.shape == (3, 3, 3, 3)
    assert torch.equal(weight, weight[:, :1].expand(3, 3, 3, 3))
    assert model(torch.rand(2, 4, 3, 9, 14)).shape == (2, 4, 3)


def test_the_notebooks_six_and_two_general_models():
    assert list(MODELS) == [
        "simple_cnn",
        "wider_cnn",
        "deeper_cnn",
        "three_layer_cnn",
        "two_layer_mlp",
        "three_layer_mlp",
        "cnn",
        "mlp",
    ]
    for name in MODELS:
        classes = MODELS[name].num_classes
        assert build(name, [1])(images(1, 1)).shape == (1, 1, classes)
