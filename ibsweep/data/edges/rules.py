"""What each option of the images has to be, and what options have to be to one another.

Free of NumPy, so that a question file is checked without importing it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ibsweep.errors import Fault, format_value, suggestion

__all__ = [
    "CLASS_TYPES",
    "SPLITS",
    "diagonal_width_stop",
    "edge_region",
    "integer_faults",
    "key_faults",
    "option_faults",
    "plain",
    "room_faults",
    "seed_faults",
]

CLASS_TYPES = ("horizontal", "vertical", "diagonal", "both", "none")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class _Kind:
    """The values that an option takes by itself.

    Attributes:
        rule: The values in words, to stand after "must be".
        accepts: Tells whether a value is one of them.
    """

    rule: str
    accepts: Callable[[Any], bool]


# By exact type, for True is an integer to isinstance.


def _integer(low: int, bits: int = 32) -> _Kind:
    return _Kind(
        f"an integer from {low} to 2**{bits} - 1",
        lambda value: type(value) is int and low <= value < 2**bits,
    )


def _number(rule: str, accepts: Callable[[float], bool]) -> _Kind:
    return _Kind(rule, lambda value: type(value) in (int, float) and accepts(value))


_FRACTION = _number("a number from 0 to 1", lambda value: 0 <= value <= 1)

_KINDS: dict[str, _Kind] = {
    "data_per_class": _integer(1),
    "num_classes": _integer(1),
    "class_type": _Kind("a list of names", lambda value: _are_names(value)),
    "spatial_resolution": _integer(1),
    "min_edge_width": _integer(0),
    "max_edge_width": _integer(0),
    "max_edge_intensity": _FRACTION,
    "min_edge_intensity": _FRACTION,
    "max_background_intensity": _FRACTION,
    "min_background_intensity": _FRACTION,
    "possible_edge_location_ratio": _number(
        "a number above 0 and at most 1", lambda value: 0 < value <= 1
    ),
    "num_horizontal_edge": _integer(0),
    "num_vertical_edge": _integer(0),
    "num_diagonal_edge": _integer(0),
    "use_permutation": _Kind("true or false", lambda value: type(value) is bool),
    "overshoot": _Kind("'wrap' or 'clip'", lambda value: value in ("wrap", "clip")),
}


@dataclass(frozen=True)
class _Rule:
    """What options have to be to one another.

    Attributes:
        options: The options; a fault stands at the first of them.
        rule: What that one has to be, to stand after "must be".
        holds: Called with the values of the options.
        classes: The class types that the rule is for, where it is not for all of them.
    """

    options: tuple[str, ...]
    rule: str
    holds: Callable[..., bool]
    classes: tuple[str, ...] = ()


_RULES = (
    _Rule(
        ("num_classes", "class_type"),
        "the number of names in `class_type`",
        lambda count, names: count == len(names),
    ),
    _Rule(
        ("min_edge_width", "max_edge_width"),
        "at most `max_edge_width`",
        lambda low, high: low <= high,
    ),
    _Rule(
        ("min_edge_width", "max_edge_width"),
        "below `max_edge_width` / sqrt(2), rounded down, for 'diagonal' images",
        lambda low, high: low < diagonal_width_stop(high),
        classes=("diagonal",),
    ),
    _Rule(
        ("min_edge_intensity", "max_edge_intensity"),
        "at most `max_edge_intensity`",
        lambda low, high: low <= high,
    ),
    _Rule(
        ("min_background_intensity", "max_background_intensity"),
        "at most `max_background_intensity`",
        lambda low, high: low <= high,
    ),
    _Rule(
        ("num_horizontal_edge",),
        "at least 1 for 'horizontal' and 'both' images",
        lambda count: count >= 1,
        classes=("horizontal", "both"),
    ),
    _Rule(
        ("num_vertical_edge",),
        "at least 1 for 'vertical' and 'both' images",
        lambda count: count >= 1,
        classes=("vertical", "both"),
    ),
    _Rule(
        ("num_diagonal_edge",),
        "at least 1 for 'diagonal' images",
        lambda count: count >= 1,
        classes=("diagonal",),
    ),
    _Rule(
        ("num_vertical_edge", "num_horizontal_edge"),
        "at most `num_horizontal_edge` for 'vertical' images (they take only as many intensities "
        "as there are horizontal edges)",
        lambda vertical, horizontal: vertical <= horizontal,
        classes=("vertical",),
    ),
)


def plain(value: Any) -> Any:
    """Return lists and arrays as tuples, NumPy scalars as Python's; anything else as it is."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value


def integer_faults(name: str, value: object, low: int = 1) -> list[Fault]:
    """Check for an integer of 32 bits from ``low`` on; NumPy's count, booleans do not."""
    kind = _integer(low)
    if kind.accepts(plain(value)):
        return []
    return [Fault((name,), f"must be {kind.rule}, but got {format_value(value)}")]


def seed_faults(seed: object) -> list[Fault]:
    """Check for the seed of a replicate: an integer that JSON and JavaScript hold exactly."""
    kind = _integer(0, bits=53)
    if kind.accepts(plain(seed)):
        return []
    return [Fault(("seed",), f"must be {kind.rule}, but got {format_value(seed)}")]


def key_faults(options: Mapping[str, Any], known: set[str]) -> list[Fault]:
    """Find the keys that are none of the known ones."""
    return [
        Fault((key,), f"is not an option of the images; {suggestion(str(key), known)}")
        for key in options
        if key not in known
    ]


def diagonal_width_stop(max_edge_width: int) -> int:
    """Return the exclusive upper end of the widths of diagonal bands, in pixels."""
    return int(max_edge_width / math.sqrt(2))


def edge_region(resolution: int, ratio: float, split: str) -> tuple[int, int]:
    """Return the first pixel a band may start on and the one it has to end before."""
    if ratio == 1:
        return 0, resolution
    boundary = int(ratio * resolution)
    return (0, boundary) if split == "train" else (boundary, resolution)


def option_faults(options: Mapping[str, Any], *, every_split: bool = False) -> list[Fault]:
    """Find everything that is wrong in a configuration.

    Args:
        options: A value for every field of ``EdgeConfig``, as ``plain`` returns them. What breaks
            a rule is reported once, with the first rule that it breaks.
        every_split: Whether the edges have to fit the images of every split, not just of one.
    """
    faults = [
        Fault((name,), f"must be {kind.rule}, but got {_shown(options[name])}")
        for name, kind in _KINDS.items()
        if not kind.accepts(options[name])
    ]
    wrong = {fault.path[0] for fault in faults}
    classes = options["class_type"] if "class_type" not in wrong else ()
    places = {name: i for i, name in reversed([*enumerate(classes)])}  # each by its first
    for name, i in sorted(places.items(), key=lambda item: item[1]):
        if name not in CLASS_TYPES:
            text = f"must be a class type, but got {format_value(name)}"
            fault = Fault(("class_type", i), f"{text}; {suggestion(name, CLASS_TYPES)}")
            faults.append(fault)
    for rule in _RULES:
        if rule.classes and not set(rule.classes) & set(classes):
            continue
        if wrong.isdisjoint(rule.options) and not rule.holds(*(options[n] for n in rule.options)):
            first, *others = rule.options
            beside = "".join(f", with {name}={_shown(options[name])}" for name in others)
            text = f"must be {rule.rule}, but got {_shown(options[first])}{beside}"
            faults.append(Fault((first,), text))
            wrong |= set(rule.options)
    if wrong.isdisjoint(_ROOM):
        sized = {**options, "class_type": classes}
        if every_split or all(room_faults(sized, (split,)) for split in SPLITS):
            faults += room_faults(sized, SPLITS)
    if options["use_permutation"] is True and "spatial_resolution" not in wrong:
        faults += _permutation_faults(options)
    return faults


_ROOM = ("max_edge_width", "spatial_resolution", "possible_edge_location_ratio")


def room_faults(options: Mapping[str, Any], splits: tuple[str, ...]) -> list[Fault]:
    """Return a fault for each region of these splits that the widest edge does not fit."""
    width, resolution, ratio = (options[name] for name in _ROOM)
    stops = {
        name: diagonal_width_stop(width) if name == "diagonal" else width + 1
        for name in options["class_type"]
        if name in CLASS_TYPES and name != "none"
    }
    faults: dict[tuple[int, int], Fault] = {}
    for split in splits:
        first, stop = edge_region(resolution, ratio, split)
        if stops and max(stops.values()) > stop - first:
            text = (
                f"must be narrower than the {stop - first} pixels that edges can lie on in "
                f"{split!r} images, but got {width}, with spatial_resolution={resolution}, "
                f"possible_edge_location_ratio={ratio}"
            )
            fault = Fault(("max_edge_width",), text)
            faults.setdefault((first, stop), fault)  # `test` shares its region with another
    return list(faults.values())


def _permutation_faults(options: Mapping[str, Any]) -> list[Fault]:
    order, inverse = options["permutater"], options["unpermutater"]
    size = options["spatial_resolution"] ** 2
    rule = f"must hold each index below `spatial_resolution ** 2` = {size} once"
    if not isinstance(order, tuple):
        return [Fault(("permutater",), f"{rule}, but got {format_value(order)}")]
    if len(order) != size:
        return [Fault(("permutater",), f"{rule}, but got {len(order)} indices")]
    if any(type(index) is not int for index in order) or set(order) != set(range(size)):
        text = f"{rule}, but got other entries or some of them twice"
        return [Fault(("permutater",), text)]
    if inverse is not None and inverse != tuple(sorted(range(size), key=order.__getitem__)):
        text = "must be the inverse of `permutater`, but got another order"
        return [Fault(("unpermutater",), text)]
    return []


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


def _shown(value: object) -> str:
    """Return a value as the user wrote it, tuples as the lists that they were."""
    return format_value(list(value) if isinstance(value, tuple) else value)
