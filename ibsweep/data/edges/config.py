"""What the images look like: the options, their defaults and the rules they keep."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ibsweep.data.edges.rules import (
    diagonal_width_stop,
    edge_region,
    key_faults,
    option_faults,
    plain,
)
from ibsweep.data.faults import raise_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EdgeConfig"]


@dataclass(frozen=True)
class EdgeConfig:
    """What the images look like: the notebook's ``domain_config`` keys, and ``overshoot``.

    Widths are in pixels, intensities in [0, 1]. Lists, arrays and NumPy scalars become tuples and
    plain numbers, so that equal configurations compare and hash alike.

    Args:
        permutater: For each pixel, row by row, the pixel it is taken from; ``[R * R]``. It and
            its inverse are looked at only with ``use_permutation``.
        unpermutater: The inverse, for display; computed where it is not given.
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
        raise_faults(option_faults(vars(self)))
        if self.use_permutation and self.unpermutater is None and self.permutater is not None:
            inverse = sorted(range(len(self.permutater)), key=self.permutater.__getitem__)
            object.__setattr__(self, "unpermutater", tuple(inverse))

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> EdgeConfig:
        """Build a configuration from the notebook's keys.

        Raises:
            InputError: A key is unknown (the nearest known ones are named), or a rule is broken.
        """
        defaults = cls.defaults()
        given = {name: plain(value) for name, value in options.items() if name in defaults}
        raise_faults(key_faults(options, set(defaults)) + option_faults(defaults | given))
        return cls(**given)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the default of every option; they are the notebook's."""
        return {field.name: field.default for field in dataclasses.fields(cls)}

    def width_stop(self, class_type: str) -> int:
        """Return the exclusive upper end of a class's widths, in pixels."""
        if class_type == "diagonal":
            return diagonal_width_stop(self.max_edge_width)
        return self.max_edge_width + 1

    def region(self, split: str) -> tuple[int, int]:
        """Return the first pixel a band may start on and the one it has to end before."""
        return edge_region(self.spatial_resolution, self.possible_edge_location_ratio, split)
