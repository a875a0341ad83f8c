"""A trial in process: stops, figures, state, divergence, and what replicates share."""

from __future__ import annotations

import io
import math
from dataclasses import asdict, replace

import pytest
import tiny
import torch

from ibsweep.data import EdgeDataset, held_out_data, replicate_data
from ibsweep.models import build
from ibsweep.models.settings import resolve
from ibsweep.results.records import Curve
from ibsweep.training import LaneData, Trainer, TrainingSettings
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun, lane_data

TASK = tiny.question().data
CHANCE = pytest.approx(100 / 3)


def plan(model="simple_cnn", seeds=(10, 11), rungs=(2, 4), **config):
    fixed = {"kernel_size": 3} if model.endswith("cnn") else {}
    settings = resolve(model, fixed, {"lr": 0.05, "epochs": 6, "batch_size": 10} | config)
    return TrialPlan(
        trial=7, model=model, data=TASK, train_size=10, settings=settings, seeds=seeds, rungs=rungs
    )


def all_curves(run):
    curves = []
    run.complete(curves.append)
    return curves


def weights(run, lane):
    return run.model.lane_state_dict(lane)


# Stops and figures


@pytest.mark.parametrize(
    ("rungs", "expected"),
    [
        ((), [6]),
        ((2, 4), [2, 4, 6]),
        ((4, 2), [2, 4, 6]),
        ((1, 6), [1, 6]),
        ((3, 18), [3, 6]),
    ],
)
def test_it_stops_at_the_rungs_and_at_its_end(rungs, expected):
    run = TrialRun(plan(rungs=rungs))
    epochs = []
    while not run.finished:
        epochs.append(run.advance().epoch)
    assert epochs == expected
    assert run.failure is None
    seen = []
    last = TrialRun(plan(rungs=rungs)).complete(seen.append)
    assert [curve.epoch for curve in seen] == expected
    assert last == seen[-1]


def test_data_that_leave_their_classes_to_the_defaults_can_be_trained():
    data = {"from": "edges", "spatial_resolution": 12, "split": {"train": [4], "valid": 2}}
    run = TrialRun(replace(plan(epochs=1), data=data, train_size=4))
    assert run.model.outputs == 3
    assert lane_data(data, (10, 11), 4, "train").inputs.shape == (2, 12, 1, 12, 12)
    assert run.complete().epoch == 1


def test_it_validates_every_epoch_on_request_and_stops_where_it_did():
    asked = replace(plan(), every_epoch=True)
    run, stops, seen = TrialRun(asked), [], []
    while not run.finished:
        stops.append(run.advance(seen.append))
    assert [curve.epoch for curve in stops] == [2, 4, 6]
    assert [curve.epoch for curve in seen] == [1, 2, 3, 4, 5, 6]
    assert stops == seen[1::2] == all_curves(TrialRun(plan()))
    assert all_curves(TrialRun(asked)) == seen


def test_its_figures_are_those_of_a_trainer_driven_by_hand():
    run = TrialRun(plan())
    task = EdgeDataset.from_dict(TASK)
    drawn = [replicate_data(task, seed, 10) for seed in (10, 11)]

    def lanes(split):
        sets = [getattr(one, split) for one in drawn]
        return LaneData(
            torch.stack([torch.from_numpy(s.images / 255).float().unsqueeze(1) for s in sets]),
            torch.stack([torch.from_numpy(s.labels) for s in sets]),
        )

    model = build("simple_cnn", [10, 11], num_classes=3, kernel_size=3)
    # batch orders: a stream of each seed's own
    orders = [generator.initial_seed() for generator in run.trainer.generators]
    assert len(set(orders)) == 2
    trainer = Trainer(model, TrainingSettings(0.05, 10), lanes("train"), orders)
    for curve in all_curves(run):
        trainer.run_to(curve.epoch)
        valid = trainer.evaluate(lanes("valid"))
        assert curve.trial == 7
        for lane, found in enumerate(curve.replicates):
            assert found.seed == (10, 11)[lane]
            assert found.figure("valid_accuracy") == valid.figures["accuracy"][lane].item()
            assert found.figure("valid_loss") == valid.loss[lane].item()
            assert found.figure("train_accuracy") == trainer.train_figures["accuracy"][lane].item()
            assert found.figure("train_loss") == trainer.train_figures["loss"][lane].item()
            assert found.diverged_epoch is None
    assert curve.epoch == 6


@pytest.mark.parametrize("model", ["simple_cnn", "three_layer_mlp"])
def test_it_learns(model):
    curve = TrialRun(plan(model, rungs=(), optimizer="adam", lr=0.02, epochs=60)).complete()
    assert curve.mean("valid_accuracy") > 60
    assert min(replicate.figure("train_accuracy") for replicate in curve.replicates) > 90


def test_a_plan_survives_json_like_values():
    """Workers get it as plain values."""
    data = asdict(plan()) | {"seeds": [10, 11], "rungs": [2, 4]}
    assert all_curves(TrialRun(TrialPlan(**data))) == all_curves(TrialRun(plan()))


# State


def through_a_file(run):
    buffer = io.BytesIO()
    torch.save(run.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("saved_after", [0, 1, 2, 3])
def test_a_restored_run_goes_on_bit_for_bit(optimizer, saved_after):
    asked = plan(optimizer=optimizer, lr=0.01, batch_size=7)
    straight = TrialRun(asked)
    curves = all_curves(straight)

    first = TrialRun(asked)
    for _ in range(saved_after):
        first.advance()
    state = through_a_file(first)
    first.advance()  # what goes on after saving leaves the saved state alone
    second = TrialRun(asked)
    second.load_state_dict(state)
    assert second.trainer.epoch == (0, 2, 4, 6)[saved_after]
    assert second.finished == (saved_after == 3)
    if saved_after:
        assert second.seconds > 0
    rest = [] if second.finished else all_curves(second)
    assert rest == curves[saved_after:]
    for lane in range(2):
        torch.testing.assert_close(weights(second, lane), weights(straight, lane), rtol=0, atol=0)


def test_a_diverged_lane_stays_diverged_in_a_restored_run():
    run = TrialRun(plan())
    ruin(run, 0)
    run.advance()
    restored = TrialRun(plan())
    restored.load_state_dict(through_a_file(run))
    assert restored.trainer.diverged == [1, None]
    assert all_curves(restored) == all_curves(run)


# Divergence


def ruin(run, lane, value=math.nan):
    """Spoil one weight of a lane, as a step that went too far does."""
    with torch.no_grad():
        run.trainer.parameters[0][lane].flatten()[0] = value


def test_a_trial_whose_replicates_all_diverge_has_failed():
    run = TrialRun(plan(lr=1e20))
    curves = all_curves(run)
    assert run.finished
    assert run.failure == f"every replicate diverged, the last in epoch {curves[-1].epoch}"
    for replicate in curves[-1].replicates:
        assert replicate.figure("valid_accuracy") == CHANCE
        assert replicate.figure("valid_loss") == pytest.approx(math.log(3))
        assert 1 <= replicate.diverged_epoch <= curves[-1].epoch
    assert Curve.model_validate_json(curves[-1].model_dump_json()) == curves[-1]
    assert run.score("test").figures["accuracy"].tolist() == [CHANCE, CHANCE]


def test_a_lane_that_diverges_leaves_the_others_alone():
    run = TrialRun(plan())
    ruin(run, 0)
    curves = all_curves(run)
    assert [curve.epoch for curve in curves] == [2, 4, 6]
    assert run.failure is None
    alone = all_curves(TrialRun(plan(seeds=[11])))
    for curve, other in zip(curves, alone, strict=True):
        diverged, healthy = curve.replicates
        assert (diverged.diverged_epoch, diverged.figure("valid_accuracy")) == (1, CHANCE)
        assert_close(healthy, other.replicates[0])


@pytest.mark.parametrize("scale", [1e25, 1e37])
def test_weights_so_large_that_the_loss_overflows_end_their_lane(scale):
    """They are finite themselves: the last step before the end went far."""
    run = TrialRun(plan(rungs=()))
    run.trainer.run_to(6)
    with torch.no_grad():
        for parameter in run.trainer.parameters:
            parameter[0] *= scale
    overflowed, healthy = run.advance().replicates
    assert (overflowed.diverged_epoch, overflowed.figure("valid_accuracy")) == (6, CHANCE)
    assert healthy.diverged_epoch is None
    assert run.score("test").loss.isfinite().all()


# Replicates


def assert_close(found, expected):
    """Compare a replicate's figures, but for the rounding of lanes side by side."""
    assert found.seed == expected.seed
    assert found.figure("valid_loss") == pytest.approx(expected.figure("valid_loss"), rel=1e-3)
    assert found.figure("train_loss") == pytest.approx(expected.figure("train_loss"), rel=1e-3)
    assert found.figure("valid_accuracy") == pytest.approx(
        expected.figure("valid_accuracy"), abs=100 / 60 + 1e-9
    )
    assert found.figure("train_accuracy") == pytest.approx(
        expected.figure("train_accuracy"), abs=100 / 30 + 1e-9
    )


@pytest.mark.parametrize("model", ["simple_cnn", "three_layer_mlp"])
def test_a_replicate_is_the_same_alone_and_in_company(model):
    together = TrialRun(plan(model, lr=0.01))
    alone = TrialRun(plan(model, seeds=(11,), lr=0.01))
    for curve, other in zip(all_curves(together), all_curves(alone), strict=True):
        assert_close(curve.replicates[1], other.replicates[0])
    losses = together.trainer.train_figures["loss"]
    assert losses[0] != losses[1]
    torch.testing.assert_close(weights(together, 1), weights(alone, 0), rtol=1e-3, atol=1e-4)


def test_models_with_the_same_seed_share_data_and_batch_order():
    runs = [TrialRun(plan(model, seeds=(10, 12))) for model in ("simple_cnn", "two_layer_mlp")]
    states = [[g.get_state() for g in run.trainer.generators] for run in runs]
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
    assert not torch.equal(states[0][0], states[0][1])
    assert torch.equal(runs[0].trainer.targets, runs[1].trainer.targets)
    train = lane_data(TASK, (10, 12), 10, "train")
    for run in runs:
        assert torch.equal(run.model.prepare(train.inputs), run.trainer.inputs)


def test_data_follow_neither_the_order_of_trials_nor_what_they_do():
    """Workers keep the data of the last trials."""
    kept = lane_data(TASK, (10,), 10, "train")
    before = kept.inputs.clone(), kept.targets.clone()
    first = TrialRun(plan(seeds=(10,))).complete()
    for seeds in ((11,), (12,), (10, 11)):
        TrialRun(plan(seeds=seeds, rungs=())).complete()
    assert TrialRun(plan(seeds=(10,))).complete() == first
    kept = lane_data(TASK, (10,), 10, "train")
    assert torch.equal(kept.inputs, before[0])
    assert torch.equal(kept.targets, before[1])


# Data


@pytest.mark.parametrize(("split", "count"), [("train", 10), ("valid", 20), ("test", 50)])
def test_lane_data_has_a_lane_for_every_seed(split, count):
    data = lane_data(TASK, [10, 11, 12], 10, split)
    assert data.inputs.shape == (3, 3 * count, 1, 28, 28)
    assert data.inputs.dtype == torch.float32
    assert 0 <= data.inputs.min() < data.inputs.max() <= 1
    assert data.targets.dtype == torch.int64
    assert data.targets.tolist() == [[0] * count + [1] * count + [2] * count] * 3
    assert not torch.equal(data.inputs[0], data.inputs[1])
    assert torch.equal(lane_data(TASK, [11], 10, split).inputs[0], data.inputs[1])


def test_seed_10_is_the_notebooks_data():
    task = EdgeDataset.from_dict(TASK)
    for split, images in (
        ("train", replicate_data(task, 10, 10).train.images),
        ("valid", replicate_data(task, 10, 10).valid.images),
        ("test", held_out_data(task, 10).images),
    ):
        found = lane_data(TASK, [10], 10, split).inputs[0, :, 0]
        assert torch.equal(found, torch.from_numpy(images).float() / 255)


def test_held_out_images_are_no_others():
    """Images without an edge are left out: there are few different ones."""
    test, valid, train = (
        {image.numpy().tobytes() for image in data.inputs[0][data.targets[0] < 2]}
        for data in (lane_data(TASK, [10], 10, split) for split in ("test", "valid", "train"))
    )
    assert (len(test), len(valid), len(train)) == (100, 40, 20)
    assert not test & (valid | train)
    assert not valid & train


def test_test_scores_held_out_images():
    run = TrialRun(plan(rungs=()))
    run.complete()
    found = run.score("test")
    assert found.confusion.sum((1, 2)).tolist() == [150, 150]
    expected = run.trainer.evaluate(lane_data(TASK, (10, 11), 10, "test"))
    torch.testing.assert_close(found.loss, expected.loss, rtol=0, atol=0)
    valid = run.trainer.evaluate(lane_data(TASK, (10, 11), 10, "valid"))
    assert not torch.equal(found.loss, valid.loss)


def test_images_a_class_decide_the_training_set_alone():
    few, many = (
        replace(
            plan(), train_size=size, data=TASK | {"split": TASK["split"] | {"train": [10, 30]}}
        )
        for size in (10, 30)
    )
    sizes = [TrialRun(one).trainer.targets.shape[1] for one in (few, many)]
    assert sizes == [30, 90]
    for split in ("valid", "test"):
        a, b = (lane_data(one.data, one.seeds, one.train_size, split) for one in (few, many))
        assert torch.equal(a.inputs, b.inputs)
