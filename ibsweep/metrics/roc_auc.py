"""Area under the ROC curve: of two examples, how often the right one gets the higher score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ROC_AUC"]


def _roc_auc(outputs: Tensor, targets: Tensor) -> Tensor:
    """One class against the rest, by its probability; the mean over the classes.

    Of two classes that is the ordinary area. A class that no example or every one has says
    nothing; where all are such, the figure is not defined.
    """
    import torch

    probabilities = outputs.double().softmax(2)
    areas = torch.stack(
        [_area(probabilities[..., k], targets == k) for k in range(outputs.shape[2])], 1
    )
    return areas.nanmean(1)


def _area(scores: Tensor, positive: Tensor) -> Tensor:
    """Return the area of scores ``[L, N]``, ties counting half; NaN without one of both kinds."""
    import torch

    ordered, order = scores.sort(1)
    # the mean of the ranks that equal scores share
    ranks = torch.searchsorted(ordered, ordered) + torch.searchsorted(ordered, ordered, right=True)
    ranks = (ranks + 1).double() / 2
    hits = positive.gather(1, order).double()
    positives = hits.sum(1)
    negatives = hits.shape[1] - positives
    above = (ranks * hits).sum(1) - positives * (positives + 1) / 2
    return above / (positives * negatives)


ROC_AUC = Metric("roc_auc", "ROC AUC", "", "maximize", 0.0, 1.0, "classes", _roc_auc)
