"""The edge images: pure functions of a configuration, a split and a RandomState.

Notation:
    N: images of one class (``data_per_class``); a set holds ``N * num_classes``, sorted by class.
    R: height and width in pixels (``spatial_resolution``).
    E: bands of an image; a band fills the rows (or columns) ``start <= row < end``.

Bytes, labels, statistics and the state the RandomState is left in are those of the notebook's
``EdgeDetectionDataset``; `images` lists what that brings with it.

Domain shift (``possible_edge_location_ratio < 1``): the bands of ``train`` lie before pixel
``int(ratio * R)``, those of ``valid`` from it on. The notebook's ``test`` ignores the shift; here
it follows ``valid``.
"""

from ibsweep.data.edges.config import CLASS_TYPES, SPLITS, EdgeConfig
from ibsweep.data.edges.images import (
    ANGLES,
    EdgeImages,
    draw,
    draw_images,
    draw_permutation,
    skip,
    to_float,
)
from ibsweep.data.edges.task import ReplicateData, Task, held_out_data, replicate_data

__all__ = [
    "ANGLES",
    "CLASS_TYPES",
    "SPLITS",
    "EdgeConfig",
    "EdgeImages",
    "ReplicateData",
    "Task",
    "draw",
    "draw_images",
    "draw_permutation",
    "held_out_data",
    "replicate_data",
    "skip",
    "to_float",
]
