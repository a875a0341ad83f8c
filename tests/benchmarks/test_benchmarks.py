"""The benchmarks run, need no more than they say, and compare what they say they compare."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import engine, own
from benchmarks.__main__ import PARTS, main
from benchmarks.notebook_loop import Loop, make_module
from benchmarks.report import BEGIN, END, renew, save
from ibsweep.models import build
from ibsweep.questions.files import load_all
from ibsweep.training import LaneData

ROOT = Path(__file__).parents[2]

WITHOUT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("ray", "optuna", "pydantic", "typer", "numba"):
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocked())
from benchmarks import engine

row = next(engine.against_the_notebook(0.01))
assert row["arm"] == "q1_cnn" and row["ratio"] > 0, row
engine.MODELS = {name: engine.MODELS[name] for name in ("simple_cnn k=3", "two_layer_mlp")}
rows = list(engine.cost_of_lanes(0.01, lanes=(1, 2)))
assert len(rows) == 4 and all(row["ms"] > 0 for row in rows), rows

from benchmarks import own

rows = list(own.against_by_hand(0.01, lanes=(1, 2), steps=2))
assert len(rows) == 2 * len(own.MODULES) and all(row["ratio"] > 0 for row in rows), rows
"""


def test_the_engine_and_its_benchmark_need_torch_alone():
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_settings_are_the_notebooks():
    """They stand in the benchmark once more, since reading the questions needs pydantic."""
    arms = {arm.name: (q, arm) for q in load_all().values() for arm in q.arms.values()}
    for one in engine.settings():
        question, arm = arms[one.arm]
        baseline = {**arm.fixed, **arm.baseline}
        assert one.model == arm.model
        assert one.images == arm.train_size
        for name in ("lr", "epochs", "batch_size"):
            assert getattr(one, name) == baseline[name], (one.arm, name)
        assert {name: baseline[name] for name in one.options} == dict(one.options)
        assert one.classes == question.data["class_type"]
        for name in ("possible_edge_location_ratio", "use_permutation"):
            assert (one.task or {}).get(name) == question.data.get(name), (one.arm, name)
    # the notebook asks q8 and never measures it
    assert {one.question for one in engine.settings()} == load_all().keys() - {"q8"}


@pytest.mark.parametrize("one", engine.settings(), ids=lambda one: one.arm)
def test_both_ways_of_training_train_the_same_model(one):
    """A step of the loop's module from our lane's weights ends where our lane ends."""
    classes = len(one.classes)
    model = build(one.model, [3], num_classes=classes, **one.options)
    module = make_module(one.model, one.options, classes)
    for mine, theirs in zip(model.parameters(), module.parameters(), strict=True):
        theirs.data.copy_(mine[0])
    images = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(module(images), model(images.unsqueeze(0))[0])


def test_the_loop_learns():
    one = engine.settings()[1]
    data = one.draw(10)
    train, valid = ((s.images, s.labels) for s in (data.train, data.valid))
    torch.manual_seed(0)
    loop = Loop(make_module(one.model, one.options, 3), train, valid, 0.01, 10, 256)
    for _ in range(60):
        accuracy = loop.train_epoch()
    assert accuracy > 70
    assert loop.evaluate() > 40


@pytest.mark.parametrize("one", own.MODULES[:2], ids=lambda one: one.name)
def test_a_module_by_hand_ends_where_its_lane_ends(one):
    """From the same weights, on the same batches: what is compared does the same work."""
    inputs, targets = torch.rand(1, 64, *one.shape), torch.randint(0, 3, (1, 64))
    trainer = own.make_trainer(one, LaneData(inputs, targets))
    loop = own.ByHand(one, inputs[0], targets[0])
    before = trainer.model.lane_state_dict(0)
    loop.module.load_state_dict(before)
    torch.manual_seed(5)
    trainer.run_epoch(torch.randperm(64).unsqueeze(0))
    torch.manual_seed(5)
    loop.train_epoch()
    for name, value in trainer.model.lane_state_dict(0).items():
        assert not torch.equal(value, before[name])
        torch.testing.assert_close(loop.module.get_parameter(name).detach(), value)


def test_parts_of_another_machine_stay_and_say_so(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    row = {"module": "CNN", "lanes": 1, "ms": 2.0, "by_hand_ms": 1.0, "ratio": 0.5}
    others = {
        "start": {"import ibsweep": 0.1},
        "overhead": [{"trials": 9, "sampler": "random", "ms_per_trial": 12.5}],
    }
    save(tmp_path, {"processor": "One"}, others)
    save(tmp_path, {"processor": "Two"}, {"own": [row]})
    figures = json.loads((tmp_path / "benchmark.json").read_text())
    assert figures["parts"] == {**others, "own": [row]}
    assert figures["machine"] == {"processor": "One"}
    assert figures["elsewhere"] == {"own": {"processor": "Two"}}
    assert "processor: One" in page.read_text()
    assert "but `own` on another one: processor: Two" in page.read_text()
    assert "| CNN | 1.000 | 2.000 (0.5x) |" in page.read_text()
    save(tmp_path, {"processor": "Two"}, others)
    figures = json.loads((tmp_path / "benchmark.json").read_text())
    assert figures["machine"] == {"processor": "Two"}
    assert figures["elsewhere"] == {}


@pytest.mark.slow
def test_the_command_writes_and_draws_what_it_measured(tmp_path, monkeypatch, capsys):
    one = engine.settings()[1]
    monkeypatch.setattr(engine, "settings", lambda: [one])
    monkeypatch.setattr(engine, "MODELS", {"simple_cnn k=3": ("simple_cnn", {"kernel_size": 3})})
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    main(["engine", "--quick", "--save", str(tmp_path)])
    printed = capsys.readouterr().out
    main(["lanes", "start", "--quick", "--save", str(tmp_path)])
    found = json.loads((tmp_path / "benchmark.json").read_text())["parts"]
    assert [row["arm"] for row in found["engine"]["rows"]] == ["q1_mlp"]
    mean = f"{found['engine']['geometric_mean']:.1f}x"
    assert f"geometric mean over questions: {mean}" in printed
    assert [row["lanes"] for row in found["lanes"]] == [1, 2, 4, 8, 16, 32]
    assert 0 < found["start"]["import ibsweep"] <= found["start"]["ibsweep --help"]
    assert (tmp_path / "benchmark.svg").read_text().startswith("<?xml")
    text = page.read_text()
    assert text.startswith(f"before\n\n{BEGIN}")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "old" not in text
    assert f"geometric mean | 10x | {mean} |" in text
    assert f"| simple_cnn k=3 | {found['lanes'][0]['ms']:.3f} (" in text


def test_the_page_says_what_was_measured():
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    figures = json.loads((ROOT / "docs" / "benchmark.json").read_text("utf-8"))
    assert set(figures["parts"]) == set(PARTS)
    assert renew(page, figures) == page


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["lane"])
    assert (
        "no part 'lane': choose from engine, lanes, own, sweeps, overhead, start, calibration"
        in capsys.readouterr().err
    )
