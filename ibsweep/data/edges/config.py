"""What the images look like: the options, their defaults and the rules they keep."""

from __future__ import annotations

import dataclasses
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ibsweep.data.edges.checks import but, plain, refuse, unknown_key
from ibsweep.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

CLASS_TYPES = ("horizontal", "vertical", "diagonal", "both", "none")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class EdgeConfig:
    """What the images look like: the notebook's ``domain_config`` keys, and ``overshoot``.

    Widths are in pixels, intensities in [0, 1]. Lists, arrays and NumPy scalars become tuples and
    plain numbers, so that equal configurations compare and hash alike.

    Args:
        permutater: For each pixel, row by row, the pixel it is taken from; ``[R * R]``. It and
            its inverse are looked at only with ``use_permutation``.
        unpermutater: The inverse, for display; worked out where it is left out.
        overshoot: What becomes of values outside 0..255; ``wrap`` is the notebook's.

    Raises:
        InputError: One line for each rule that does not hold. A configuration under domain shift
            whose edges fit one half alone is refused only where the other half is asked for.
    """

    data_per_class: int = 1000
    num_classes: int = 3
    class_type: tuple[str, ...] = ("horizontal", "vertical", "none")
    spatial_resolution: int = 28
    min_edge_width: int = 1
    max_edge_width: int = 4
    max_edge_intensity: float = 1
    min_edge_intensity: float = 0.25
    max_background_intensity: float = 0.2
    min_background_intensity: float = 0
    possible_edge_location_ratio: float = 1.0
    num_horizontal_edge: int = 1
    num_vertical_edge: int = 1
    num_diagonal_edge: int = 1
    use_permutation: bool = False
    permutater: tuple[int, ...] | None = None
    unpermutater: tuple[int, ...] | None = None
    overshoot: Literal["wrap", "clip"] = "wrap"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        refuse(_edge_faults(self))
        if self.use_permutation and self.unpermutater is None:
            inverse = np.argsort(np.asarray(self.permutater))
            object.__setattr__(self, "unpermutater", tuple(inverse.tolist()))

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> EdgeConfig:
        """Build a configuration from the notebook's keys.

        Raises:
            InputError: A key is unknown (the nearest known ones are named), or a rule is broken.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        refuse([unknown_key(key, known) for key in options if key not in known])
        return cls(**options)

    def width_stop(self, class_type: str) -> int:
        """Return the exclusive upper end of a class's widths, in pixels."""
        if class_type == "diagonal":
            return int(self.max_edge_width / np.sqrt(2))
        return self.max_edge_width + 1

    def region(self, split: str) -> tuple[int, int]:
        """Return the first pixel a band may start on and the one it has to end before."""
        if self.possible_edge_location_ratio == 1:
            return 0, self.spatial_resolution
        boundary = int(self.possible_edge_location_ratio * self.spatial_resolution)
        return (0, boundary) if split == "train" else (boundary, self.spatial_resolution)


# By exact type, for True is an integer to isinstance; keyed by the text of a field's annotation.
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,)}

# Each rule, with the classes it is for where it is not for all.
_RULES: dict[str, tuple[str, ...]] = {
    "1 <= data_per_class": (),
    "1 <= num_classes": (),
    "num_classes == len(class_type)": (),
    "1 <= spatial_resolution": (),
    "0 <= min_edge_width <= max_edge_width": (),
    "min_edge_width < int(max_edge_width/sqrt(2))": ("diagonal",),
    "0 <= min_edge_intensity <= max_edge_intensity <= 1": (),
    "0 <= min_background_intensity <= max_background_intensity <= 1": (),
    "0 < possible_edge_location_ratio <= 1": (),
    "1 <= num_horizontal_edge": ("horizontal", "both"),
    "1 <= num_vertical_edge": ("vertical", "both"),
    "1 <= num_diagonal_edge": ("diagonal",),
    "num_vertical_edge <= num_horizontal_edge": ("vertical",),
}
_REASONS = {
    "num_vertical_edge <= num_horizontal_edge": " (they take only as many intensities as there "
    "are horizontal edges)"
}


def _edge_faults(config: EdgeConfig) -> list[str]:
    known, faults = dict(vars(config)), []
    for field in dataclasses.fields(config):
        if type(known[field.name]) not in _KINDS.get(str(field.type), (type(known[field.name]),)):
            given = {field.name: known.pop(field.name)}
            faults.append(but(f"`{field.name}` must be of type {field.type}", **given))
    names = config.class_type
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return [*faults, but("`class_type` must be a list of names", class_type=names)]
    faults += [
        f"`class_type` holds the unknown {name!r}; {suggestion(name, CLASS_TYPES)}"
        for name in dict.fromkeys(names)
        if name not in CLASS_TYPES
    ]
    faults += _rule_faults(config, known)
    if config.overshoot not in ("wrap", "clip"):
        faults.append(but("`overshoot` must be 'wrap' or 'clip'", overshoot=config.overshoot))
    placed = {"max_edge_width", "spatial_resolution", "possible_edge_location_ratio"}
    if known.keys() >= placed and all(room_faults(config, (split,)) for split in SPLITS):
        faults += room_faults(config, SPLITS)
    if known.get("use_permutation") and "spatial_resolution" in known:
        faults += _permutation_faults(config)
    return faults


def _rule_faults(config: EdgeConfig, known: dict[str, Any]) -> list[str]:
    """Check ``_RULES``; values that break one leave ``known``, to be reported once alone."""
    known |= {"0": 0, "1": 1, "len(class_type)": len(config.class_type)}
    if "max_edge_width" in known:
        known["int(max_edge_width/sqrt(2))"] = config.width_stop("diagonal")
    faults = []
    for rule, classes in _RULES.items():
        words = rule.split()
        concerned = not classes or not set(classes).isdisjoint(config.class_type)
        if concerned and known.keys() >= set(words[::2]) and not _holds(words, known):
            whom = f" for {' and '.join(map(repr, classes))} images" if classes else ""
            given = {word: known.pop(word) for word in words[::2] if not word.isdigit()}
            faults.append(but(f"`{rule}` must hold{whom}{_REASONS.get(rule, '')}", **given))
    return faults


def _holds(words: list[str], known: Mapping[str, Any]) -> bool:
    """Evaluate a chain of comparisons such as ``0 <= a <= b``."""
    compare = {"<": operator.lt, "<=": operator.le, "==": operator.eq}
    values = [known[word] for word in words[::2]]
    return all(compare[sign](*values[i : i + 2]) for i, sign in enumerate(words[1::2]))


def room_faults(config: EdgeConfig, splits: tuple[str, ...]) -> list[str]:
    """Return a fault for each region of these splits that the widest edge does not fit."""
    used = [name for name in config.class_type if name in CLASS_TYPES and name != "none"]
    widest = max((config.width_stop(name) - 1 for name in used), default=-1)
    faults: dict[tuple[int, int], str] = {}
    for split in splits:
        first, stop = config.region(split)
        if used and widest >= stop - first:
            fault = but(
                f"edges must be narrower than the {stop - first} pixels that they can lie on in "
                f"{split!r} images",
                max_edge_width=config.max_edge_width,
                spatial_resolution=config.spatial_resolution,
                possible_edge_location_ratio=config.possible_edge_location_ratio,
            )
            faults.setdefault((first, stop), fault)  # `test` shares its region with another
    return list(faults.values())


def _permutation_faults(config: EdgeConfig) -> list[str]:
    order, inverse, size = config.permutater, config.unpermutater, config.spatial_resolution**2
    rule = f"`permutater` must hold each index below `spatial_resolution ** 2` = {size} once"
    if not isinstance(order, tuple):
        return [but(rule, permutater=order)]
    if len(order) != size:
        return [f"{rule}, but got {len(order)} indices"]
    if any(type(index) is not int for index in order) or set(order) != set(range(size)):
        return [f"{rule}, but got other entries or some of them twice"]
    if inverse is not None and inverse != tuple(np.argsort(order).tolist()):
        return ["`unpermutater` must be the inverse of `permutater`, but got another order"]
    return []
