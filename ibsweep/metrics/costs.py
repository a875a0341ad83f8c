"""Costs: what a trial takes, recorded beside what its predictions are worth."""

from __future__ import annotations

from ibsweep.metrics.metric import Metric

__all__ = ["EPOCHS", "FLOPS", "PARAMETERS", "SECONDS"]


def _cost(name: str, title: str, unit: str) -> Metric:
    return Metric(name, title, unit, "minimize", 0.0, None, "any", None)


PARAMETERS = _cost("parameters", "parameters of one model", "")
SECONDS = _cost("seconds", "seconds of training and validation, all replicates together", "s")
EPOCHS = _cost("epochs", "epochs trained", "")
FLOPS = _cost("flops", "floating-point operations of one training step of one model", "")
