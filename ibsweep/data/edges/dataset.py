"""The edge images as the data of a question."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ibsweep.data.dataset import Examples, ReplicateSets
from ibsweep.data.edges.config import EdgeConfig
from ibsweep.data.edges.rules import (
    integer_faults,
    key_faults,
    option_faults,
    plain,
)
from ibsweep.data.faults import raise_faults
from ibsweep.data.schema import DataSchema
from ibsweep.errors import Fault, format_value, suggestion

if TYPE_CHECKING:
    from ibsweep.data.edges.images import EdgeImages

__all__ = ["GENERATOR_VERSION", "EdgeDataset", "edge_faults"]

GENERATOR_VERSION = 1
"""Part of a fingerprint: to be raised with any change of the images that a seed gives."""

_NOT_TO_SET = ("data_per_class", "permutater", "unpermutater")
_SIZES = ("train", "valid", "test")


@dataclass(frozen=True)
class EdgeDataset:
    """The edge images as the data of a question: what they look like and how many each set has.

    A ``Dataset``, the first of the catalogue, whose replicates are drawn anew from all the images
    that there can be.

    Args:
        edges: The images, unpermuted; ``data_per_class`` is set aside, each set has its own.
        train_sizes: Images per class of every training set, in the order of their draws.
        valid_size: Images per class of the validation set.
        test_size: Images per class of the held-out set.
        permute: Draw one permutation of the pixels for each replicate, before its images.

    Raises:
        InputError: One line for each rule that does not hold.
    """

    edges: EdgeConfig
    train_sizes: tuple[int, ...]
    valid_size: int = 50
    test_size: int = 1000
    permute: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        faults = edge_faults(self._document())
        if self.edges.use_permutation:
            text = "must be false, but got True: `permute` draws one for each replicate"
            faults.append(Fault(("edges", "use_permutation"), text))
        raise_faults(faults)
        edges = dataclasses.replace(self.edges, data_per_class=EdgeConfig.data_per_class)
        object.__setattr__(self, "edges", edges)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> EdgeDataset:
        """Build the dataset of a data document: the notebook's keys, and ``split``.

        ``use_permutation`` asks for one permutation a replicate. :meth:`to_dict` is the inverse.

        Raises:
            InputError: A key is unknown or not a question's to set, or a rule does not hold.

        Example:
            >>> document = {"from": "edges", "max_edge_width": 3, "split": {"train": [10, 30]}}
            >>> EdgeDataset.from_dict(document).to_dict()["split"]
            {'train': [10, 30], 'valid': 50, 'test': 1000, 'per': 'class'}
        """
        raise_faults(edge_faults(document))
        others = ("from", "split", "use_permutation")
        image_options = {k: v for k, v in document.items() if k not in others}
        sizes = {f"{k}_size": v for k, v in document["split"].items() if k in ("valid", "test")}
        return cls(
            EdgeConfig(**image_options),
            _train_sizes(document["split"]["train"]),
            **sizes,
            permute=document.get("use_permutation", False),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the data document, plain JSON values with every default filled in."""
        options: dict[str, Any] = {
            k: list(v) if isinstance(v, tuple) else v for k, v in self._document().items()
        }
        options["split"]["train"] = list(self.train_sizes)
        return options

    def _document(self) -> dict[str, Any]:
        image_options = {k: v for k, v in vars(self.edges).items() if k not in _NOT_TO_SET}
        split = {"train": self.train_sizes, "valid": self.valid_size, "test": self.test_size}
        return {
            "from": "edges",
            **image_options,
            "use_permutation": self.permute,
            "split": {**split, "per": "class"},
        }

    @property
    def schema(self) -> DataSchema:
        """What the data are."""
        return DataSchema(
            source="edges",
            example_shape=self.example_shape,
            classes=self.classes,
            train_sizes=self.train_sizes,
            per="class",
            noun="images",
            rows=None,
            draws="population",
            fingerprint=self.fingerprint(),
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their labels."""
        return self.edges.class_type

    @property
    def example_shape(self) -> tuple[int, int, int]:
        """The shape ``(1, R, R)`` of an image."""
        return 1, self.edges.spatial_resolution, self.edges.spatial_resolution

    def replicate(self, seed: int, train_size: int) -> ReplicateSets:
        """Draw a replicate's training and validation sets, as ``replicate_data`` does.

        Raises:
            InputError: ``seed`` or ``train_size`` is not an integer of its range.
        """
        from ibsweep.data.edges.replicates import replicate_data  # NumPy, which reading can spare

        drawn = replicate_data(self, seed, train_size)
        return ReplicateSets(_examples(drawn.train), _examples(drawn.valid))

    def held_out(self, seed: int, train_size: int) -> Examples:
        """Draw a replicate's test set, as ``held_out_data`` does, whatever its ``train_size``.

        Raises:
            InputError: ``seed`` is not an integer from 0 to 2**53 - 1.
        """
        from ibsweep.data.edges.replicates import held_out_data

        del train_size  # nothing is fitted on the training images
        return _examples(held_out_data(self, seed))

    def fingerprint(self) -> str:
        """Return the sha256, in hexadecimal, of the options and the generator's version."""
        document = {k: float(v) if _is_number(k) else v for k, v in self.to_dict().items()}
        content = {"version": GENERATOR_VERSION, **document}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def arrays(self) -> None:
        """Return None: any process draws the images by itself."""


def _is_number(option: str) -> bool:
    """Whether an option is a float, of which 1 and 1.0 are the same value."""
    return EdgeConfig.__annotations__.get(option) == "float"


def _examples(drawn: EdgeImages) -> Examples:
    return Examples(drawn.images[:, None], drawn.labels)


def edge_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Find everything that is wrong in a data document of the edge images.

    Args:
        document: The options under the keys of ``EdgeDataset.from_dict``.
    """
    defaults = EdgeConfig.defaults()
    image_options = set(defaults) - {*_NOT_TO_SET}
    options = {key: value for key, value in document.items() if key not in ("from", "split")}
    faults = [
        Fault((key,), "is not a question's to set: its sets and replicates have their own")
        for key in options
        if key in _NOT_TO_SET
    ]
    others = {key: value for key, value in options.items() if key not in _NOT_TO_SET}
    faults += key_faults(others, image_options)
    given = {key: plain(value) for key, value in others.items() if key in image_options}
    # What is permuted is drawn for each replicate.
    faults += option_faults(defaults | given | {"use_permutation": False}, every_split=True)
    permute = given.get("use_permutation", False)
    if type(permute) is not bool:
        text = f"must be true or false, but got {format_value(permute)}"
        faults.append(Fault(("use_permutation",), text))
    return faults + _split_faults(document.get("split"))


def _split_faults(split: object) -> list[Fault]:
    if not isinstance(split, Mapping):
        text = "must give the images of each set, such as {train: [10, 30], valid: 50, test: 1000}"
        return [Fault(("split",), f"{text}, but got {format_value(split)}")]
    known = (*_SIZES, "per")
    faults = [
        Fault((key,), f"is not a key here; {suggestion(str(key), known)}")
        for key in split
        if key not in known
    ]
    faults += _train_faults(_train_sizes(split.get("train")))
    for name in ("valid", "test"):
        faults += integer_faults(name, split.get(name, 1))
    if split.get("per", "class") != "class":
        text = f"must be 'class' for the edge images, but got {format_value(split['per'])}"
        faults.append(Fault(("per",), text))
    return [Fault(("split", *fault.path), fault.text) for fault in faults]


def _train_sizes(sizes: object) -> Any:
    """Return the sizes of training sets as a tuple, where one alone may stand for a list."""
    return (sizes,) if type(sizes) is int else plain(sizes)


def _train_faults(sizes: object) -> list[Fault]:
    shown = format_value(list(sizes) if isinstance(sizes, tuple) else sizes)
    counts = isinstance(sizes, tuple) and all(not integer_faults("", size) for size in sizes)
    if not isinstance(sizes, tuple) or not sizes or not counts:
        text = "must list the images per class of each training set, such as [10, 30]"
        return [Fault(("train",), f"{text}, but got {shown}")]
    if len(set(sizes)) < len(sizes):
        return [Fault(("train",), f"must differ, but got {shown}")]
    return []
