"""Models of the user's own: what is read of them, and what is said where they are wrong."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
import torch

from ibsweep.errors import InputError
from ibsweep.models.known import model_entry
from ibsweep.models.own import own_model

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
