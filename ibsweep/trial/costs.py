"""What a model and its training cost, measured of the lanes that are trained.

Notation:
    L: lanes, B: examples of a batch
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ibsweep.models.base import LaneModel
    from ibsweep.training import LaneData

__all__ = ["step_flops"]


def step_flops(model: LaneModel, data: LaneData, batch_size: int) -> int:
    """Count the floating-point operations of a training step of one lane.

    They are those of one batch forward and backward, as ``torch.utils.flop_counter`` counts them:
    matrix products and convolutions, a multiplication and an addition being two. It costs a step
    whatever trains the model, and however many lanes there are.

    Args:
        model: A model of one lane, which no training has to go on with: a step changes what it
            keeps beside its weights.
        data: The training set of that lane.
        batch_size: Examples of a batch; where the lane has fewer, these are the batch.

    Example:
        >>> from ibsweep.models import build
        >>> from ibsweep.training import LaneData
        >>> model = build("two_layer_mlp", [0], num_classes=3, shape=(5,))  # 10 hidden units
        >>> data = LaneData(torch.ones(1, 20, 5), torch.zeros(1, 20, dtype=torch.int64))
        >>> step_flops(model, data, 4)  # the first layer's input needs no gradient
        1520
    """
    from torch.utils.flop_counter import FlopCounterMode

    size = min(batch_size, data.count)
    inputs = data.batch(torch.arange(size, device=data.targets.device).unsqueeze(0))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.train()
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(model(inputs).sum(), trained, allow_unused=True)
    return int(counter.get_total_flops())
