"""Counts by true and predicted class, which several metrics are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["confusion"]


def confusion(outputs: Tensor, targets: Tensor) -> Tensor:
    """Count by lane, true class and predicted class.

    Args:
        outputs: Logits ``[L, N, K]``.
        targets: Positions of classes ``[L, N]``.

    Returns:
        int64 ``[L, K, K]``.
    """
    import torch

    lanes, _, classes = outputs.shape
    cells = targets * classes + outputs.argmax(2)
    cells += classes**2 * torch.arange(lanes, device=cells.device).unsqueeze(1)
    counts = torch.bincount(cells.flatten(), minlength=lanes * classes**2)
    return counts.view(lanes, classes, classes)
