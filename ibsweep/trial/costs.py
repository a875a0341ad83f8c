"""What a step of a model costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["step_flops"]


def step_flops(module: nn.Module, inputs: Tensor) -> int:
    """Count the floating-point operations of a training step.

    They are those of one batch forward and backward, as ``torch.utils.flop_counter`` counts them:
    matrix products and convolutions, a multiplication and an addition being two. So they are the
    same whatever trains the model, and however many lanes there are.

    Args:
        module: An ordinary module, or a model of one lane. No training has to go on with it: the
            step leaves gradients, and changes what it keeps beside its weights.
        inputs: A batch as it takes it.

    Example:
        >>> import torch
        >>> step_flops(torch.nn.Linear(5, 10), torch.ones(4, 5))  # forward, and its weights
        800
    """
    from torch.utils.flop_counter import FlopCounterMode

    module.train()
    with FlopCounterMode(display=False) as counter:
        module(inputs).sum().backward()
    return int(counter.get_total_flops())
