"""The data of questions, and the edge images: pure functions of options, split and RandomState.

Whoever trains on a question's data asks its ``Dataset``, which ``open_dataset`` makes; the sources
that it can come from stand in ``sources/known``. The edge images are a generator, drawn anew for
each replicate; all others are a ``PoolDataset``, whose examples exist once and whose replicates
are rows of them.

Notation of the edge images:
    N: images of one class (``data_per_class``); a set holds ``N * num_classes``, sorted by class.
    R: height and width in pixels (``spatial_resolution``).
    E: bands of an image; a band fills the rows (or columns) ``start <= row < end``.

Bytes, labels, statistics and the state the RandomState is left in are those of the notebook's
``EdgeDetectionDataset``; `images` lists what that brings with it.

Domain shift (``possible_edge_location_ratio < 1``): the bands of ``train`` lie before pixel
``int(ratio * R)``, those of ``valid`` from it on. The notebook's ``test`` ignores the shift; here
it follows ``valid``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ibsweep.data.catalogue import (
    attach,
    data_faults,
    document_of_task,
    open_dataset,
)
from ibsweep.data.dataset import Dataset, Examples, ReplicateSets, to_float
from ibsweep.data.edges.config import EdgeConfig
from ibsweep.data.edges.dataset import EdgeDataset
from ibsweep.data.edges.rules import CLASS_TYPES, SPLITS
from ibsweep.data.faults import DataError
from ibsweep.data.schema import DataSchema
from ibsweep.data.sources.known import SOURCES

if TYPE_CHECKING:
    from ibsweep.data.edges.images import (
        ANGLES,
        EdgeImages,
        draw,
        draw_images,
        draw_permutation,
        skip,
    )
    from ibsweep.data.edges.replicates import ReplicateData, held_out_data, replicate_data

__all__ = [
    "ANGLES",
    "CLASS_TYPES",
    "SOURCES",
    "SPLITS",
    "DataError",
    "DataSchema",
    "Dataset",
    "EdgeConfig",
    "EdgeDataset",
    "EdgeImages",
    "Examples",
    "ReplicateData",
    "ReplicateSets",
    "attach",
    "data_faults",
    "document_of_task",
    "draw",
    "draw_images",
    "draw_permutation",
    "held_out_data",
    "open_dataset",
    "replicate_data",
    "skip",
    "to_float",
]

_DRAWING = dict.fromkeys(
    ("ANGLES", "EdgeImages", "draw", "draw_images", "draw_permutation", "skip"),
    "ibsweep.data.edges.images",
) | dict.fromkeys(
    ("ReplicateData", "held_out_data", "replicate_data"), "ibsweep.data.edges.replicates"
)


def __getattr__(name: str) -> Any:
    """Import what draws images when it is first asked for: reading a question needs no NumPy."""
    if name in _DRAWING:
        return getattr(import_module(_DRAWING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
