"""Lists of a question file that must hold distinct things, and something that stands there twice.

A class that is named twice would be two classes that nothing tells apart. Files are held to this
when they are read, and stored sweeps are not: what was trained must stay readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import Fault, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["repeated_faults"]

Path = tuple[str | int, ...]

_LISTS: tuple[tuple[str, ...], ...] = (
    ("data", "class_type"),
    ("data", "drop"),
    ("data", "missing"),
    ("data", "categories"),
    ("data", "categories", "*"),
    ("arms", "*", "published"),
    ("arms", "*", "variants", "*", "published"),
    ("claims", "*", "tests"),
)
"""Where they stand; ``*`` is any key or place in a list. Choices of a distribution, sizes of
training sets, metrics and the ids of claims are compared where they are checked otherwise too."""


def repeated_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what stands twice in a list of distinct things.

    Args:
        data: The question as plain data, in its present form; malformed parts are passed over.
    """
    for place in _LISTS:
        for path, items in _found(data, place, ()):
            if not isinstance(items, list | tuple):
                continue
            seen = set()
            for i, item in enumerate(items):
                key = _identity(_figure(item) if place[-1] == "published" else item)
                if key in seen:
                    text = f"stands in the list already, got {format_value(item)}; leave one out"
                    yield Fault((*path, i), text)
                seen.add(key)


def _identity(item: Any) -> Any:
    """Return what equal items have in common, and no others: true is not 1."""
    is_scalar = isinstance(item, int | float | str)
    return (isinstance(item, bool), item) if is_scalar else repr(item)


def _figure(item: Any) -> Any:
    """Return what a published figure is of, without its value."""
    return [item.get("train_size"), *sorted(map(str, item))] if isinstance(item, dict) else item


def _found(data: Any, place: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not place:
        yield path, data
        return
    key, *rest = place
    items: Any = ()
    if isinstance(data, dict):
        items = data.items() if key == "*" else [(key, data[key])] if key in data else ()
    elif isinstance(data, list | tuple) and key == "*":
        items = enumerate(data)
    for name, value in items:
        yield from _found(value, tuple(rest), (*path, name))
