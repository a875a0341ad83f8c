"""Into how many parts the replicates of a configuration are split."""

import pytest
import tiny

from ibsweep.errors import InputError
from ibsweep.models import backend
from ibsweep.models.settings import resolve
from ibsweep.trial.parts import in_parts, kernels_fault, lane_parts
from ibsweep.trial.plan import TrialPlan

KERNELS = ("wider_cnn", {"kernel_size": 3, "num_filters": 12})
OPERATIONS = ("wider_cnn", {"kernel_size": 3, "num_filters": 64})


def sizes(count, of, *, work_fraction=1.0, workers=2, gpu=False):
    seeds = tuple(range(100, 100 + count))
    parts = lane_parts(seeds, *of, work_fraction=work_fraction, workers=workers, gpu=gpu)
    assert sum(parts, ()) == seeds
    return [len(part) for part in parts]


@pytest.mark.parametrize(
    ("count", "of", "options", "expected"),
    [
        # the kernels: as many parts as keep all workers busy, down to a lane each
        (8, KERNELS, {}, [1, 1, 1, 1, 2, 2]),
        (8, KERNELS, {"work_fraction": 0.5}, [2, 3, 3]),
        (8, KERNELS, {"work_fraction": 0.01}, [8]),
        (8, KERNELS, {"workers": 64}, [1] * 8),
        (23, KERNELS, {"work_fraction": 0.01}, [7, 8, 8]),
        (5, ("three_layer_mlp", {}), {}, [1] * 5),
        # torch's operations: four together as long as there are four
        (8, OPERATIONS, {}, [4, 4]),
        (8, OPERATIONS, {"workers": 64}, [4, 4]),
        (9, OPERATIONS, {"workers": 64}, [4, 5]),
        (3, OPERATIONS, {"workers": 64}, [3]),
        (23, OPERATIONS, {"work_fraction": 0.01}, [7, 8, 8]),
        # a GPU: all together
        (23, KERNELS, {"gpu": True, "workers": 64}, [23]),
        (100, KERNELS, {"gpu": True}, [50, 50]),
        (0, KERNELS, {}, []),
    ],
)
def test_parts(count, of, options, expected):
    assert sorted(sizes(count, of, **options)) == sorted(expected)


@pytest.mark.parametrize("gpu", [False, True])
def test_no_replicates_are_no_parts(gpu):
    assert sizes(0, KERNELS, gpu=gpu) == []


def test_without_numba_lanes_stay_together(monkeypatch):
    monkeypatch.setattr(backend, "available", lambda: False)
    assert sizes(8, KERNELS, workers=64) == [4, 4]


def plan(model, **options):
    task = {**tiny.question().data, "spatial_resolution": 20}
    return TrialPlan(0, model, task, 10, resolve(model, options, tiny.arm().baseline), (10, 11))


def test_a_model_that_the_images_are_too_small_for_is_refused():
    """Here, with the reason, and not by some worker that gets the first part."""
    how = {"work_fraction": 1.0, "workers": 2, "gpu": False}
    assert len(in_parts(plan("simple_cnn", kernel_size=19), **how)) == 2
    with pytest.raises(InputError, match="kernel_size=21 is too large for images of 20 pixels"):
        in_parts(plan("simple_cnn", kernel_size=21), **how)


def test_a_fault_of_numba_matters_only_where_kernels_would_train(monkeypatch):
    assert kernels_fault(plan("simple_cnn"), gpu=False) is None
    monkeypatch.setattr(backend, "_error", AttributeError("it is gone"))
    assert "AttributeError: it is gone" in kernels_fault(plan("simple_cnn"), gpu=False)
    assert kernels_fault(plan("simple_cnn"), gpu=True) is None
    assert kernels_fault(plan("wider_cnn", num_filters=64), gpu=False) is None
    absent = ModuleNotFoundError("No module named 'numba'", name="numba")
    monkeypatch.setattr(backend, "_error", absent)
    assert kernels_fault(plan("simple_cnn"), gpu=False) is None
