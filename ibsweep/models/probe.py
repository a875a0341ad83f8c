"""Whether the lanes of a module may run fused: tried, by training it both ways.

Under ``vmap`` most modules compute just what they compute alone. Some raise an error there, and
some go wrong in silence: those that keep state in Python, or hold weights in lists of their own.
So a few steps are trained lane after lane, fused, and fused alone, in float64, and compared.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ibsweep.models.module_lanes import ModuleLanes, seeded
from ibsweep.models.noise import CounterNoise
from ibsweep.models.python_state import PythonState

__all__ = ["Verdict", "probe"]

_SEEDS = (1, 2, 3)
_BATCHES = (5, 5, 3, 5)


class Verdict(NamedTuple):
    """What was found out about a module.

    Attributes:
        fused: Whether its lanes run fused.
        why: In words for users.
        noisy: Whether it draws random numbers in training.
        unused: Names of parameters that no pass uses, and torch.optim would not touch.
        least_batch: Examples that a training batch must have at least.
    """

    fused: bool
    why: str
    noisy: bool
    unused: tuple[str, ...]
    least_batch: int


def probe(make: Callable[[], nn.Module], shape: Sequence[int], outputs: int) -> Verdict:
    """Train a few steps of a module in every way, and compare.

    Args:
        make: Builds the module.
        shape: Shape of one example.
        outputs: Number of its outputs.

    Returns:
        What was found.

    Raises:
        Exception: Whatever the module raises where it runs alone.

    Example:
        >>> probe(lambda: nn.Linear(3, 2), (3,), 2).fused
        True
    """
    dtype, alone, noisy, unused = _looped(make, shape, outputs)
    least_batch = _least_batch(make, shape, outputs)

    def verdict(fused: bool, why: str) -> Verdict:
        return Verdict(fused, why, noisy, unused, least_batch)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = _model(make, _SEEDS, outputs, dtype, fused=True, frozen=unused)
            company = _train(model, shape, range(len(_SEEDS)))
            state = PythonState.changed(model._python[0])
            if state:
                names = ", ".join(f"self.{name}" for name in sorted(state))
                return verdict(False, f"keeps state in Python ({names}), which is each lane's own")
            single = _model(make, _SEEDS[1:2], outputs, dtype, fused=True, frozen=unused)
            apart = _train(single, shape, [1])
    except Exception as error:  # noqa: BLE001  whatever the module does under vmap
        return verdict(False, _in_words(error, model_of(make)))
    tolerance = 1e-8 if dtype == torch.float64 else 1e-3
    if not _equal(alone, company, tolerance):
        return verdict(False, _recurrent(model_of(make)) or "computes something else under vmap")
    if not _equal([t[1:2] for t in company], apart, tolerance):
        return verdict(False, "a lane's results depend on its company under vmap")
    return verdict(True, "all lanes at once give what each gives alone")


def model_of(make: Callable[[], nn.Module]) -> nn.Module:
    """Build the module, the global generators left alone."""
    with seeded(0):
        return make()


def _model(
    make: Callable[[], nn.Module],
    seeds: Sequence[int],
    outputs: int,
    dtype: torch.dtype,
    *,
    fused: bool,
    frozen: Sequence[str] = (),
) -> ModuleLanes:
    return ModuleLanes(make, seeds, outputs=outputs, fused=fused, frozen=frozen).to(dtype)


def _looped(
    make: Callable[[], nn.Module], shape: Sequence[int], outputs: int
) -> tuple[torch.dtype, list[Tensor], bool, tuple[str, ...]]:
    """Train lane after lane, in float64 where the module can; find noise and unused parameters."""
    for dtype in (torch.float64, torch.float32):
        try:
            model = _model(make, _SEEDS, outputs, dtype, fused=False)
            unused, noisy = _unused(model, shape, dtype)
            model = _model(make, _SEEDS, outputs, dtype, fused=False, frozen=unused)
            return dtype, _train(model, shape, range(len(_SEEDS))), noisy, unused
        except Exception:
            if dtype == torch.float32:
                raise
    raise AssertionError


def _examples(shape: Sequence[int], step: int, lane: int, dtype: torch.dtype) -> Tensor:
    """Return a batch in [0, 1): ids of an embedding may be made of it."""
    generator = torch.Generator().manual_seed(1000 * step + lane)
    return torch.rand(_BATCHES[step], *shape, generator=generator).to(dtype)


def _unused(
    model: ModuleLanes, shape: Sequence[int], dtype: torch.dtype
) -> tuple[tuple[str, ...], bool]:
    module, examples = model.train()._lanes[0], _examples(shape, 0, 0, dtype)
    with seeded(0):
        before = _generators()
        with CounterNoise(1) as noise:
            loss = module(examples).square().sum()
        noisy = noise.drawn > 0 or before != _generators()
    learned = {n: p for n, p in module.named_parameters() if p.requires_grad}
    if not learned:
        return (), noisy
    grads = torch.autograd.grad(loss, list(learned.values()), allow_unused=True)
    kind = nn.modules.dropout._DropoutNd
    dropouts = any(isinstance(m, kind) and m.p > 0 for m in module.modules())
    unused = tuple(name for name, grad in zip(learned, grads, strict=True) if grad is None)
    return unused, noisy or dropouts


def _generators() -> tuple[object, ...]:
    """Return the state of the global generators, to see whether one has moved."""
    numpys = np.random.get_state(legacy=False)
    return torch.get_rng_state().tolist(), random.getstate(), str(numpys)


def _train(model: ModuleLanes, shape: Sequence[int], lanes: Sequence[int]) -> list[Tensor]:
    """Train a few steps of SGD; return all outputs, then parameters and buffers, ``[L, ...]``."""
    model.train()
    dtype = next((p.dtype for p in model.parameters()), torch.float64)
    parameters = [p for p in model.parameters() if p.requires_grad]
    found = []
    for step in range(len(_BATCHES)):
        examples = torch.stack([_examples(shape, step, lane, dtype) for lane in lanes])
        outputs = model(examples)
        found.append(outputs.detach())
        if parameters:
            loss = (outputs - 0.5).square().mean((1, 2)).sum()
            with torch.no_grad():
                for parameter, grad in zip(
                    parameters, torch.autograd.grad(loss, parameters), strict=True
                ):
                    parameter.sub_(0.05 * grad)
    model.eval()
    with torch.no_grad():
        found.append(model(examples))
    for name in (*model._names[0], *model._names[1]):
        found.append(getattr(model, name.replace(".", "/")).detach().clone())
    return found


def _equal(one: Sequence[Tensor], other: Sequence[Tensor], tolerance: float) -> bool:
    return all(
        torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def _least_batch(make: Callable[[], nn.Module], shape: Sequence[int], outputs: int) -> int:
    """Return 2 where a batch of one cannot be trained, as with BatchNorm."""
    model = ModuleLanes(make, [1], outputs=outputs, fused=False).train()
    try:
        model(torch.zeros(1, 1, *shape))
    except ValueError as error:
        if "more than 1 value" in str(error):
            return 2
        raise
    return 1


_WORDS = {
    ".item()": "reads a tensor's value in Python (.item(), float() or an `if` on data)",
    "data-dependent control flow": "decides by the data what it computes (an `if` on a tensor)",
    "randomness": "draws random numbers in a way that lanes cannot follow",
    "numpy": "hands tensors to NumPy",
    "data pointer": "hands tensors to NumPy or to other code outside torch",
    "used in the graph": "does not reach all of its weights through its modules' attributes",
    "escaped": "computes again later what vmap has left by then (checkpoints)",
    "Batching rule not implemented": "uses an operation that vmap cannot batch",
    "dynamic shape": "makes tensors whose shape depends on the data",
    "data-dependent output shape": "makes tensors whose shape depends on the data",
    "setup_context": "uses an autograd.Function without `setup_context` and `vmap`",
}


def _in_words(error: Exception, module: nn.Module) -> str:
    if found := _recurrent(module):
        return found
    text = str(error)
    for part, words in _WORDS.items():
        if part in text:
            return words
    first = text.strip().splitlines()[0][:160] if text.strip() else ""
    return f"cannot run under vmap ({type(error).__name__}: {first})"


def _recurrent(module: nn.Module) -> str | None:
    for each in module.modules():
        if isinstance(each, nn.RNNBase):
            return f"nn.{type(each).__name__} keeps its weights where vmap cannot follow"
    return None
