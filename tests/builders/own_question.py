"""A question of one's own in a folder: scikit-learn's digits, a network, a function, a metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from questions import write_question

CODE = """\
from pathlib import Path

from torch import nn

Path(__file__).with_name("imported").write_text("by somebody")


class Net(nn.Module):
    def __init__(self, inputs, outputs, width: int = 8, kernel_size: int = 3, p: float = 0.1):
        super().__init__()
        channels, height, _ = inputs
        side = height - kernel_size + 1
        self.conv = nn.Conv2d(channels, width, kernel_size)
        self.head = nn.Sequential(nn.Dropout(p), nn.Linear(width * side * side, outputs))

    def forward(self, x):
        return self.head(self.conv(x).relu().flatten(1))


def wrong_shape(outputs, width: int = 8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs + 1))


def on_gpu(outputs, width: int = 8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs).cuda())


def no_annotation(outputs, width=8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def right(outputs, targets):
    return float((outputs.argmax(1) == targets).mean())


def train(config, data, seed, report):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, data.outputs))
    for epoch in range(config["epochs"]):
        report(epoch + 1, predict=model)


def not_train(config, data):
    pass


NUMBER = 3
"""


def arm(**changes: Any) -> dict[str, Any]:
    """Return an arm that tunes the network."""
    space = {
        "lr": {"type": "float", "low": 0.001, "high": 0.1, "log": True},
        "width": {"type": "int", "low": 2, "high": 8},
    }
    fixed = {"epochs": 4, "batch_size": 20}
    return {"model": "nets.py:Net", "fixed": fixed, "space": space} | changes


def mapping(**changes: Any) -> dict[str, Any]:
    """Return the question, without all that it can spare; None takes a key out."""
    whole = {
        "question": "digits",
        "data": {"from": "sklearn.datasets:load_digits"},
        "split": {"train": 20, "valid": 20, "test": 40, "per": "class"},
        "objective": "accuracy",
        "arms": {"mine": arm()},
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def write(folder: Path, content: dict[str, Any] | None = None) -> Path:
    """Write the question and its code, and return the question's file."""
    (folder / "nets.py").write_text(CODE, "utf-8")
    return write_question(folder, content or mapping(), "digits.yaml")
