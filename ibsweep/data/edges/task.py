"""The data of a question, and the sets that a replicate draws from its seed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.data.edges.checks import but, integer_faults, plain, refuse, unknown_key
from ibsweep.data.edges.config import SPLITS, EdgeConfig, room_faults
from ibsweep.data.edges.images import EdgeImages, draw_images, draw_permutation, skip
from ibsweep.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import RandomState
    from numpy.typing import NDArray

_NOT_A_TASKS = ("data_per_class", "permutater", "unpermutater")


@dataclass(frozen=True)
class Task:
    """The data of a question: what its images look like and how many of a class each set has.

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
        faults = [*_set_faults(vars(self)), *room_faults(self.edges, SPLITS)]
        if self.edges.use_permutation:
            faults.append(
                "`edges.use_permutation` must be False (`permute` draws one for each replicate), "
                "but got use_permutation=True"
            )
        refuse(faults)
        edges = dataclasses.replace(self.edges, data_per_class=EdgeConfig.data_per_class)
        object.__setattr__(self, "edges", edges)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> Task:
        """Build a task from the notebook's keys and the three ``*_images`` keys.

        ``use_permutation`` asks for one permutation a replicate. :meth:`to_dict` is the inverse.

        Raises:
            InputError: A key is unknown or not a task's to set, or a rule does not hold.
        """
        look = {field.name for field in dataclasses.fields(EdgeConfig)} - {*_NOT_A_TASKS}
        sets = {"train_images", "valid_images", "test_images"}
        refuse(_key_faults(options, look | sets))
        given = {key: options[key] for key in sets & options.keys()}
        given = {"train_images": (), "permute": options.get("use_permutation", False), **given}
        look = (look & options.keys()) - {"use_permutation"}
        try:
            edges = EdgeConfig(**{key: options[key] for key in look})
        except InputError as error:
            faults = _set_faults({key: plain(value) for key, value in given.items()})
            raise InputError("\n".join([str(error), *faults])) from None
        return cls(edges, **given)

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain JSON values under the keys of :meth:`from_dict`."""
        task = {name: getattr(self, name) for name in ("valid_images", "test_images")}
        look = {k: v for k, v in vars(self.edges).items() if k not in _NOT_A_TASKS}
        look |= {"class_type": list(self.edges.class_type), "use_permutation": self.permute}
        return {**look, "train_images": list(self.train_images), **task}


class ReplicateData(NamedTuple):
    """What a replicate trains on; the two orders ``[R * R]`` are None without a permutation."""

    train: EdgeImages
    valid: EdgeImages
    permutater: NDArray[np.int32] | None
    unpermutater: NDArray[np.int64] | None


def replicate_data(task: Task, seed: int, images_per_class: int) -> ReplicateData:
    """Draw a replicate's training and validation images from ``RandomState(seed)``.

    The stream has the notebook's order: the permutation if any, each training set that the task
    lists, validation. So seed 10 *is* the notebook's data. A number of images that the task does
    not list has no place in that stream; its training set comes from
    ``RandomState([seed, 1, images_per_class])``, and the validation images stay what they are.

    Args:
        task: The task; a seed gives all arms that share it the same images.
        seed: The replicate's seed, 0 to 2**32 - 1.
        images_per_class: Size of the training set that is wanted.

    Raises:
        InputError: ``seed`` or ``images_per_class`` is not an integer of its range.
    """
    refuse(integer_faults("seed", seed, 0) + integer_faults("images_per_class", images_per_class))
    rng = np.random.RandomState(seed)
    edges, permutater, unpermutater = _permuted(task, rng)
    train = None
    for size in task.train_images:
        config = dataclasses.replace(edges, data_per_class=size)
        if size == images_per_class:
            train = draw_images(config, "train", rng)
        else:
            skip(config, "train", rng)
    valid = draw_images(dataclasses.replace(edges, data_per_class=task.valid_images), "valid", rng)
    if train is None:
        config = dataclasses.replace(edges, data_per_class=images_per_class)
        own_rng = np.random.RandomState([seed, 1, images_per_class])
        train = draw_images(config, "train", own_rng)
    return ReplicateData(train, valid, permutater, unpermutater)


def held_out_data(task: Task, seed: int) -> EdgeImages:
    """Draw a replicate's held-out images from ``RandomState([seed, 2])``.

    They share the replicate's permutation and nothing else with its other sets.

    Raises:
        InputError: ``seed`` is not an integer from 0 to 2**32 - 1.
    """
    refuse(integer_faults("seed", seed, 0))
    edges, _, _ = _permuted(task, np.random.RandomState(seed))
    config = dataclasses.replace(edges, data_per_class=task.test_images)
    return draw_images(config, "test", np.random.RandomState([seed, 2]))


def _permuted(
    task: Task, rng: RandomState
) -> tuple[EdgeConfig, NDArray[np.int32] | None, NDArray[np.int64] | None]:
    if not task.permute:
        return task.edges, None, None
    permutater, unpermutater = draw_permutation(task.edges.spatial_resolution, rng)
    order = tuple(permutater.tolist())
    edges = dataclasses.replace(task.edges, use_permutation=True, permutater=order)
    return edges, permutater, unpermutater


def _key_faults(options: Mapping[str, Any], known: set[str]) -> list[str]:
    own = "is not a task's to set: its sets and replicates have their own"
    return [
        f"`{key}` {own}" if key in _NOT_A_TASKS else unknown_key(key, known)
        for key in options
        if key not in known
    ]


def _set_faults(sets: Mapping[str, Any]) -> list[str]:
    train = sets["train_images"]
    if not isinstance(train, tuple) or not train:
        faults = [but("`train_images` must list numbers of images", train_images=train)]
    else:
        faults = [fault for size in train for fault in integer_faults("train_images", size)]
        if not faults and len(set(train)) < len(train):
            rule = "`train_images` must list each number of images once"
            faults = [but(rule, train_images=train)]
    for name in ("valid_images", "test_images"):
        faults += integer_faults(name, sets.get(name, 1))
    if type(sets["permute"]) is not bool:
        faults.append(
            but("`use_permutation` must be of type bool", use_permutation=sets["permute"])
        )
    return faults
