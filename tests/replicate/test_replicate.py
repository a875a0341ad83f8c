"""Replication: the notebook's draws followed exactly, its figures reached, many seeds as lanes."""

from __future__ import annotations

import dataclasses
import json
from contextlib import nullcontext

import pytest
import questions
import torch
from oracles import PlainCNN, PlainMLP
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ibsweep.cli import run
from ibsweep.cluster.nodes import Nodes
from ibsweep.data import EdgeDataset, replicate_data, to_float
from ibsweep.models import build
from ibsweep.questions.files import load_all
from ibsweep.questions.published import published_settings
from ibsweep.replicate.notebook import PROCEDURES, follow
from ibsweep.replicate.runs import missing_plans, replicate, train
from ibsweep.results.replications import ReplicationStore
from ibsweep.trial.plan import TrialPlan

QUESTIONS = load_all()
CELLS = [cell for cell, _ in published_settings(QUESTIONS.values())]


def cell(name, images):
    (found,) = [c for c in CELLS if c.name == name and c.train_size == images]
    return found


def plan_of(of):
    return TrialPlan(0, of.model, of.data, of.train_size, of.settings, (10,))


def loaders(of, batch_size=32, shuffle_valid=False):
    """Return torch's own loaders over the notebook's data of a cell."""
    data = replicate_data(EdgeDataset.from_dict(of.data), 10, of.train_size)
    train_set, valid_set = (
        TensorDataset(to_float(split.images), torch.from_numpy(split.labels))
        for split in (data.train, data.valid)
    )
    return (
        DataLoader(train_set, batch_size=batch_size, shuffle=True),
        DataLoader(valid_set, batch_size=50, shuffle=shuffle_valid),
    )


@pytest.fixture
def global_generator():
    """Let a test seed and use torch's global generator."""
    with torch.random.fork_rng():
        yield


def plain_mlp(classes):
    torch.manual_seed(7)
    return PlainMLP([784, 50, 10, classes])


def passes(loader, count=1):
    """Return the labels in the order in which a loader gives them, pass by pass."""
    return [torch.cat([labels for _, labels in loader]) for _ in range(count)]


def assert_same_start(state, of, plain):
    """Our model, drawn from the followed generator, holds the ordinary one's weights."""
    ours = build(
        of.model,
        [state],
        num_classes=len(of.data["class_type"]),
        **{
            k: v
            for k, v in of.settings.items()
            if k in ("kernel_size", "hidden_dim_1", "hidden_dim_2")
        },
    )
    expected = plain.state_dict()
    for name, value in ours.lane_state_dict(0).items():
        assert torch.equal(value, expected[name]), name


def assert_same_orders(orders, of, expected):
    """The orders give the labels that the loader gave; images of a class are drawn alike."""
    labels = torch.from_numpy(
        replicate_data(EdgeDataset.from_dict(of.data), 10, of.train_size).train.labels
    )
    count = 0
    for order, seen in zip(orders, expected, strict=False):
        assert torch.equal(labels[order], seen)
        count += 1
    assert count == len(expected)


def test_cnn_and_mlp_in_turn_within_an_epoch(global_generator):
    """q1, q2: no evaluation before the last epoch."""
    for name, first in (("q2_cnn", True), ("q2_mlp", False)):
        of = cell(name, 30)
        loader, _ = loaders(of)
        torch.manual_seed(10)
        plain = PlainCNN(3, 7, 3)
        mlp = plain_mlp(3)
        seen = []
        for _ in range(4):
            turns = passes(loader, 2)
            seen.append(turns[0 if first else 1])
        generator, orders = follow(PROCEDURES[name], plan_of(of))
        assert_same_start(generator, of, plain if first else mlp)
        assert_same_orders(orders, of, seen)


@pytest.mark.parametrize(
    ("name", "images", "shuffle_valid"),
    [("q3_cnn_100", 10, False), ("q4_cnn", 10, False), ("q6_maxpool", 10, True)],
)
def test_the_cnn_after_the_mlp(global_generator, name, images, shuffle_valid):
    """q3 to q6: the MLP to its end first, an evaluation after every epoch."""
    of = cell(name, images)
    classes = len(of.data["class_type"])
    loader, valid = loaders(of, shuffle_valid=shuffle_valid)
    torch.manual_seed(10)
    plain = PlainCNN(3, 7, classes)
    plain_mlp(classes)
    for _ in range(of.settings["epochs"]):
        iter(loader)._next_index()  # draws the base seed and the sampler's, as a whole pass does
        iter(valid)._next_index()
    seen = []
    for _ in range(3):
        seen += passes(loader)
        passes(valid)
    generator, orders = follow(PROCEDURES[name], plan_of(of))
    assert_same_start(generator, of, plain)
    assert_same_orders(orders, of, seen)


@pytest.mark.parametrize(
    ("name", "images", "shuffle_valid"),
    [("q3_mlp", 10, False), ("q6_mlp", 30, True)],
)
def test_the_mlp_before_the_cnn(global_generator, name, images, shuffle_valid):
    of = cell(name, images)
    classes = len(of.data["class_type"])
    loader, valid = loaders(of, shuffle_valid=shuffle_valid)
    torch.manual_seed(10)
    PlainCNN(3, 7, classes)
    plain = plain_mlp(classes)
    seen = []
    for _ in range(4):
        seen += passes(loader)
        passes(valid)
    generator, orders = follow(PROCEDURES[name], plan_of(of))
    assert_same_start(generator, of, plain)
    assert_same_orders(orders, of, seen)


@pytest.mark.parametrize(
    ("name", "images", "plain", "shuffle_valid"),
    [
        ("q4_cnn_hand_tuned", 10, lambda: PlainCNN(3, 3, 3), False),
        ("q6_avgpool", 10, lambda: PlainCNN(3, 7, 5, pooling="average"), True),
        ("q7_wider", 30, lambda: PlainCNN(6, 3, 5), True),
        ("q7_deeper", 30, lambda: PlainCNN(3, 3, 5, depth=4, head="fc1"), True),
    ],
)
def test_a_model_alone(global_generator, name, images, plain, shuffle_valid):
    of = cell(name, images)
    loader, valid = loaders(of, shuffle_valid=shuffle_valid)
    torch.manual_seed(10)
    model = plain()
    seen = []
    for _ in range(4):
        seen += passes(loader)
        passes(valid)
    generator, orders = follow(PROCEDURES[name], plan_of(of))
    assert_same_start(generator, of, model)
    assert_same_orders(orders, of, seen)


def test_edge_detectors_go_on_from_where_q2_stopped(global_generator):
    """Neither q2_edge_init nor its next number of images seeds anything."""
    of = cell("q2_edge_init", 30)
    torch.manual_seed(10)
    PlainCNN(3, 7, 3)
    plain_mlp(3)
    last, valid = loaders(cell("q2_cnn", 100))
    for _ in range(2 * 500):
        iter(last)._next_index()
    passes(valid, 2)
    PlainCNN(3, 7, 3)
    first, _ = loaders(cell("q2_edge_init", 10))
    passes(first, 30)
    passes(valid)
    plain = PlainCNN(3, 7, 3)
    loader, _ = loaders(of)
    seen = passes(loader, 5)
    generator, orders = follow(PROCEDURES["q2_edge_init"], plan_of(of))
    assert_same_start(generator, of, plain)
    assert_same_orders(orders, of, seen)


def test_every_published_setting_has_a_procedure():
    assert {c.name for c in CELLS} == PROCEDURES.keys()
    assert len(CELLS) == 2 + 3 * 4 + 4 * 4 + 3 * 4 + 2 * 4 + 3 * 4 + 3


def exact_row(name, images):
    (plan,) = [p for p in missing_plans([cell(name, images)], [10], []) if p.exact]
    (row,) = train(plan)
    return row


@pytest.mark.parametrize(
    ("name", "images", "published"),
    [
        ("q2_edge_init", 10, 64.0),
        ("q2_edge_init", 30, 96.0),
        ("q2_edge_init", 50, 94.67),
        ("q2_edge_init", 100, 94.67),
        ("q2_mlp", 10, 58.0),
        ("q2_cnn", 10, 86.67),
        ("q3_mlp_100", 10, 45.33),
        ("q3_mlp_100", 30, 76.67),
        ("q5_mlp", 10, 56.0),
        ("q6_mlp", 10, 42.4),
    ],
)
def test_the_notebook_itself_lands_on_its_figures(name, images, published):
    row = exact_row(name, images)
    assert row.exact
    assert round(row.figure("valid_accuracy"), 2) == published


def test_the_notebook_itself_equals_ordinary_modules_and_torchs_own_loop(global_generator):
    """q2's MLP, trained by torch.optim over DataLoaders, beside a CNN's passes."""
    of = cell("q2_mlp", 10)
    loader, _ = loaders(of)
    torch.manual_seed(10)
    PlainCNN(3, 7, 3)
    model = plain_mlp(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(500):
        passes(loader)  # the CNN's
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    data = replicate_data(EdgeDataset.from_dict(of.data), 10, 10).valid
    with torch.no_grad():
        predicted = model(to_float(data.images)).argmax(1)
    accuracy = 100 * (predicted == torch.from_numpy(data.labels)).double().mean().item()
    assert accuracy == pytest.approx(exact_row("q2_mlp", 10).figure("valid_accuracy"))


def test_plans_leave_out_what_is_there():
    of = cell("q2_edge_init", 10)
    plans = missing_plans([of], range(10, 34), [])
    assert [(plan.seeds, plan.exact) for plan in plans] == [
        ((10,), True),
        (tuple(range(11, 34)), False),
    ]
    rows = train(plans[0])
    left = missing_plans([of], range(10, 13), rows)
    assert [plan.seeds for plan in left] == [(11, 12)]


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"lr": 0.5}},
        {"data": {"max_edge_width": 2}},
        {"model": "wider_cnn"},
        {"question": "mine"},
        {"arm": "q2_cnn"},
        {"setting": "other"},
        {"train_size": 30},
        {"seed": 11},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_of_anything_else_does_not_count(change):
    of = cell("q2_edge_init", 10)
    (row,) = train(missing_plans([of], [10], [])[0])
    assert missing_plans([of], [10], [row]) == []
    update = {k: {**getattr(row, k), **v} if isinstance(v, dict) else v for k, v in change.items()}
    assert len(missing_plans([of], [10], [row.model_copy(update=update)])) == 1


def test_a_row_that_lacks_settings_of_later_versions_counts():
    of = cell("q2_edge_init", 10)
    (row,) = train(missing_plans([of], [10], [])[0])
    old = {k: v for k, v in row.settings.items() if k not in ("beta1", "schedule", "clip_norm")}
    assert missing_plans([of], [10], [row.model_copy(update={"settings": old})]) == []


def test_only_the_notebooks_own_cell_is_followed_exactly():
    """An arm of the user's own under a shipped name has seed 10 as a lane like any other."""
    of = cell("q2_mlp", 10)
    for change in (
        {"settings": of.settings | {"lr": 0.5}},
        {"data": of.data | {"max_edge_width": 2}},
        {"question": "mine"},
    ):
        (plan,) = missing_plans([dataclasses.replace(of, **change)], [10], [])
        assert not plan.exact
    assert missing_plans([of], [10], [])[0].exact


@pytest.mark.ray
def test_replicate_from_the_command_line(ray_local, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["replicate", "q2_edge_init", "--quiet", "--json"]
    assert run([*words, "--seeds", "1"]) == 0
    found = json.loads(capsys.readouterr().out)["replications"]
    assert [one["images"] for one in found] == [10, 30, 50, 100]
    assert [round(one["seed10"], 2) for one in found] == [64.0, 96.0, 94.67, 94.67]
    assert [one["published"] for one in found] == [64.0, 96.0, 94.67, 94.67]
    assert {(one["seeds"], one["low"], one["luck"]) for one in found} == {(1, None, None)}
    assert run([*words, "--seeds", "4"]) == 0
    found = json.loads(capsys.readouterr().out)["replications"]
    rows = ReplicationStore(tmp_path / "results").rows()
    assert len(rows) == 16
    assert len({(r.train_size, r.seed) for r in rows}) == 16
    for one in found:
        values = [r.figure("valid_accuracy") for r in rows if r.train_size == one["images"]]
        assert one["mean"] == pytest.approx(sum(values) / 4)
        assert one["low"] < one["mean"] < one["high"]
        assert one["seeds"] == 4
    keys = {"question", "arm", "setting", "images", "epochs", "published", "seed10", "mean"}
    assert found[0].keys() >= keys | {"low", "high", "seeds"}
    before = (tmp_path / "results" / "replications.jsonl").read_bytes()
    assert run(["replicate", "q2_edge_init", "--seeds", "4", "--quiet"]) == 0
    assert (tmp_path / "results" / "replications.jsonl").read_bytes() == before
    out = capsys.readouterr().out
    assert "q2_edge_init" in out
    assert "64.00" in out


def test_wrong_input(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words, message in (
        (["q9"], "'q9' is no arm, question or file"),
        (["q2", "--seeds", "0"], "`--seeds` must be at least 1"),
        (["q2", "--cpus-per-trial", "0"], "`--cpus-per-trial` must be above 0"),
    ):
        assert run(["replicate", *words]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.fixture
def no_ray(monkeypatch):
    """Let the command come to where parts are handed to workers, without Ray."""
    monkeypatch.setattr("ibsweep.cluster.session.ray_session", lambda *_: nullcontext())
    monkeypatch.setattr("ibsweep.cluster.preflight.check_cluster", lambda *_, **__: None)
    monkeypatch.setattr("ibsweep.cluster.nodes.Nodes.slots", lambda self: 2)


def test_a_kernel_too_large_for_the_images_is_wrong_input(no_ray, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mapping = questions.changed(questions.FULL, "arms.mine_a.fixed.kernel_size", 61)
    path = questions.write_question(tmp_path, mapping)
    assert run(["replicate", str(path), "--seeds", "2", "--quiet"]) == 2
    err = capsys.readouterr().err
    assert "kernel_size=61 is too large for images of 28 pixels: convolution 1 sees" in err
    assert err.count("\n") == 1


def test_a_fault_of_numba_is_noted_once(no_ray, tmp_path, monkeypatch):
    monkeypatch.setattr("ibsweep.models.backend._error", AttributeError("it is gone"))
    monkeypatch.setattr("ibsweep.replicate.runs.run_tasks", lambda *_: [])
    nodes, notes = Nodes({"CPU": 1.0}, print), []
    for plans in (
        missing_plans([cell("q2_cnn", 10), cell("q2_mlp", 10)], range(11, 20), []),
        missing_plans([cell("q2_mlp", 10)], [10], []),  # the notebook itself needs no kernels
    ):
        replicate(ReplicationStore(tmp_path), plans, nodes, notes.append, print)
    (line,) = notes
    assert "AttributeError: it is gone" in line
