"""What a question file may leave out, filled in where it follows from the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EFFICIENCY", "MOST_OBJECTIVES", "completed", "train_sizes"]

MOST_OBJECTIVES = 4
"""Of more than four hardly any configuration is better than another."""

EFFICIENCY = [10, 30, 50, 100, 200, 300, 500]
"""Examples per class at which best configurations are compared where a file does not say."""


def completed(data: Any) -> Any:
    """Return a question's plain data with what is left out; malformed parts stay as they are.

    Of several objectives the first is ``objective``. An arm is named by its key and titled by its
    model, and trains on the one size of training sets where the split gives one, or on the largest
    of those that it tunes over.

    Args:
        data: The content of a question file, in its present form.
    """
    if not isinstance(data, dict):
        return data
    arms = data.get("arms")
    document = data.get("data")
    filled: dict[str, Any] = {}
    if isinstance(document, dict) and document.get("from") == "edges":
        filled["efficiency"] = EFFICIENCY  # there are always more images
    if isinstance(data.get("question"), str) and data["question"]:
        filled["title"] = data["question"]
    filled |= _objectives(data)
    if isinstance(arms, dict):
        sizes = train_sizes(document)
        filled["arms"] = {name: _arm(name, arm, sizes) for name, arm in arms.items()}
    return filled


def _objectives(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with the first of several objectives apart, where these are well formed."""
    given = data.get("objectives")
    if not isinstance(given, list | tuple) or not 2 <= len(given) <= MOST_OBJECTIVES:
        return dict(data)
    if "objective" in data or "further_objectives" in data:
        return dict(data)
    found = {key: value for key, value in data.items() if key != "objectives"}
    return {**found, "objective": given[0], "further_objectives": list(given[1:])}


def train_sizes(document: Any) -> tuple[int, ...]:
    """Return the sizes of training sets that a data document lists.

    Nothing where it is malformed, or gives a share of the rows: then the data tell.
    """
    split = document.get("split") if isinstance(document, dict) else None
    given = split.get("train") if isinstance(split, dict) else None
    sizes: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    return tuple(sizes) if all(type(size) is int and size > 0 for size in sizes) else ()


def _arm(name: Any, arm: Any, sizes: tuple[int, ...]) -> Any:
    if not isinstance(arm, dict):
        return arm
    filled: dict[str, Any] = {"name": name, "title": _title(name, arm)}
    if (tuned := _tuned_sizes(arm)) is not None:
        # of a distribution that is wrong it is told what is; the arm must have some size
        able = [size for size in tuned if not sizes or size in sizes] or sizes
        filled["train_size"] = max(able, default=1)
    elif len(sizes) < 2:  # of several the arm has to say which
        filled["train_size"] = sizes[0] if sizes else 0
    return filled | arm


def _tuned_sizes(arm: Mapping[str, Any]) -> list[int] | None:
    """Return the sizes that an arm tunes over, none where they are wrong; None where it does not
    tune them.
    """
    space = arm.get("space")
    if not isinstance(space, dict) or "train_size" not in space:
        return None
    spec = space["train_size"]
    choices = spec.get("choices") if isinstance(spec, dict) else None
    found = list(choices) if isinstance(choices, list | tuple) else []
    return [size for size in found if type(size) is int and size > 0]


def _title(name: Any, arm: Mapping[str, Any]) -> Any:
    named = (arm.get("train"), arm.get("model"))
    return next((one for one in named if isinstance(one, str) and one), name)
