"""Questions as their files hold them: one that is valid, and ways to change it.

``question_mapping()`` is the tiny question, over which a whole sweep takes seconds. Every other
question of the tests is made of it; ``FULL`` has all that a file can hold.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml


def question_mapping(name: str = "tiny", **overrides: Any) -> dict[str, Any]:
    """Return a valid question.

    Args:
        name: Its name; it has one arm, ``NAME_cnn``, unless ``arms`` says otherwise.
        overrides: What stands under other keys of the file than by default; None takes a key out.
    """
    mapping = {
        "question": name,
        "title": f"a {name} question",
        "text": "Does a sweep of seconds end as it should?",
        "data": {
            "from": "edges",
            "class_type": ["horizontal", "vertical", "none"],
            "num_classes": 3,
        },
        "split": {"train": [10], "valid": 20, "test": 50, "per": "class"},
        "objective": "accuracy",
        "efficiency": [10, 20, 40],
        "arms": {f"{name}_cnn": arm_mapping()},
    }
    return _overridden(mapping, overrides)


def arm_mapping(**overrides: Any) -> dict[str, Any]:
    """Return a valid arm of such a question: the plain CNN.

    Args:
        overrides: As for ``question_mapping``.
    """
    mapping = {
        "title": "plain CNN",
        "model": "simple_cnn",
        "train_size": 10,
        "fixed": {"kernel_size": 3},
        "space": {
            "lr": {"type": "float", "low": 1e-3, "high": 0.1, "log": True},
            "epochs": {"type": "int", "low": 5, "high": 40},
            "batch_size": {"type": "categorical", "choices": [5, 10]},
        },
        "baseline": {"lr": 0.01, "epochs": 20, "batch_size": 10},
        "published": [],
    }
    return _overridden(mapping, overrides)


def claim_mapping(name: str, text: str, *tests: dict[str, Any]) -> dict[str, Any]:
    """Return a claim that is made of tests."""
    return {"id": name, "text": text, "tests": list(tests)}


def changed(mapping: dict[str, Any], path: str, value: Any = None) -> dict[str, Any]:
    """Return a copy with one value set; without a value, the key is taken out.

    Args:
        mapping: A question.
        path: Keys and list positions with dots between them, such as ``claims.0.text``.
        value: What is to stand there.
    """
    result = copy.deepcopy(mapping)
    *parents, last = path.split(".")
    place: Any = result
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return result


def as_yaml(mapping: dict[str, Any]) -> str:
    """Return a question as the text of a file, each distribution on a line of its own."""
    return yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None, width=1000)


def write_question(folder: Path, content: str | dict[str, Any], name: str = "mine.yaml") -> Path:
    """Write a question file, given as text or as a mapping, and return its path."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else as_yaml(content), "utf-8")
    return path


def _overridden(mapping: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in (mapping | overrides).items() if v is not None}


FULL = question_mapping(
    "mine",
    data={"from": "edges"},
    split={"train": [10, 30]},
    efficiency=None,
    arms={
        "mine_a": arm_mapping(
            train_size=30,
            fixed={"epochs": 5},
            space={
                "lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
                "batch_size": {"type": "categorical", "choices": [10, 32]},
            },
            baseline={"lr": 0.01, "batch_size": 10},
            published=[{"train_size": 30, "valid_accuracy": 97.2}],
            variants={
                "mine_a_fast": {
                    "title": "in larger steps",
                    "changes": {"lr": 0.1},
                    "published": [{"train_size": 30, "train_accuracy": 100.0}],
                }
            },
        ),
        "mine_b": arm_mapping(
            model="three_layer_mlp",
            fixed={"epochs": 5, "batch_size": 10, "hidden_dim_1": 50},
            space={
                "lr": {"type": "float", "low": 1e-4, "high": 0.1},
                "hidden_dim_2": {"type": "int", "low": 5, "high": 20},
            },
            baseline={"lr": 0.01, "hidden_dim_2": 10},
        ),
    },
    claims=[
        claim_mapping(
            "a_beats_b",
            "a beats b",
            {"type": "difference", "arm": "mine_a", "than": "mine_b", "train_size": 10},
            {"type": "level", "arm": "mine_b", "below": 90.0},
            {"type": "train_sizes_needed", "arm": "mine_a", "than": "mine_b", "value": 95.0},
        )
    ],
)
"""A question that has everything a file can hold."""
