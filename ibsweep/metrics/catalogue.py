"""The metrics by name; another one is a file and a row here."""

from __future__ import annotations

from ibsweep.metrics.accuracy import ACCURACY
from ibsweep.metrics.balanced_accuracy import BALANCED_ACCURACY
from ibsweep.metrics.cross_entropy import CROSS_ENTROPY
from ibsweep.metrics.epochs import EPOCHS
from ibsweep.metrics.flops import FLOPS
from ibsweep.metrics.image_epochs import IMAGE_EPOCHS
from ibsweep.metrics.macro_f1 import MACRO_F1
from ibsweep.metrics.mae import MAE
from ibsweep.metrics.metric import Metric
from ibsweep.metrics.parameters import PARAMETERS
from ibsweep.metrics.r2 import R2
from ibsweep.metrics.rmse import RMSE
from ibsweep.metrics.roc_auc import ROC_AUC
from ibsweep.metrics.seconds import SECONDS
from ibsweep.metrics.training_examples import TRAINING_EXAMPLES

__all__ = ["METRICS"]

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        ACCURACY,
        BALANCED_ACCURACY,
        MACRO_F1,
        ROC_AUC,
        CROSS_ENTROPY,
        RMSE,
        MAE,
        R2,
        PARAMETERS,
        SECONDS,
        EPOCHS,
        FLOPS,
        TRAINING_EXAMPLES,
        IMAGE_EPOCHS,
    )
}
"""All metrics that have a name."""
