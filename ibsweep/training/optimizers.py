"""Optimisers with one learning rate, momentum and weight decay a lane.

Each repeats torch.optim's arithmetic for its lane: a lane ends where torch's own optimiser would
take the ordinary model. Hyperparameters are tensors ``[L]``; parameters and gradients are lists of
``[L, ...]``. A parameter without a gradient is left as it is, as by torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ibsweep.models.backend import OptimizerState

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "LaneOptimizer", "clip_by_lane"]

Tensors = list[Tensor]


class LaneOptimizer:
    """State and hyperparameters of an optimiser over lanes.

    Args:
        parameters: Tensors ``[L, ...]``, changed in place.
        lr: Learning rate of each lane, ``[L]``.
        momentum: Momentum of each lane (beta1 of Adam), ``[L]``.
        weight_decay: Weight decay of each lane, ``[L]``.
        nesterov: Whether SGD looks ahead, as by Nesterov; nothing to Adam.
        beta2: Adam's second beta, one number or one a lane; nothing to SGD.
    """

    name: ClassVar[str]
    slots: ClassVar[tuple[str, ...]]
    """Names of the state tensors kept for every parameter."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: Tensor,
        momentum: Tensor,
        weight_decay: Tensor,
        *,
        nesterov: bool = False,
        beta2: float | Sequence[float] = 0.999,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.momentum, self.weight_decay = (
            lr.clone(),
            momentum.clone(),
            weight_decay.clone(),
        )
        self.nesterov = nesterov
        self.beta2 = beta2
        self._decays = bool(weight_decay.any())
        self.steps = 0
        self.state = {
            slot: [torch.zeros_like(p, requires_grad=False) for p in self.parameters]
            for slot in self.slots
        }

    @property
    def plain(self) -> bool:
        """Whether the compiled kernels have all of it."""
        return True

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], factor: float | Tensor = 1.0) -> None:
        """Update every parameter that has a gradient.

        Args:
            gradients: One for each parameter, or None.
            factor: What the schedule multiplies the learning rate by, one number or ``[L]``.
        """
        self.steps += 1
        present = [gradient for gradient in gradients if gradient is not None]
        parameters, state = self.parameters, list(self.state.values())
        if len(present) < len(parameters):
            used = [i for i, gradient in enumerate(gradients) if gradient is not None]
            parameters = [parameters[i] for i in used]
            state = [[values[i] for i in used] for values in state]
        if present:
            self._update(parameters, present, state, self._rate(factor))

    def _update(
        self, parameters: Tensors, gradients: Tensors, state: Sequence[Tensors], lr: Tensor
    ) -> None:
        """Do a step; ``state`` holds each slot's tensors, ``lr`` is ``[L]``."""
        raise NotImplementedError

    def _rate(self, factor: float | Tensor) -> Tensor:
        return self.lr if isinstance(factor, float) and factor == 1 else self.lr * factor

    def in_kernels(self, factor: float | Tensor) -> OptimizerState:
        """Return it as the compiled kernels take it; what they change is the optimiser's own."""
        return OptimizerState(
            name=self.name,
            steps=self.steps,
            lr=self._rate(factor),
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            state=list(self.state.values()),
        )

    def _decayed(self, gradients: Tensors, parameters: Tensors) -> Tensors:
        if not self._decays:
            return gradients
        return [
            torch.addcmul(g, p, decay)
            for g, p, decay in zip(
                gradients, parameters, _views(self.weight_decay, parameters), strict=True
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
    """Stochastic gradient descent with heavy-ball momentum, as ``torch.optim.SGD``.

    With ``nesterov``, a lane whose momentum is 0 takes plain steps, where torch refuses it.
    """

    name = "sgd"
    slots = ("momentum_buffer",)

    @property
    def plain(self) -> bool:
        """Whether the compiled kernels have all of it."""
        return not self.nesterov

    def _update(
        self, parameters: Tensors, gradients: Tensors, state: Sequence[Tensors], lr: Tensor
    ) -> None:
        """Update: ``buffer = momentum * buffer + gradient``, ``parameter -= lr * buffer``."""
        (buffers,) = state
        momentum = _views(self.momentum, parameters)
        decayed = self._decayed(gradients, parameters)
        # buffers start at zero, so the first step leaves the bare gradient in them, as torch's
        # does
        torch._foreach_mul_(buffers, momentum)
        torch._foreach_add_(buffers, decayed)
        if self.nesterov:
            ahead = torch._foreach_mul(buffers, momentum)
            buffers = list(torch._foreach_add(decayed, ahead))
        torch._foreach_sub_(parameters, torch._foreach_mul(buffers, _views(lr, parameters)))


class Adam(LaneOptimizer):
    """Adam, as ``torch.optim.Adam`` with ``betas=(momentum, beta2)`` and ``eps=1e-8``."""

    name = "adam"
    slots = ("mean", "mean_square")
    eps = 1e-8
    decoupled_weight_decay = False

    @property
    def plain(self) -> bool:
        """Whether the compiled kernels have all of it."""
        return self.beta2 == 0.999

    def _update(
        self, parameters: Tensors, gradients: Tensors, state: Sequence[Tensors], lr: Tensor
    ) -> None:
        """Update from bias-corrected first and second moments."""
        if self.decoupled_weight_decay:
            torch._foreach_mul_(parameters, _views(1 - lr * self.weight_decay, parameters))
        else:
            gradients = self._decayed(gradients, parameters)
        means, squares = state
        torch._foreach_lerp_(means, gradients, _views(1 - self.momentum, parameters))
        denominators = self._root_mean_squares(squares, gradients)
        torch._foreach_add_(denominators, self.eps)
        updates = torch._foreach_div(means, denominators)
        rates = lr / (1 - self.momentum**self.steps)  # [L]
        torch._foreach_mul_(updates, _views(rates, parameters))
        torch._foreach_sub_(parameters, updates)

    def _root_mean_squares(self, squares: Tensors, gradients: list[Tensor]) -> list[Tensor]:
        """Bring the second moments up to date; return their roots, corrected for their bias."""
        if isinstance(self.beta2, float):
            torch._foreach_mul_(squares, self.beta2)
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - self.beta2)
            roots = torch._foreach_sqrt(squares)
            torch._foreach_div_(roots, (1 - self.beta2**self.steps) ** 0.5)
            return list(roots)
        beta2 = torch.tensor(self.beta2, dtype=torch.float64, device=self.lr.device)
        bias = (1 - beta2**self.steps).sqrt().to(self.lr.dtype)
        kept, new = beta2.to(self.lr.dtype), (1 - beta2).to(self.lr.dtype)
        torch._foreach_mul_(squares, _views(kept, squares))
        parts = torch._foreach_mul(gradients, _views(new, squares))
        torch._foreach_addcmul_(squares, gradients, parts)
        return list(torch._foreach_div(torch._foreach_sqrt(squares), _views(bias, squares)))


class AdamW(Adam):
    """Adam with decoupled weight decay, as ``torch.optim.AdamW``."""

    name = "adamw"
    decoupled_weight_decay = True


OPTIMIZERS: Mapping[str, type[LaneOptimizer]] = {cls.name: cls for cls in (SGD, Adam, AdamW)}


def clip_by_lane(gradients: Sequence[Tensor | None], most: Tensor) -> list[Tensor | None]:
    """Scale each lane's gradients to a norm, as ``torch.nn.utils.clip_grad_norm_`` does alone.

    Args:
        gradients: Of every parameter, ``[L, ...]``.
        most: The largest norm of each lane's gradients together, ``[L]``; 0 leaves them.
    """
    present = [g for g in gradients if g is not None]
    norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in present])
    share = (most / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1)
    share = torch.where(most > 0, share, 1.0)
    return [g if g is None else g * share.view(-1, *[1] * (g.dim() - 1)) for g in gradients]


def _views(per_lane: Tensor, parameters: Tensors) -> list[Tensor]:
    """Shape ``[L]`` like each parameter: ``[L, 1, ...]``."""
    dims = [p.dim() for p in parameters]
    shaped = {dim: per_lane.view(-1, *[1] * (dim - 1)) for dim in {*dims}}
    return [shaped[dim] for dim in dims]
