"""Trials of models and data of the user's own: tables, numbers, modules with buffers."""

from __future__ import annotations

import io
from dataclasses import replace

import data_files
import pytest
import torch

from ibsweep.data import attach, open_dataset
from ibsweep.errors import InputError
from ibsweep.models.own import own_model
from ibsweep.models.settings import resolve
from ibsweep.trial.parts import in_parts
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import lane_data, start_run
from ibsweep.user_code import code_files

MODELS = """
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs, hidden: int = 16, p: float = 0.2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs[0], hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
            nn.Dropout(p), nn.Linear(hidden, outputs),
        )

    def forward(self, x):
        return self.layers(x)
"""
NUMBERS = {
    "from": "sklearn.datasets:load_diabetes",
    "split": {"train": 201, "valid": 100, "test": 100, "per": "all"},
}
CLASSES = {
    "from": "sklearn.datasets:load_wine",
    "split": {"train": 20, "valid": 12, "test": 12, "per": "class"},
}


@pytest.fixture
def plan_of(tmp_path):
    (tmp_path / "nets.py").write_text(MODELS)
    schema = own_model("nets.py:Net", tmp_path).schema()
    own = {"folder": str(tmp_path), "code": code_files(["nets.py:Net"], tmp_path), "model": schema}

    def make(data=NUMBERS, model="nets.py:Net", **config):
        config = {"lr": 0.01, "epochs": 12, "batch_size": 20, "optimizer": "adam"} | config
        ours = model == "nets.py:Net"
        settings = resolve(model, {}, config, schema if ours else None)
        size, metrics = data["split"]["train"], ("rmse", "r2")
        if data is CLASSES:
            metrics = ("accuracy", "macro_f1", "roc_auc")
        return TrialPlan(
            1, model, data, size, settings, (10, 11, 12), (4,), False, metrics, None, own
        )

    return make


@pytest.mark.parametrize("model", ["nets.py:Net", "two_layer_mlp"])
def test_numbers_of_a_table(plan_of, model):
    """201 rows in batches of 20: BatchNorm refuses a batch of one."""
    run = start_run(plan_of(model=model))
    last = run.complete()
    assert last.epoch == 12
    for replicate in last.replicates:
        assert set(replicate.valid) == {"rmse", "r2", "loss"}
        assert replicate.valid["rmse"] == pytest.approx(replicate.valid["loss"] ** 0.5)
        assert replicate.valid["r2"] > 0
        assert 20 < replicate.train["rmse"] < 200
    test = run.score("test")
    assert test.confusion is None
    assert test.outputs.shape == (3, 100)


def test_a_pool_is_copied_to_a_device_once(tmp_path, monkeypatch):
    """Whatever is trained and scored there. `meta` is a device that every machine has."""
    monkeypatch.setattr("ibsweep.trial.run._READY_BYTES", 0)
    data_files.digits_npz(tmp_path)
    document = {"from": "digits.npz", "split": {"train": 20, "valid": 10, "test": 10}}
    attach(document, open_dataset(document, tmp_path).arrays())

    def pools(device):
        asked = [("train", 20), ("valid", 20), ("test", 20), ("train", 10), ("train", 20)]
        found = [lane_data(document, (10,), n, s, device) for s, n in asked]
        assert {value.device.type for one in found for value in (one.rows, one.targets)} == {
            device
        }
        return [one.inputs for one in found]

    here, there = pools("cpu"), pools("meta")
    assert all(pool is there[0] for pool in there)
    assert there[0].device.type == "meta"
    assert {pool.data_ptr() for pool in [*here, *pools("cpu")]} == {here[0].data_ptr()}


def test_a_saved_model_and_its_preprocessing_predict_what_was_scored(plan_of, tmp_path):
    run = start_run(plan_of())
    run.complete()
    scored = run.score("test").outputs
    data = lane_data(NUMBERS, (10, 11, 12), 201, "test")
    for lane in range(3):
        module = own_model("nets.py:Net", tmp_path).module((10,), 1, {"hidden": 16, "p": 0.2})
        module.load_state_dict(run.model.lane_state_dict(lane))
        kept = run.preprocessing(lane)
        with torch.no_grad():
            outputs = module.eval()(data.part(0, 100)[lane]).squeeze(1).double()
        predicted = outputs * kept["target_std"] + kept["target_mean"]
        torch.testing.assert_close(predicted, scored[lane], rtol=1e-5, atol=1e-3)


def test_classes_of_a_table(plan_of):
    run = start_run(plan_of(CLASSES))
    last = run.complete()
    assert min(replicate.valid["accuracy"] for replicate in last.replicates) > 85
    assert set(last.replicates[0].valid) == {"accuracy", "macro_f1", "roc_auc", "loss"}
    assert run.score("test").confusion.sum((1, 2)).tolist() == [36] * 3


@pytest.mark.parametrize("data", [NUMBERS, CLASSES])
def test_a_restored_run_goes_on_bit_for_bit(plan_of, data):
    """Running statistics, dropout's counter and the schedule included."""
    asked = plan_of(data, schedule="one_cycle", clip_norm=1.0)
    whole, first, second = (start_run(asked) for _ in range(3))
    expected = whole.complete()
    first.advance()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert second.complete() == expected
    for lane in range(3):
        states = [run.model.lane_state_dict(lane) for run in (whole, second)]
        torch.testing.assert_close(*states, rtol=0, atol=0)


@pytest.mark.parametrize("data", [NUMBERS, CLASSES])
def test_a_lane_that_diverges_poisons_neither_score_nor_company(plan_of, data):
    """Its running statistics are not finite either."""
    whole = start_run(plan_of(data)).complete()
    run = start_run(plan_of(data))
    with torch.no_grad():
        for tensor in [*run.model.parameters(), *run.model.buffers()]:
            if tensor.is_floating_point():
                tensor[1] = float("nan")
    last = run.complete()
    assert last.replicates[1].diverged_epoch == 1
    assert None not in last.replicates[1].valid.values()
    if data is NUMBERS:
        assert last.replicates[1].valid["r2"] == pytest.approx(0, abs=0.1)
    for lane in (0, 2):
        found, expected = last.replicates[lane].valid, whole.replicates[lane].valid
        assert found == pytest.approx(expected, rel=1e-3)


def test_the_lanes_of_a_part_do_not_depend_on_the_workers(plan_of):
    asked = replace(plan_of(), seeds=tuple(range(20)))
    sizes = {
        workers: [
            len(part.seeds)
            for part in in_parts(asked, work_fraction=0.7, workers=workers, gpu=False)
        ]
        for workers in (1, 2, 64)
    }
    assert sizes[1] == sizes[2] == sizes[64]
    assert sum(sizes[1]) == 20
    assert max(sizes[1]) <= 8


def test_two_data_sets_of_one_name_are_told_apart(tmp_path):
    """A worker goes on to another question, or to a file that was edited."""
    split = {"train": 20, "valid": 10, "test": 10}
    document = {"from": "x.csv", "target": "y", "split": split}
    drawn = []
    for scale in (1, 1000):
        rows = "".join(f"{i},{scale * (i % 7)}.5\n" for i in range(60))
        (tmp_path / "x.csv").write_text("a,y\n" + rows)
        attach(document, open_dataset(document, tmp_path).arrays())
        drawn.append(lane_data(document, (10,), 20, "train").targets.max().item())
    assert drawn == [6.5, 6000.5]


def test_what_a_module_raises_in_training_is_no_fault_of_the_worker(plan_of, tmp_path):
    (tmp_path / "nets.py").write_text(
        MODELS.replace("return self.layers(x)", "return self.checked(self.layers(x))")
        + """
    def checked(self, outputs):
        if self.training and len(outputs) == 20:
            raise ArithmeticError("not so")
        return outputs
"""
    )
    schema = own_model("nets.py:Net", tmp_path).schema()
    code = code_files(["nets.py:Net"], tmp_path)
    own = {"folder": str(tmp_path), "code": code, "model": schema}
    run = start_run(replace(plan_of(), own=own))
    with pytest.raises(
        InputError, match=r"nets\.py:Net cannot be trained: ArithmeticError: not so"
    ):
        run.complete()
