"""The edge images as the data of a question."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ibsweep.data.dataset import Examples, ReplicateSets
from ibsweep.data.edges.config import EdgeConfig
from ibsweep.data.edges.rules import (
    integer_faults,
    key_faults,
    option_faults,
    plain,
    raise_faults,
)
from ibsweep.errors import Fault, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibsweep.data.edges.images import EdgeImages

__all__ = ["GENERATOR_VERSION", "EdgeDataset", "task_faults"]

GENERATOR_VERSION = 1
"""Part of a fingerprint: to be raised with any change of the images that a seed gives."""

_SETS = ("train_images", "valid_images", "test_images")
_NOT_A_TASKS = ("data_per_class", "permutater", "unpermutater")


@dataclass(frozen=True)
class EdgeDataset:
    """The edge images as the data of a question: what they look like and how many each set has.

    A ``Dataset``, the first of the catalogue.

    Args:
        edges: The images, unpermuted; ``data_per_class`` is set aside, each set has its own.
        train_images: Images per class of every training set, in the order of their draws.
        valid_images: Images per class of the validation set.
        test_images: Images per class of the held-out set.
        permute: Draw one permutation of the pixels for each replicate, before its images.

    Raises:
        InputError: One line for each rule that does not hold.
    """

    edges: EdgeConfig
    train_images: tuple[int, ...]
    valid_images: int = 50
    test_images: int = 1000
    permute: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        faults = task_faults(self._options())
        if self.edges.use_permutation:
            text = "must be false, but got True: `permute` draws one for each replicate"
            faults.append(Fault(("edges", "use_permutation"), text))
        raise_faults(faults)
        edges = dataclasses.replace(self.edges, data_per_class=EdgeConfig.data_per_class)
        object.__setattr__(self, "edges", edges)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> EdgeDataset:
        """Build a task from the notebook's keys and the three ``*_images`` keys.

        ``use_permutation`` asks for one permutation a replicate. :meth:`to_dict` is the inverse.

        Raises:
            InputError: A key is unknown or not a task's to set, or a rule does not hold.
        """
        raise_faults(task_faults(options))
        image_options = {k: v for k, v in options.items() if k not in (*_SETS, "use_permutation")}
        sets = {k: options[k] for k in _SETS if k in options}
        return cls(
            EdgeConfig(**image_options), **sets, permute=options.get("use_permutation", False)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain JSON values under the keys of :meth:`from_dict`."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self._options().items()}

    def _options(self) -> dict[str, Any]:
        image_options = {k: v for k, v in vars(self.edges).items() if k not in _NOT_A_TASKS}
        sets = {name: getattr(self, name) for name in _SETS}
        return {**image_options, "use_permutation": self.permute, **sets}

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their labels."""
        return self.edges.class_type

    @property
    def example_shape(self) -> tuple[int, int, int]:
        """The shape ``(1, R, R)`` of an image."""
        return 1, self.edges.spatial_resolution, self.edges.spatial_resolution

    def replicate(self, seed: int, images: int) -> ReplicateSets:
        """Draw a replicate's training and validation sets, as ``replicate_data`` does.

        Raises:
            InputError: ``seed`` or ``images`` is not an integer of its range.
        """
        from ibsweep.data.edges.replicates import replicate_data  # NumPy, which reading can spare

        drawn = replicate_data(self, seed, images)
        return ReplicateSets(_examples(drawn.train), _examples(drawn.valid))

    def held_out(self, seed: int) -> Examples:
        """Draw a replicate's test set, as ``held_out_data`` does.

        Raises:
            InputError: ``seed`` is not an integer from 0 to 2**32 - 1.
        """
        from ibsweep.data.edges.replicates import held_out_data

        return _examples(held_out_data(self, seed))

    def fingerprint(self) -> str:
        """Return the sha256, in hexadecimal, of the options and the generator's version."""
        options = {k: float(v) if _is_number(k) else v for k, v in self.to_dict().items()}
        content = {"source": "edges", "version": GENERATOR_VERSION, "task": options}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_number(option: str) -> bool:
    """Whether an option is a float, of which 1 and 1.0 are the same value."""
    return EdgeConfig.__annotations__.get(option) == "float"


def _examples(drawn: EdgeImages) -> Examples:
    return Examples(drawn.images[:, None], drawn.labels)


def task_faults(options: Mapping[str, Any]) -> list[Fault]:
    """Find everything that is wrong in a task.

    Args:
        options: The task under the keys of ``EdgeDataset.from_dict``.
    """
    defaults = EdgeConfig.defaults()
    image_options = set(defaults) - {*_NOT_A_TASKS}
    faults = [
        Fault((key,), "is not a task's to set: its sets and replicates have their own")
        for key in options
        if key in _NOT_A_TASKS
    ]
    others = {key: value for key, value in options.items() if key not in _NOT_A_TASKS}
    faults += key_faults(others, image_options | {*_SETS})
    given = {key: plain(value) for key, value in others.items() if key in image_options}
    # What is permuted is drawn for each replicate.
    faults += option_faults(defaults | given | {"use_permutation": False}, every_split=True)
    permute = given.get("use_permutation", False)
    if type(permute) is not bool:
        text = f"must be true or false, but got {format_value(permute)}"
        faults.append(Fault(("use_permutation",), text))
    faults += _train_faults(plain(options.get("train_images")))
    for name in ("valid_images", "test_images"):
        faults += integer_faults(name, options.get(name, 1))
    return faults


def _train_faults(sizes: object) -> list[Fault]:
    shown = format_value(list(sizes) if isinstance(sizes, tuple) else sizes)
    counts = isinstance(sizes, tuple) and all(not integer_faults("", size) for size in sizes)
    if not isinstance(sizes, tuple) or not sizes or not counts:
        text = "must list the images per class of each training set, such as [10, 30]"
        return [Fault(("train_images",), f"{text}, but got {shown}")]
    if len(set(sizes)) < len(sizes):
        return [Fault(("train_images",), f"must differ, but got {shown}")]
    return []
