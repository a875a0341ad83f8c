"""Which configurations a sweep passes over."""

from __future__ import annotations

import tiny
from questions import arm_mapping, question_mapping, write_question

from ibsweep.questions.files import load_file
from ibsweep.sweep.manifest import make_manifests
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.unfit import unfit_rule

OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs, kernel_size: int = 3, depth: int = 1):
        super().__init__()
        body = [nn.Conv2d(1, 1, kernel_size) for _ in range(depth)]
        self.body = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(1, outputs)

    def forward(self, x):
        return self.head(self.body(x))
"""


def rule(folder, model, own=OWN, **space):
    (folder / "own.py").write_text(own)
    arm = arm_mapping(
        model=model,
        fixed={"batch_size": 10, "epochs": 2},
        space={"lr": {"type": "float", "low": 0.01, "high": 0.1}} | space,
        baseline=None,
    )
    data = {"from": "edges", "spatial_resolution": 12}
    path = write_question(folder, question_mapping(data=data, arms={"tiny_cnn": arm}))
    (manifest,) = make_manifests([str(path)], SweepOptions(), "s", ["tune"])
    question = load_file(path)
    return unfit_rule(manifest, question, question.arms["tiny_cnn"])


def test_a_model_of_the_table(tmp_path):
    cannot = rule(
        tmp_path,
        "deeper_cnn",
        kernel_size={"type": "int", "low": 3, "high": 7},
        num_layers={"type": "int", "low": 2, "high": 6},
    )
    assert cannot({"lr": 0.1, "kernel_size": 6, "num_layers": 6})
    assert not cannot({"lr": 0.1, "kernel_size": 6, "num_layers": 2})
    assert not cannot({"lr": 0.1, "kernel_size": 3, "num_layers": 6})


def test_a_module_of_one_s_own_is_asked_where_not_all_values_go_together(tmp_path):
    sizes = {"type": "int", "low": 1, "high": 6}
    cannot = rule(tmp_path, "own.py:Net", kernel_size=sizes, depth={**sizes, "high": 3})
    assert cannot({"lr": 0.1, "kernel_size": 6, "depth": 3})
    assert not cannot({"lr": 0.1, "kernel_size": 6, "depth": 2})
    assert rule(tmp_path, "own.py:Net", kernel_size=sizes) is None


def test_what_only_the_batch_size_breaks_costs_no_proposal_anything(tmp_path):
    """It is noted of the model, and its options all go together."""
    sizes = {"type": "int", "low": 1, "high": 4}
    body = OWN.replace("nn.AdaptiveAvgPool2d(1)", "nn.BatchNorm2d(1), nn.AdaptiveAvgPool2d(1)")
    assert rule(tmp_path, "own.py:Net", own=body, kernel_size=sizes) is None


def test_what_a_training_function_cannot_take_only_training_tells():
    arm = tiny.arm().model_copy(update={"train": "x.py:train", "model": ""})
    assert unfit_rule(tiny.manifest(), tiny.question(), arm) is None
