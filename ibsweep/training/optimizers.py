"""Optimisers with one learning rate, momentum and weight decay a lane.

Each repeats torch.optim's arithmetic for its lane: a lane ends where torch's own optimiser would
take the ordinary model. Hyperparameters are tensors ``[L]``; parameters and gradients are lists of
``[L, ...]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ibsweep.models.backend import OptimizerState

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "LaneOptimizer"]


class LaneOptimizer:
    """State and hyperparameters of an optimiser over lanes.

    Args:
        parameters: Tensors ``[L, ...]``, changed in place.
        lr: Learning rate of each lane, ``[L]``.
        momentum: Momentum of each lane (beta1 of Adam), ``[L]``.
        weight_decay: Weight decay of each lane, ``[L]``.
    """

    name: ClassVar[str]
    slots: ClassVar[tuple[str, ...]]
    """Names of the state tensors kept for every parameter."""

    def __init__(
        self, parameters: Sequence[Tensor], lr: Tensor, momentum: Tensor, weight_decay: Tensor
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.momentum, self.weight_decay = (
            lr.clone(),
            momentum.clone(),
            weight_decay.clone(),
        )
        self.steps = 0
        self.state = {
            slot: [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
            for slot in self.slots
        }

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update every parameter from its gradient."""
        raise NotImplementedError

    def plain(self) -> OptimizerState:
        """Return it as the compiled kernels take it; what they change is the optimiser's own."""
        return OptimizerState(
            name=self.name,
            steps=self.steps,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            state=list(self.state.values()),
        )

    def _views(self, per_lane: Tensor) -> list[Tensor]:
        """Shape ``[L]`` like each parameter: ``[L, 1, ...]``."""
        return [per_lane.view(-1, *[1] * (p.dim() - 1)) for p in self.parameters]

    def _decayed(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        if not self.weight_decay.any():
            return gradients
        return [
            torch.addcmul(g, p, decay)
            for g, p, decay in zip(
                gradients, self.parameters, self._views(self.weight_decay), strict=True
            )
        ]

    @torch.no_grad()
    def retire(self, lane: int) -> None:
        """Zero one lane's parameters and state for good: what was not finite harms nobody."""
        for values in (self.parameters, *self.state.values()):
            for value in values:
                value[lane] = 0
        self.lr[lane] = 0
        self.weight_decay[lane] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return everything that ``load_state_dict`` needs, as tensors and numbers."""
        return {
            "steps": self.steps,
            "lr": self.lr.clone(),
            "momentum": self.momentum.clone(),
            "weight_decay": self.weight_decay.clone(),
            "state": {slot: [v.clone() for v in values] for slot, values in self.state.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        self.steps = state["steps"]
        for name in ("lr", "momentum", "weight_decay"):
            getattr(self, name).copy_(state[name])
        for slot, values in self.state.items():
            for value, saved in zip(values, state["state"][slot], strict=True):
                value.copy_(saved)


class SGD(LaneOptimizer):
    """Stochastic gradient descent with heavy-ball momentum, as ``torch.optim.SGD``."""

    name = "sgd"
    slots = ("momentum_buffer",)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update: ``buffer = momentum * buffer + gradient``, ``parameter -= lr * buffer``."""
        buffers = self.state["momentum_buffer"]
        # buffers start at zero, so the first step leaves the bare gradient in them, as torch's
        # does
        torch._foreach_mul_(buffers, self._views(self.momentum))
        torch._foreach_add_(buffers, list(self._decayed(gradients)))
        torch._foreach_sub_(self.parameters, torch._foreach_mul(buffers, self._views(self.lr)))
        self.steps += 1


class Adam(LaneOptimizer):
    """Adam, as ``torch.optim.Adam`` with ``betas=(momentum, 0.999)`` and ``eps=1e-8``."""

    name = "adam"
    slots = ("mean", "mean_square")
    beta2 = 0.999
    eps = 1e-8
    decoupled_weight_decay = False

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update from bias-corrected first and second moments."""
        self.steps += 1
        if self.decoupled_weight_decay:
            keep = 1 - self.lr * self.weight_decay
            torch._foreach_mul_(self.parameters, self._views(keep))
        else:
            gradients = self._decayed(gradients)
        gradients = list(gradients)
        means, squares = self.state["mean"], self.state["mean_square"]
        torch._foreach_lerp_(means, gradients, self._views(1 - self.momentum))
        torch._foreach_mul_(squares, self.beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - self.beta2)
        rates = self.lr / (1 - self.momentum**self.steps)  # [L]
        denominators = torch._foreach_sqrt(squares)
        torch._foreach_div_(denominators, (1 - self.beta2**self.steps) ** 0.5)
        torch._foreach_add_(denominators, self.eps)
        updates = torch._foreach_div(means, denominators)
        torch._foreach_mul_(updates, self._views(rates))
        torch._foreach_sub_(self.parameters, updates)


class AdamW(Adam):
    """Adam with decoupled weight decay, as ``torch.optim.AdamW``."""

    name = "adamw"
    decoupled_weight_decay = True


OPTIMIZERS: Mapping[str, type[LaneOptimizer]] = {cls.name: cls for cls in (SGD, Adam, AdamW)}
