"""Modules that users may write, and for each whether its lanes run fused.

The table says what torch can do under ``vmap`` today; where an upgrade changes it, a test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint


class Kind(NamedTuple):
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    fused: bool
    outputs: int = 3


IMAGE, ROW, SERIES = (3, 8, 8), (8,), (5, 8)
S = nn.Sequential


class Fn(nn.Module):
    """A module of some layers and a function that uses them."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return self.function(self.layers, x)


class Last(nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.recurrent, self.head = recurrent, nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


class Cells(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        state = (torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0]))
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return self.head(state[0])


class Attention(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, dropout, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))


class Encoder(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Average(nn.Module):
    """Keeps a moving average in a buffer, written to or assigned."""

    def __init__(self, assigns):
        super().__init__()
        self.assigns, self.layer = assigns, nn.Linear(8, 3)
        self.register_buffer("average", torch.zeros(8))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x):
        if self.training:
            mean = x.detach().mean(0)
            if self.assigns:
                self.average = 0.9 * self.average + 0.1 * mean
                self.seen = self.seen + 1
            else:
                self.average.mul_(0.9).add_(mean, alpha=0.1)
                self.seen += 1
        return self.layer(x - self.average)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(8, 3), 0

    def forward(self, x):
        if self.training:
            self.calls += 1
        return self.layer(x) * (1 + 0.1 * self.calls)


class Remembering(nn.Module):
    """Keeps the last batch's mean in a plain attribute."""

    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.Linear(8, 3), torch.zeros(8)

    def forward(self, x):
        out = self.layer(x + self.last.to(x.dtype))
        if self.training:
            self.last = x.detach().mean(0)
        return out


class Listed(nn.Module):
    """Uses its weights through a list of its own."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 3)
        self.weights = [self.layer.weight, self.layer.bias]

    def forward(self, x):
        return F.linear(x, *self.weights)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.head(self.two(F.relu(self.one(x))))


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare = nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x):
        return self.used(x)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 3)
        self.body.requires_grad_(False)

    def forward(self, x):
        return self.head(F.relu(self.body(x)))


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


def conv(*more, channels=4):
    return S(nn.Conv2d(3, channels, 3), *more)


def head(features):
    return nn.Flatten(), nn.Linear(features, 3)


def relu_chain(layers, x):
    for layer in layers[:-1]:
        x = F.relu(layer(x))
    return layers[-1](x)


def unpooled(m, x):
    y, places = F.max_pool2d(m[0](x), 2, return_indices=True)
    return m[1](F.max_unpool2d(y, places, 2).mean((2, 3)))


def line():
    return nn.Linear(8, 3)


KINDS: dict[str, Kind] = {
    "MLP": Kind(lambda: S(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)), ROW, True),
    "ModuleList": Kind(
        lambda: Fn(relu_chain, nn.Linear(8, 8), nn.Linear(8, 8), line()), ROW, True
    ),
    "BatchNorm1d, Dropout": Kind(
        lambda: S(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 3)),
        ROW,
        True,
    ),
    "BatchNorm2d, Dropout": Kind(
        lambda: conv(nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), *head(36)),
        IMAGE,
        True,
    ),
    "BatchNorm2d without statistics": Kind(
        lambda: conv(nn.BatchNorm2d(4, track_running_stats=False), *head(144)), IMAGE, True
    ),
    "BatchNorm1d, momentum=None": Kind(
        lambda: S(nn.Linear(8, 6), nn.BatchNorm1d(6, momentum=None), nn.Linear(6, 3)), ROW, False
    ),
    "GroupNorm, SiLU, AdaptiveAvgPool2d": Kind(
        lambda: conv(nn.GroupNorm(2, 4), nn.SiLU(), nn.AdaptiveAvgPool2d(1), *head(4)), IMAGE, True
    ),
    "InstanceNorm2d": Kind(
        lambda: conv(nn.InstanceNorm2d(4, affine=True), *head(144)), IMAGE, True
    ),
    "LayerNorm, GELU, PReLU": Kind(
        lambda: S(nn.Linear(8, 8), nn.LayerNorm(8), nn.GELU(), nn.PReLU(), line()), ROW, True
    ),
    "depthwise, strided, dilated": Kind(
        lambda: S(
            nn.Conv2d(3, 6, 3, stride=2, groups=3),
            nn.Conv2d(6, 4, 3, dilation=2, padding_mode="reflect", padding=2),
            *head(36),
        ),
        IMAGE,
        True,
    ),
    "Conv1d": Kind(
        lambda: S(nn.Conv1d(5, 4, 3), nn.ReLU(), nn.AvgPool1d(2), *head(12)), SERIES, True
    ),
    "ConvTranspose2d, Upsample": Kind(
        lambda: conv(
            nn.ConvTranspose2d(4, 2, 2),
            nn.Upsample(scale_factor=2),
            nn.AdaptiveMaxPool2d(1),
            *head(2),
        ),
        IMAGE,
        True,
    ),
    "residual, Dropout2d": Kind(
        lambda: Fn(
            lambda m, x: m[2](m[1](x + F.relu(m[0](x))).mean((2, 3))),
            nn.Conv2d(3, 3, 3, padding=1),
            nn.Dropout2d(0.2),
            nn.Linear(3, 3),
        ),
        IMAGE,
        True,
    ),
    "F.dropout": Kind(
        lambda: Fn(lambda m, x: m[1](F.dropout(F.relu(m[0](x)), 0.3)), nn.Linear(8, 8), line()),
        ROW,
        True,
    ),
    "Dropout in place": Kind(
        lambda: S(nn.Linear(8, 8), nn.Dropout(0.3, inplace=True), nn.ReLU(), line()), ROW, True
    ),
    "AlphaDropout": Kind(
        lambda: S(nn.Linear(8, 8), nn.SELU(), nn.AlphaDropout(0.1), line()), ROW, True
    ),
    "FeatureAlphaDropout": Kind(
        lambda: conv(nn.SELU(), nn.FeatureAlphaDropout(0.2), *head(144)), IMAGE, True
    ),
    "randn_like": Kind(
        lambda: Fn(lambda m, x: m[0](x + 0.1 * torch.randn_like(x)), line()), ROW, True
    ),
    "rand of a shape": Kind(
        lambda: Fn(lambda m, x: m[0](x + 0.1 * torch.rand(x.shape, dtype=x.dtype)), line()),
        ROW,
        True,
    ),
    "Tensor.normal_": Kind(
        lambda: Fn(lambda m, x: m[0](x + torch.empty_like(x).normal_(0, 0.1)), line()), ROW, False
    ),
    "RNN": Kind(lambda: Last(nn.RNN(8, 8, batch_first=True)), SERIES, False),
    "GRU": Kind(lambda: Last(nn.GRU(8, 8, batch_first=True)), SERIES, False),
    "LSTM": Kind(lambda: Last(nn.LSTM(8, 8, batch_first=True)), SERIES, False),
    "LSTM with dropout": Kind(
        lambda: Last(nn.LSTM(8, 8, 2, batch_first=True, dropout=0.2)), SERIES, False
    ),
    "LSTMCell in a loop": Kind(Cells, SERIES, False),
    "MultiheadAttention": Kind(Attention, SERIES, True),
    "MultiheadAttention with dropout": Kind(lambda: Attention(0.2), SERIES, False),
    "TransformerEncoderLayer": Kind(lambda: Encoder(0.0), SERIES, True),
    "TransformerEncoderLayer with dropout": Kind(lambda: Encoder(0.1), SERIES, False),
    "Embedding": Kind(
        lambda: Fn(lambda m, x: m[1](m[0]((x * 9).long()).mean(1)), nn.Embedding(9, 8), line()),
        ROW,
        True,
    ),
    "EmbeddingBag": Kind(
        lambda: Fn(lambda m, x: m[1](m[0]((x * 9).long())), nn.EmbeddingBag(9, 8), line()),
        ROW,
        True,
    ),
    "weight_norm": Kind(
        lambda: S(parametrizations.weight_norm(nn.Linear(8, 8)), nn.ReLU(), line()), ROW, True
    ),
    "spectral_norm": Kind(
        lambda: S(parametrizations.spectral_norm(nn.Linear(8, 8)), nn.ReLU(), line()), ROW, False
    ),
    "if on data": Kind(
        lambda: Fn(lambda m, x: m[0](x) if x.sum() > 20 else 2 * m[0](x), line()), ROW, False
    ),
    ".item()": Kind(lambda: Fn(lambda m, x: m[0](x) * x.max().item(), line()), ROW, False),
    "mask of data": Kind(lambda: Fn(lambda m, x: m[0](x) + x[x > 0.5].mean(), line()), ROW, False),
    "numpy": Kind(
        lambda: Fn(lambda m, x: m[0](x) * float(x.detach().numpy().max()), line()), ROW, False
    ),
    "buffer written to": Kind(lambda: Average(False), ROW, True),
    "buffer assigned": Kind(lambda: Average(True), ROW, True),
    "counter in Python": Kind(Counting, ROW, False),
    "tensor in an attribute": Kind(Remembering, ROW, False),
    "weights in a list": Kind(Listed, ROW, False),
    "tied weights": Kind(Tied, ROW, True),
    "unused parameters": Kind(Unused, ROW, True),
    "frozen parameters": Kind(Frozen, ROW, True),
    "autograd.Function": Kind(lambda: Fn(lambda m, x: Square.apply(m[0](x)), line()), ROW, False),
    "checkpoint": Kind(
        lambda: Fn(
            lambda m, x: m[1](checkpoint(m[0], x, use_reentrant=False)), nn.Linear(8, 8), line()
        ),
        ROW,
        False,
    ),
    "max_unpool2d": Kind(
        lambda: Fn(unpooled, nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)), IMAGE, True
    ),
    "sort, cumsum, topk, einsum": Kind(
        lambda: Fn(
            lambda m, x: m[0](torch.einsum("bi,bi->bi", x.sort(1)[0].cumsum(1), x) + x.topk(1)[0]),
            line(),
        ),
        ROW,
        True,
    ),
    "one number, [B]": Kind(
        lambda: Fn(lambda m, x: m[0](x).squeeze(-1), nn.Linear(8, 1)), ROW, True, outputs=1
    ),
    "one number, [B, 1]": Kind(lambda: nn.Linear(8, 1), ROW, True, outputs=1),
}
