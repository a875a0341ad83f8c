"""The sets of edge images that a replicate draws from its seed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from ibsweep.data.edges.images import EdgeImages, draw_images, draw_permutation, skip
from ibsweep.data.edges.rules import integer_faults, seed_faults
from ibsweep.data.faults import raise_faults
from ibsweep.data.streams import random_state

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import RandomState
    from numpy.typing import NDArray

    from ibsweep.data.edges.config import EdgeConfig
    from ibsweep.data.edges.dataset import EdgeDataset

__all__ = ["ReplicateData", "held_out_data", "replicate_data"]


class ReplicateData(NamedTuple):
    """What a replicate trains on; the two orders ``[R * R]`` are None without a permutation."""

    train: EdgeImages
    valid: EdgeImages
    permutater: NDArray[np.int32] | None
    unpermutater: NDArray[np.int64] | None


def replicate_data(task: EdgeDataset, seed: int, images_per_class: int) -> ReplicateData:
    """Draw a replicate's training and validation images from ``random_state(seed)``.

    The stream has the notebook's order: the permutation if any, each training set that the task
    lists, validation. So seed 10 *is* the notebook's data. A number of images that the task does
    not list has no place in that stream; its training set comes from
    ``random_state(seed, 1, images_per_class)``, and the validation images stay what they are.

    Args:
        task: The task; a seed gives all arms that share it the same images.
        seed: The replicate's seed, 0 to 2**53 - 1.
        images_per_class: Size of the training set that is wanted.

    Raises:
        InputError: ``seed`` or ``images_per_class`` is not an integer of its range.
    """
    raise_faults(seed_faults(seed) + integer_faults("images_per_class", images_per_class))
    rng = random_state(seed)
    edges, permutater, unpermutater = _permuted(task, rng)
    train = None
    for size in task.train_sizes:
        config = dataclasses.replace(edges, data_per_class=size)
        if size == images_per_class:
            train = draw_images(config, "train", rng)
        else:
            skip(config, "train", rng)
    valid = draw_images(dataclasses.replace(edges, data_per_class=task.valid_size), "valid", rng)
    if train is None:
        config = dataclasses.replace(edges, data_per_class=images_per_class)
        own_rng = random_state(seed, 1, images_per_class)
        train = draw_images(config, "train", own_rng)
    return ReplicateData(train, valid, permutater, unpermutater)


def held_out_data(task: EdgeDataset, seed: int) -> EdgeImages:
    """Draw a replicate's held-out images from ``random_state(seed, 2)``.

    They share the replicate's permutation and nothing else with its other sets.

    Raises:
        InputError: ``seed`` is not an integer from 0 to 2**53 - 1.
    """
    raise_faults(seed_faults(seed))
    edges, _, _ = _permuted(task, random_state(seed))
    config = dataclasses.replace(edges, data_per_class=task.test_size)
    return draw_images(config, "test", random_state(seed, 2))


def _permuted(
    task: EdgeDataset, rng: RandomState
) -> tuple[EdgeConfig, NDArray[np.int32] | None, NDArray[np.int64] | None]:
    if not task.permute:
        return task.edges, None, None
    permutater, unpermutater = draw_permutation(task.edges.spatial_resolution, rng)
    order = tuple(permutater.tolist())
    edges = dataclasses.replace(task.edges, use_permutation=True, permutater=order)
    return edges, permutater, unpermutater
