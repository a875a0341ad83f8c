"""Models of the user's own: what is read of them, and what is said where they are wrong."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
import torch
from torch import nn

from ibsweep.errors import InputError
from ibsweep.models.known import model_entry
from ibsweep.models.lookalike import lookalike
from ibsweep.models.own import own_model
from ibsweep.models.settings import known_settings, resolve
from ibsweep.training import LaneData, Trainer, TrainingSettings

S = nn.Sequential

NET = """
    from typing import Literal, Optional

    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(
            self,
            inputs,
            outputs,
            width: int,
            rate: float = 0.1,
            act: Literal["relu", "gelu"] = "relu",
            bias: bool = True,
            tag: str = "a",
            depth: Optional[int] = 1,
        ):
            super().__init__()
            size = inputs[0]
            layers = []
            for _ in range(depth):
                layers += [nn.Linear(size, width, bias=bias), nn.ReLU(), nn.Dropout(rate)]
                size = width
            self.net = nn.Sequential(*layers, nn.Linear(size, outputs))

        def forward(self, x):
            return self.net(x)
"""


def write(folder, text):
    (folder / "nets.py").write_text(dedent(text))
    return folder


def test_the_signature_is_the_schema(tmp_path):
    own = own_model("nets.py:Net", write(tmp_path, NET))
    assert own.takes == ("inputs", "outputs")
    assert list(own.options) == ["width", "rate", "act", "bias", "tag", "depth"]
    assert own.options["width"].default is None
    assert own.options["act"].rule == "'relu' or 'gelu'"
    assert not own.options["width"].accepts(1.5)
    schema = json.loads(json.dumps(own.schema()))
    assert dict(model_entry("nets.py:Net", schema).options) == own.options
    assert dict(model_entry("nets.py:Net", folder=tmp_path).options) == own.options
    assert model_entry("nets.py:Net", schema).family == "own"


def test_it_is_built_with_a_lane_a_seed(tmp_path):
    own = own_model("nets.py:Net", write(tmp_path, NET))
    model = own.build([3, 4], (5,), 2, {"width": 6, "depth": 2})
    assert model.fused
    assert model(torch.rand(2, 7, 5)).shape == (2, 7, 2)
    torch.manual_seed(4)
    plain = own.module((5,), 2, {"width": 6, "depth": 2})
    for key, value in model.lane_state_dict(1).items():
        assert torch.equal(value, plain.state_dict()[key])
    assert not own.build([3], (5,), 2, {"width": 6}, fused=False).fused


def test_lazy_layers_draw_their_weights_after_the_seed(tmp_path):
    folder = write(
        tmp_path,
        """
        from torch import nn

        def net(outputs):
            return nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(outputs))
        """,
    )
    one, other = (own_model("nets.py:net", folder).build([9], (1, 3, 4), 2, {}) for _ in range(2))
    assert one.get_parameter("1/weight").shape == (1, 4, 12)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net = 3", "must be a class or a function that returns an nn.Module, but is int"),
        (
            "def net(width): ...",
            r"(?s)width has no annotation; annotate it .*in nets.py:net\(width",
        ),
        ("def net(*args, **kwargs): ...", r"(?s)\*args could be anything.*\*\*kwargs could be"),
        ("def net(a: list = None): ...", "a is neither a number, a text nor a Literal"),
        ("def net(a: int = 'x'): ...", "a has the default 'x', but must be an integer"),
        ("def net(a: 'nowhere'): ...", "its signature cannot be read: name 'nowhere'"),
    ],
)
def test_a_signature_that_says_nothing_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        own_model("nets.py:net", write(tmp_path, text))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", "must return an nn.Module, but returned int"),
        ("return nn.Linear(5, 7)", r"must make \[4, 2\] \(2 classes\), but made \[4, 7\]"),
        ("return nn.LSTM(5, 2)", "but made tuple"),
        ("return nn.Linear(6, 2)", r"does not take a batch \[4, 5\] of examples: RuntimeError"),
        ("return nn.Linear(5, 2 // 0)", r"ZeroDivisionError: .*nets.py:5: return nn.Linear"),
        ("return nn.Linear(5, 2).to('cuda')", "it needs a GPU, which is not here"),
        ("return nn.Linear(5, 2, device='meta')", "puts tensors on meta by itself"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="one of them wants no GPU")
def test_a_module_that_cannot_be_used_is_refused(tmp_path, body, message):
    text = f"from torch import nn\n\n\ndef net():\n    {body}\n"
    own = own_model("nets.py:net", write(tmp_path, text))
    with pytest.raises(InputError, match=message):
        own.build([1], (5,), 2, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "width is missing; give an integer"),
        ({"width": 1.5}, "width: must be an integer, but got 1.5"),
        ({"width": 4, "rat": 1}, "has no option 'rat'; did you mean 'rate'"),
        ({"width": 4, "act": "tanh"}, "act: must be 'relu' or 'gelu', but got 'tanh'"),
        ({"width": -4}, r"cannot be built with \(width=-4, inputs=\(5,\), outputs=2\)"),
    ],
)
def test_options_that_are_wrong(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        own_model("nets.py:Net", write(tmp_path, NET)).build([1], (5,), 2, options)


def test_names_that_are_no_model():
    with pytest.raises(InputError, match=r"did you mean 'simple_cnn'.*file\.py:name"):
        model_entry("simple_cn")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (
            S(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3)),
            "two_layer_mlp {hidden_dim: 4}",
        ),
        (
            S(
                *[layer for _ in range(3) for layer in (nn.Linear(4, 4), nn.ReLU())],
                nn.Linear(4, 3),
            ),
            "mlp {depth: 3, width: 4}",
        ),
        (
            S(
                *(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
                *(nn.Flatten(), nn.Linear(8, 3)),
            ),
            "cnn {depth: 2, width: 8, kernel_size: 3, pooling: max}",
        ),
        (S(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)), None),
        (S(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)), None),
        (S(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)), None),
        (S(nn.Linear(6, 4).requires_grad_(False), nn.ReLU(), nn.Linear(4, 3)), None),
    ],
)
def test_a_built_in_model_in_disguise_is_named(module, name):
    assert lookalike(module) == name


def test_a_parameter_with_the_name_of_a_setting_of_training_is_refused(tmp_path):
    folder = write(tmp_path, "def net(lr: float = 1.0): ...")
    schema = own_model("nets.py:net", folder).schema()
    with pytest.raises(InputError, match="rename the parameter, such as lr to model_lr"):
        known_settings("nets.py:net", schema)


def test_settings_of_an_own_model_are_resolved(tmp_path):
    schema = own_model("nets.py:Net", write(tmp_path, NET)).schema()
    given = {"lr": 0.1, "epochs": 3, "batch_size": 4}
    settings = resolve("nets.py:Net", given, {"width": 8, "rate": 0}, schema)
    assert settings["width"] == 8
    assert settings["rate"] == 0.0
    assert settings["act"] == "relu"
    with pytest.raises(InputError, match=r"nets.py:Net: width: is missing; give an integer"):
        resolve("nets.py:Net", given, {}, schema)


def test_a_last_batch_of_one_example_joins_the_one_before_where_examples_are_compared(tmp_path):
    folder = write(
        tmp_path,
        """
        from torch import nn

        def net(outputs):
            layers = nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, outputs)
            return nn.Sequential(*layers)
        """,
    )

    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(2, 7, 5, generator=generator).double()
    targets = torch.randint(2, (2, 7), generator=generator)

    def trainer(batch_size):
        model = own_model("nets.py:net", folder).build([1, 2], (5,), 2, {}).double()
        settings = TrainingSettings(0.1, batch_size, momentum=0.0)
        return Trainer(model, settings, LaneData(inputs, targets), [4, 5])

    run = trainer(3)
    plain = own_model("nets.py:net", folder).module((5,), 2, {}).double()
    plain.load_state_dict(run.model.lane_state_dict(1))
    run.run_to(1)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(5))
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for batch in (order[:3], order[3:]):
        optimizer.zero_grad()
        outputs = plain(inputs[1, batch])
        torch.nn.functional.cross_entropy(outputs, targets[1, batch]).backward()
        optimizer.step()
    own = run.model.lane_state_dict(1)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(own[key], value)
    with pytest.raises(InputError, match="at least 2 in one, but batch_size=1"):
        trainer(1)
