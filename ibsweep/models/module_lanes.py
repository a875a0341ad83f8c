"""Any ``nn.Module`` as L lanes, its parameters and buffers stacked.

Every lane is an ordinary module whose tensors are slices of the stacked ones. Fused, one of them
runs for all lanes under ``torch.func.vmap``; else they run one after another, each with whatever
state it keeps in Python. ``ibsweep.models.probe`` says which is right.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._C import _functorch
from torch.autograd.function import once_differentiable

from ibsweep.errors import InputError
from ibsweep.models.base import LaneModel
from ibsweep.models.noise import CounterNoise, key_of
from ibsweep.models.python_state import PythonState

__all__ = ["ModuleLanes", "seeded"]

# Where vmap has no rule for an operation it runs it lane by lane, and would tell every process.
_functorch._set_vmap_fallback_warning_enabled(False)  # type: ignore[attr-defined]


class ModuleLanes(LaneModel):
    """Lanes of a module that somebody else wrote.

    Args:
        make: Builds the module, its weights drawn from torch's global generator.
        seeds: One seed a lane.
        outputs: Number of classes; 1 where a number is predicted.
        fused: Whether all lanes run at once, which is right for most modules, or one by one.
        noisy: Whether a pass may draw random numbers, which then depend on lane and step alone.
        frozen: Names of further parameters that are not trained, such as those no pass uses.
        least_batch: Examples that a training batch must have at least.

    Raises:
        InputError: If not every seed makes tensors of the same names and shapes.

    Example:
        >>> model = ModuleLanes(lambda: nn.Linear(3, 2), seeds=[0, 1], outputs=2, fused=True)
        >>> model(torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 2])
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        seeds: Sequence[int | torch.Generator],
        *,
        outputs: int,
        fused: bool,
        noisy: bool = True,
        frozen: Sequence[str] = (),
        least_batch: int = 1,
    ) -> None:
        super().__init__(len(seeds), outputs)
        self.fused, self.noisy, self.least_batch = fused, noisy, least_batch
        self.steps = 0
        """Training passes so far."""
        self._make = make
        modules = self._made(seeds)
        # Not among the children: their tensors are slices of this module's own.
        self._lanes = _Apart(modules)
        self._names = [list(dict(found)) for found in _tensors(modules[0])]
        for kind, names in enumerate(self._names):
            for name in names:
                values = [dict(_tensors(module)[kind])[name] for module in modules]
                stacked = torch.stack([value.detach() for value in values])
                if kind == 0:
                    learns = values[0].requires_grad and name not in frozen
                    parameter = nn.Parameter(stacked, requires_grad=learns)
                    self.register_parameter(name.replace(".", "/"), parameter)
                else:
                    self.register_buffer(name.replace(".", "/"), stacked)
        self.register_buffer("lane/seeds", torch.zeros(self.lanes, dtype=torch.int64))
        self._remember(seeds)
        self._bind()

    def _made(self, seeds: Sequence[int | torch.Generator]) -> list[nn.Module]:
        modules = []
        for seed in seeds:
            with seeded(seed):
                modules.append(self._make())
        shapes = [
            [(name, tuple(value.shape)) for found in _tensors(module) for name, value in found]
            for module in modules
        ]
        for other in shapes[1:]:
            if other != shapes[0]:
                raise InputError(
                    "every seed must make a module with the same parameters, but these differ: "
                    f"{sorted({*shapes[0]} ^ {*other})}"
                )
        return modules

    def _remember(self, seeds: Sequence[int | torch.Generator]) -> None:
        numbers = [s if isinstance(s, int) else s.initial_seed() % 2**63 for s in seeds]
        self.get_buffer("lane/seeds").copy_(torch.tensor(numbers))
        self._seeds = numbers
        self._python = [PythonState(module) for module in self._lanes]

    def initialise(self, seeds: Sequence[int | torch.Generator]) -> None:
        """Build every lane's module anew after ``torch.manual_seed(seeds[i])``; see ``LaneModel``.

        The global generators of torch, NumPy and Python are as they were afterwards.
        """
        modules = self._made(seeds)
        with torch.no_grad():
            for lane, module in enumerate(modules):
                for name, value in itertools.chain(*_tensors(module)):
                    getattr(self, name.replace(".", "/"))[lane] = value
        device = self.get_buffer("lane/seeds").device
        self._lanes = _Apart(module.to(device) for module in modules)
        self.steps = 0
        self._remember(seeds)
        self._bind()

    def _bind(self) -> None:
        """Make the lanes' tensors slices of the stacked ones."""
        self._stacked = [
            [getattr(self, name.replace(".", "/")) for name in names] for names in self._names
        ]
        flat = [value.detach() for value in itertools.chain(*self._stacked)]
        self._slices: list[list[tuple[Tensor, Tensor]]] = []
        for lane, module in enumerate(self._lanes):
            own = [value for _, value in itertools.chain(*_tensors(module))]
            self._slices.append([(o, f[lane]) for o, f in zip(own, flat, strict=True)])
            for one, part in self._slices[lane]:
                one.data = part
            for parameter, stacked in zip(own, self._stacked[0], strict=False):
                parameter.requires_grad_(stacked.requires_grad)
        self._learned = [i for i, p in enumerate(self._stacked[0]) if p.requires_grad]
        self._places = _places(self._lanes[0])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ModuleLanes:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for module in self._lanes:
            module._apply(fn)  # type: ignore[no-untyped-call]
        self._bind()
        return self

    def train(self, mode: bool = True) -> ModuleLanes:
        """Set training mode, in every lane; what ``requires_grad`` says stays."""
        super().train(mode)
        for module in self._lanes:
            module.train(mode)
        return self

    def prepare(self, images: Tensor) -> Tensor:
        """Return the examples as they are: what can be done once is not known."""
        return images

    def forward_prepared(self, prepared: Tensor) -> Tensor:
        """Map examples ``[L, B, *shape]`` to outputs ``[L, B, K]``.

        In training mode this is a step: dropout draws new numbers at the next one.
        """
        if self.fused:
            outputs = self._run_fused(prepared)
        else:
            outputs = _OneByOne.apply(  # type: ignore[no-untyped-call]
                self, prepared, *self._stacked[0]
            )
        if self.training:
            self.steps += 1
        if outputs.dim() == 2:
            outputs = outputs.unsqueeze(2)
        return outputs

    def _run_fused(self, examples: Tensor) -> Tensor:
        parameters, buffers = self._stacked
        numbers = [key_of(seed, self.steps) for seed in self._seeds] if self.noisy else [None]
        if self.lanes == 1:  # vmap would cost more than a small model
            # squeezed, not indexed: the gradient of an index is filled with zeros first
            own, statistics = [p.squeeze(0) for p in parameters], [b.squeeze(0) for b in buffers]
            output, after = self._one(own, statistics, numbers[0], examples[0])
            outputs, after = output.unsqueeze(0), [value.unsqueeze(0) for value in after]
        else:
            keys = torch.tensor(numbers, device=examples.device) if self.noisy else None
            outputs, after = self._over_lanes(parameters, buffers, keys, examples)
        with torch.no_grad():
            for old, new in zip(buffers, after, strict=True):
                if new.data_ptr() != old.data_ptr():
                    old.copy_(new)
        return outputs

    def _over_lanes(
        self, parameters: list[Tensor], buffers: list[Tensor], keys: Tensor | None, x: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Run ``_one`` for all lanes at once, as ``torch.func.vmap`` would.

        That looks through all arguments for tensors at each step, a fifth of a small model's.
        """
        level = _functorch._vmap_increment_nesting(self.lanes, "error")
        try:
            parts = [
                [_functorch._add_batch_dim(value, 0, level) for value in values]
                for values in (parameters, buffers, [x] if keys is None else [x, keys])
            ]
            key = None if keys is None else parts[2][1]
            output, after = self._one(parts[0], parts[1], key, parts[2][0])
            outputs, *stacked = (
                _functorch._remove_batch_dim(value, level, self.lanes, 0)
                for value in (output, *after)
            )
        finally:
            _functorch._vmap_decrement_nesting()
        return outputs, stacked

    def _one(
        self, parameters: list[Tensor], buffers: list[Tensor], key: Tensor | int | None, x: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Run one lane in the first lane's module, as ``torch.func.functional_call`` would.

        That looks every name up anew at each step, and costs more than a small model.
        """
        values, places = [*parameters, *buffers], self._places
        own = [place[name] for place, name, _ in places]
        for place, name, i in places:
            place[name] = values[i]
        try:
            with nullcontext() if key is None else CounterNoise(key):
                outputs = self._lanes[0](x)
            found = {i: place[name] for place, name, i in places}
        finally:
            for (place, name, _), value in zip(places, own, strict=True):
                place[name] = value
        return outputs, [found[i] for i in range(len(parameters), len(values))]

    def _run_lane(self, lane: int, x: Tensor) -> Tensor:
        """Run one lane's own module."""
        module = self._lanes[lane]
        for own, part in self._slices[lane]:
            if own.data_ptr() != part.data_ptr():  # the module has laid its weights elsewhere
                own.data = part
        if self.noisy:
            key = key_of(self._seeds[lane], self.steps)
            with seeded(key), CounterNoise(key):
                outputs: Tensor = module(x)
        else:
            outputs = module(x)
        names = self._names[1]
        with torch.no_grad():
            # a buffer that was assigned, not written to, is a tensor of its own
            for i, name in enumerate(names):
                own, part = self._slices[lane][len(self._names[0]) + i]
                now = module.get_buffer(name)
                if now is not own or now.data_ptr() != part.data_ptr():
                    part.copy_(now)
                    own.data = part
                    owner, _, leaf = name.rpartition(".")
                    module.get_submodule(owner)._buffers[leaf] = own
        return outputs

    def lane_state_dict(self, lane: int) -> dict[str, Any]:
        """Return one lane's state dict as its own class has it, copied to the CPU."""
        return {
            name: value.detach().cpu().clone() if isinstance(value, Tensor) else value
            for name, value in self._lanes[lane].state_dict().items()
        }

    def get_extra_state(self) -> Tensor:
        """Return the step and what the lanes keep in Python, as bytes: a state dict's tensor."""
        state = {"steps": self.steps, "python": [one.changed() for one in self._python]}
        return torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Take over what ``get_extra_state`` returned."""
        found = json.loads(bytes(state.tolist()))
        self.steps = found["steps"]
        for one, changed in zip(self._python, found["python"], strict=True):
            one.restore(changed)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Continue where a state dict was taken."""
        result = super().load_state_dict(*args, **kwargs)
        self._seeds = self.get_buffer("lane/seeds").tolist()
        return result


class _Apart(list[nn.Module]):
    """The lanes' modules: no children, since their tensors are slices of the stacked ones."""


class _OneByOne(torch.autograd.Function):
    """All lanes' outputs, one lane after another, with gradients for the stacked parameters.

    The lanes' modules run with parameters of their own, whoever refers to them: recurrent layers
    keep lists of theirs.
    """

    @staticmethod
    def forward(ctx: Any, model: ModuleLanes, examples: Tensor, *parameters: Tensor) -> Tensor:
        graphs: list[tuple[Tensor, Tensor]] = []
        outputs: list[Tensor] = []
        wanted = any(ctx.needs_input_grad)
        for lane in range(model.lanes):
            with torch.set_grad_enabled(wanted):
                x = examples[lane].detach().requires_grad_(ctx.needs_input_grad[1])
                y = model._run_lane(lane, x)
            graphs.append((x, y))
            outputs.append(y.detach())
        ctx.model, ctx.graphs, ctx.parameters, ctx.examples = model, graphs, parameters, examples
        return torch.stack(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        model = ctx.model
        found = [torch.zeros_like(p) if p.requires_grad else None for p in ctx.parameters]
        of_examples = torch.zeros_like(ctx.examples) if ctx.needs_input_grad[1] else None
        for lane, (x, y) in enumerate(ctx.graphs):
            if not y.requires_grad:
                continue
            leaves = [model._slices[lane][i][0] for i in model._learned]
            wanted = leaves if of_examples is None else [*leaves, x]
            grads = torch.autograd.grad(y, wanted, gradient[lane], allow_unused=True)
            for i, grad in zip(model._learned, grads, strict=False):
                if grad is not None:
                    found[i][lane] = grad
            if of_examples is not None and grads[-1] is not None:
                of_examples[lane] = grads[-1]
        return None, of_examples, *found


def _tensors(module: nn.Module) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Tensor]]]:
    """Return the named parameters and buffers; those that are tied stand there once."""
    return list(module.named_parameters()), list(module.named_buffers())


def _places(module: nn.Module) -> list[tuple[dict[str, Any], str, int]]:
    """Return every place of a tensor: the dict, its key and the tensor's number, ties and all."""
    numbers = {id(value): i for i, (_, value) in enumerate(itertools.chain(*_tensors(module)))}
    return [
        (place, name, numbers[id(value)])
        for each in module.modules()
        for place in (each._parameters, each._buffers)
        for name, value in place.items()
        if value is not None
    ]


@contextmanager
def seeded(seed: int | torch.Generator) -> Iterator[None]:
    """Seed the global generators of torch, NumPy and Python, and leave them as they were.

    Args:
        seed: A seed; or a generator in place of torch's global one, which then moves on.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    pythons, numpys = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices):
        try:
            if isinstance(seed, int):
                torch.default_generator.manual_seed(seed)
                for _ in devices:
                    torch.cuda.manual_seed(seed)
            else:
                torch.default_generator.set_state(seed.get_state())
            number = seed if isinstance(seed, int) else seed.initial_seed()
            random.seed(number)
            np.random.seed(number % 2**32)
            yield
            if not isinstance(seed, int):
                seed.set_state(torch.default_generator.get_state())
        finally:
            random.setstate(pythons)
            np.random.set_state(numpys)
