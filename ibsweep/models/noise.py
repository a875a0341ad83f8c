"""Random numbers of a lane's forward pass from a counter: the same in any company.

A lane's numbers depend on its own key and on which number of the pass they are, on nothing else:
not on the other lanes, nor on the device. ``CounterNoise`` puts them in place of those that
dropout and torch's random functions would draw from the global generator.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["CounterNoise", "key_of"]

_MASK = 0xFFFFFFFF
_SELU = -1.7580993408473766  # the value of SELU far to the left: scale * -alpha


def key_of(seed: int, step: int) -> int:
    """Return the 32-bit key of a lane's pass from its seed and the number of steps before it."""
    value = (seed ^ (seed >> 32)) * 0x9E3779B1 + step * 0x85EBCA6B
    for _ in range(2):
        value = ((value ^ (value >> 16)) * 0x7FEB352D) & _MASK
        value = ((value ^ (value >> 15)) * 0x846CA68B) & _MASK
    return value ^ (value >> 16)


class CounterNoise(TorchFunctionMode):
    """Within it, dropout and torch's random functions take their numbers from a counter.

    Args:
        key: Of the lane and its step: an integer, or under ``vmap`` a tensor of one.
    """

    def __init__(self, key: Tensor | int) -> None:
        super().__init__()
        self.key = key
        self.drawn = 0
        """How many numbers were drawn."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ``func``, or what stands in its place."""
        del types
        kwargs = kwargs or {}
        stand_in = _STAND_INS.get(func)
        if stand_in is None or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        return stand_in(self, *args, **kwargs)

    def uniform(self, shape: tuple[int, ...], like: Mapping[str, Any]) -> Tensor:
        """Draw numbers in [0, 1)."""
        count = math.prod(shape)
        places = torch.arange(self.drawn, self.drawn + count, device=like["device"])
        self.drawn += count
        # lowbias32, in 64 bits; in place from the first number on that is each lane's own
        x = (places.mul_(0x9E3779B1) + self.key).bitwise_and_(_MASK)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            x.bitwise_xor_(x >> shift).mul_(factor).bitwise_and_(_MASK)
        x.bitwise_xor_(x >> 16)
        # 24 bits are exact in float32, and less than 1
        return (x >> 8).to(like["dtype"]).div_(2**24).reshape(shape)

    def normal(self, shape: tuple[int, ...], like: Mapping[str, Any]) -> Tensor:
        """Draw numbers of the standard normal distribution, by Box and Muller."""
        radius = (1 - self.uniform(shape, like)).log().mul(-2).sqrt()
        return radius * (2 * math.pi * self.uniform(shape, like)).cos()


def _like(x: Tensor) -> dict[str, Any]:
    dtype = x.dtype if x.dtype in (torch.float32, torch.float64) else torch.float32
    return {"device": x.device, "dtype": dtype}


def _kept(noise: CounterNoise, x: Tensor, p: float, by_channel: int) -> Tensor:
    """Return 1 for what stays and 0 for what goes; with ``by_channel`` dims, channels whole."""
    shape = tuple(x.shape)
    if by_channel:
        shape = (*shape[:by_channel], *[1] * (x.dim() - by_channel))
    return (noise.uniform(shape, _like(x)) >= p).to(x.dtype)


def _dropout(
    noise: CounterNoise,
    x: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    batched: int | None = None,
    **kwargs: Any,
) -> Tensor:
    """Stand in for the kinds of dropout; ``batched`` is the dims of a batch where channels go."""
    training = kwargs.get("train", training)
    if not training or p == 0:
        return x
    channels = 0 if batched is None else 2 if x.dim() >= batched else 1
    factor = _kept(noise, x, p, channels) / (1 - p) if p < 1 else torch.zeros_like(x)
    return x.mul_(factor) if inplace else x * factor


def _alpha_dropout(
    noise: CounterNoise,
    x: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    by_channel: int = 0,
) -> Tensor:
    if not training or p == 0:
        return x
    keep = _kept(noise, x, p, by_channel)
    scale = 0.0 if p == 1 else ((1 - p) * (1 + p * _SELU**2)) ** -0.5
    out = scale * (x * keep + _SELU * (1 - keep)) - scale * _SELU * p
    return x.copy_(out) if inplace else out


def _by_keyword(stand_in: Callable[..., Tensor], **fixed: Any) -> Callable[..., Tensor]:
    def call(noise: CounterNoise, *args: Any, **kwargs: Any) -> Tensor:
        if "input" in kwargs:
            args = (kwargs.pop("input"), *args)
        drawn: Tensor = stand_in(noise, *args, **fixed, **kwargs)
        return drawn

    return call


def _drawn_like(noise: CounterNoise, x: Tensor, *, normal: bool, **kwargs: Any) -> Tensor:
    like = _like(x)
    shape = tuple(x.shape)
    drawn = noise.normal(shape, like) if normal else noise.uniform(shape, like)
    return _finished(drawn, x.dtype, kwargs)


def _drawn(noise: CounterNoise, *size: Any, normal: bool, **kwargs: Any) -> Tensor:
    given = kwargs.pop("size", size)
    shape = tuple(given[0]) if len(given) == 1 and not isinstance(given[0], int) else tuple(given)
    like = {"device": kwargs.get("device") or "cpu", "dtype": torch.float32}
    drawn = noise.normal(shape, like) if normal else noise.uniform(shape, like)
    return _finished(drawn, torch.get_default_dtype(), kwargs)


def _finished(drawn: Tensor, dtype: torch.dtype, kwargs: Mapping[str, Any]) -> Tensor:
    drawn = drawn.to(kwargs.get("device"), kwargs.get("dtype") or dtype)
    return drawn.requires_grad_() if kwargs.get("requires_grad") else drawn


def _bernoulli(noise: CounterNoise, p: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    chance = args[0] if args else kwargs.get("p", p)
    below: Tensor = noise.uniform(tuple(p.shape), _like(p)) < chance
    return below.to(p.dtype)


_STAND_INS: Mapping[Callable[..., Any], Callable[..., Tensor]] = {
    F.dropout: _by_keyword(_dropout),
    torch.dropout: _by_keyword(_dropout),
    F.dropout1d: _by_keyword(_dropout, batched=3),
    F.dropout2d: _by_keyword(_dropout, batched=3),
    F.dropout3d: _by_keyword(_dropout, batched=5),
    F.alpha_dropout: _by_keyword(_alpha_dropout),
    F.feature_alpha_dropout: _by_keyword(_alpha_dropout, by_channel=2),
    torch.rand_like: _by_keyword(_drawn_like, normal=False),
    torch.randn_like: _by_keyword(_drawn_like, normal=True),
    torch.rand: functools.partial(_drawn, normal=False),
    torch.randn: functools.partial(_drawn, normal=True),
    torch.bernoulli: _by_keyword(_bernoulli),
}
