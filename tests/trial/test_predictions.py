"""What ``predict`` says: its mistakes are the function's, not the worker's."""

from __future__ import annotations

import pytest
import torch

from ibsweep.errors import InputError
from ibsweep.trial.predictions import outputs_of

INPUTS = torch.zeros(4, 2)


def test_what_predict_raises_is_one_clear_line():
    def predict(inputs):
        raise ValueError("shapes differ\nand more")

    with pytest.raises(InputError, match=r"^predict= failed: ValueError: shapes differ$"):
        outputs_of(predict, INPUTS, ("a", "b"))


def test_memory_that_runs_out_is_the_workers():
    def predict(inputs):
        raise MemoryError

    with pytest.raises(MemoryError):
        outputs_of(predict, INPUTS, ("a", "b"))
