"""A question file without faults, and ways to spoil it."""

import copy

import yaml

GOOD = {
    "question": "mine",
    "title": "a title",
    "text": "a text",
    "task": {"train_images": [10, 30]},
    "objective": {"metric": "valid_accuracy", "direction": "maximize"},
    "arms": {
        "mine_a": {
            "title": "first",
            "model": "simple_cnn",
            "images": 30,
            "fixed": {"epochs": 5},
            "space": {
                "lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
                "batch_size": {"type": "categorical", "choices": [10, 32]},
            },
            "baseline": {"lr": 0.01, "batch_size": 10},
            "notebook": [{"images": 30, "valid_accuracy": 97.2}],
            "variants": {
                "mine_a_fast": {
                    "title": "in larger steps",
                    "changes": {"lr": 0.1},
                    "notebook": [{"images": 30, "train_accuracy": 100.0}],
                }
            },
        },
        "mine_b": {
            "title": "second",
            "model": "three_layer_mlp",
            "images": 10,
            "fixed": {"epochs": 5, "batch_size": 10, "hidden_dim_1": 50},
            "space": {
                "lr": {"type": "float", "low": 1e-4, "high": 0.1},
                "hidden_dim_2": {"type": "int", "low": 5, "high": 20},
            },
            "baseline": {"lr": 0.01, "hidden_dim_2": 10},
            "notebook": [],
        },
    },
    "claims": [
        {
            "id": "a_beats_b",
            "text": "a beats b",
            "tests": [
                {"type": "difference", "arm": "mine_a", "than": "mine_b", "images": 10},
                {"type": "level", "arm": "mine_b", "below": 90.0},
                {"type": "images_needed", "arm": "mine_a", "than": "mine_b", "percent": 95.0},
            ],
        }
    ],
}


def changed(path, value=None):
    """Return GOOD with one value set; without a value, the key is taken out."""
    data = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place = data
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def write(folder, content, name="mine.yaml"):
    """Write a question file, given as text or data, and return its path."""
    text = yaml.safe_dump(content, sort_keys=False) if isinstance(content, dict) else content
    path = folder / name
    path.write_text(text, "utf-8")
    return path
