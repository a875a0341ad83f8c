"""Question files as they once were: read in one place, and turned into the present form.

They held the data of the edge images under ``task``, whose sets were counted in ``*_images``; an
arm's training set was ``images``, and what was published of it the ``notebook``. Manifests of
format 2 hold such questions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.data import document_of_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["place_in_file", "present_form"]

Path = tuple[str | int, ...]

_NAMES = {"images": "train_size", "notebook": "published"}
_FORMER = {"train_size": "images", "published": "notebook", "value": "percent"}


def present_form(data: Any) -> Any:
    """Return the content of a question file in its present form.

    What a file has under ``split`` becomes a key of ``data``: together they are the data document.
    Anything malformed stays as it is.

    Args:
        data: The content, of the present form or of the old one.
    """
    if not isinstance(data, dict):
        return data
    read = dict(data)
    if "task" in read and "data" not in read:
        task = read.pop("task")
        read["data"] = document_of_task(task) if _is_mapping(task) else task
    split = read.pop("split", None)
    if split is not None and _is_mapping(read.get("data")):
        read["data"] = {**read["data"], "split": split}
    if _is_mapping(read.get("arms")):
        read["arms"] = {name: _setting(arm) for name, arm in read["arms"].items()}
    if isinstance(read.get("claims"), list | tuple):
        read["claims"] = [_with(claim, "tests", _each(_test)) for claim in read["claims"]]
    return read


def place_in_file(data: Mapping[str, Any], path: Path) -> Path:
    """Return where a place of the present form stands in a file.

    Args:
        data: The file's content, as it was read.
        path: Keys and list positions in what `present_form` made of it.
    """
    match path:
        case ("data", "split", *rest) if "task" in data:
            return ("task", f"{rest[0]}_images", *rest[1:]) if rest else ("task",)
        case ("data", *rest) if "task" in data:
            return ("task", *rest)
        case ("data", "split", *rest) if not _inside(data, ("data", "split")):
            return ("split", *rest)
        case ("objective", *rest) if "objectives" in data and "objective" not in data:
            return ("objectives", 0, *rest)
        case ("further_objectives", int(i), *rest) if "objectives" in data:
            return ("objectives", i + 1, *rest)
    found: Path = ()
    for part in path:
        renamed = _FORMER.get(part) if isinstance(part, str) else None
        is_old = renamed is not None and _inside(data, (*found, renamed))
        found = (*found, renamed if is_old and renamed else part)
    return found


def _setting(arm: Any) -> Any:
    """Return an arm, or a variant of it."""
    read = _with(_renamed(arm), "published", _each(_renamed))
    if _is_mapping(read) and _is_mapping(read.get("variants")):
        read["variants"] = {name: _setting(one) for name, one in read["variants"].items()}
    return read


def _test(data: Any) -> Any:
    read = _renamed(data)
    if _is_mapping(read) and read.get("type") == "images_needed":
        read = {"value" if key == "percent" else key: v for key, v in read.items()}
        read["type"] = "train_sizes_needed"
    return read


def _renamed(data: Any) -> Any:
    return {_NAMES.get(key, key): v for key, v in data.items()} if _is_mapping(data) else data


def _with(data: Any, key: str, change: Callable[[Any], Any]) -> Any:
    """Return a mapping with one of its values changed, where it has it."""
    if not _is_mapping(data) or key not in data:
        return data
    return {**data, key: change(data[key])}


def _each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda data: list(map(change, data)) if isinstance(data, list | tuple) else data


def _is_mapping(data: Any) -> bool:
    return isinstance(data, dict)


def _inside(data: Any, path: Path) -> bool:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
