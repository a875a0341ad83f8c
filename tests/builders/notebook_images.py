"""The notebook's images, one image and one edge at a time: what ibsweep.data is held against.

Follows EdgeDetectionDataset of the notebook draw by draw and shares no code with the package.
Slow, unvalidated, and with one deliberate difference: values are truncated and taken modulo 256
in so many words, where the notebook leaves it to a cast that differs by platform.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import rotate

DEFAULTS: dict[str, Any] = {
    "data_per_class": 1000,
    "num_classes": 3,
    "class_type": ["horizontal", "vertical", "none"],
    "spatial_resolution": 28,
    "min_edge_width": 1,
    "max_edge_width": 4,
    "max_edge_intensity": 1,
    "min_edge_intensity": 0.25,
    "max_background_intensity": 0.2,
    "min_background_intensity": 0,
    "possible_edge_location_ratio": 1.0,
    "num_horizontal_edge": 1,
    "num_vertical_edge": 1,
    "num_diagonal_edge": 1,
    "use_permutation": False,
    "permutater": None,
    "unpermutater": None,
}


class NotebookImages(NamedTuple):
    images: np.ndarray  # uint8 [N, R, R]
    labels: np.ndarray  # int64 [N]
    mean: float
    std: float
    floats: np.ndarray  # float64 [N, R, R, 1]
    outside: np.ndarray  # bool [N, R, R]


def notebook_images(options: dict[str, Any], mode: str, rng: np.random.RandomState):
    c = {**DEFAULTS, **options}
    n, size = c["data_per_class"], c["spatial_resolution"]
    total = n * c["num_classes"]
    everything = np.zeros((total, size, size, 1))
    labels = np.zeros((total,), dtype=np.int64)
    makers = {"horizontal": horizontal, "vertical": vertical, "both": both, "diagonal": diagonal}
    for label in range(c["num_classes"]):
        kind = c["class_type"][label]
        block = background(c, rng) if kind == "none" else makers[kind](c, mode, rng)
        if c["use_permutation"]:
            for i in range(n):
                flat = block[i].reshape(size * size)
                block[i] = flat[np.asarray(c["permutater"])].reshape(size, size, 1)
        everything[label * n : (label + 1) * n] = block
        labels[label * n : (label + 1) * n] = label
    truncated = np.trunc(everything * 255)[:, :, :, 0]
    images = np.mod(truncated, 256).astype(np.uint8)
    outside = (truncated < 0) | (truncated > 255)
    mean, std = np.mean(everything), np.std(everything)
    return NotebookImages(images, labels, mean, std, everything, outside)


def background(c, rng):
    n, size = c["data_per_class"], c["spatial_resolution"]
    blank = np.ones((n, size, size, 1))
    low, high = c["min_background_intensity"], c["max_background_intensity"]
    blank *= rng.uniform(low, high, size=(n, 1, 1, 1))
    return blank


def places(c, mode, rng, edges, width_stop):
    n, size = c["data_per_class"], c["spatial_resolution"]
    ratio = c["possible_edge_location_ratio"]
    boundary = int(ratio * size)
    widths = rng.randint(c["min_edge_width"], width_stop, size=(n, edges))
    low, high = 0, size
    if ratio < 1.0:  # `test` follows `valid`; the notebook leaves it unshifted and unused
        low, high = (0, boundary) if mode == "train" else (boundary, size)
    starts = rng.randint(low, high - widths, size=(n, edges))
    return starts, np.clip(starts + widths, low, high - 1)


def shades(c, rng, edges):
    low, high = c["min_edge_intensity"], c["max_edge_intensity"]
    return rng.uniform(low, high, size=(c["data_per_class"], edges))


def horizontal(c, mode, rng):
    pictures = background(c, rng)
    starts, ends = places(c, mode, rng, c["num_horizontal_edge"], c["max_edge_width"] + 1)
    intensity = shades(c, rng, c["num_horizontal_edge"])
    for i in range(c["data_per_class"]):
        for j in range(c["num_horizontal_edge"]):
            for row in range(starts[i, j], ends[i, j]):
                pictures[i, row] = intensity[i, j]
    return pictures


def vertical(c, mode, rng):
    pictures = background(c, rng)
    starts, ends = places(c, mode, rng, c["num_vertical_edge"], c["max_edge_width"] + 1)
    intensity = shades(c, rng, c["num_horizontal_edge"])  # the notebook's default edge type
    for i in range(c["data_per_class"]):
        for j in range(c["num_vertical_edge"]):
            for column in range(starts[i, j], ends[i, j]):
                pictures[i, :, column] = intensity[i, j]
    return pictures


def both(c, mode, rng):
    across, down = c["num_horizontal_edge"], c["num_vertical_edge"]
    pictures = background(c, rng)
    starts, ends = places(c, mode, rng, across + down, c["max_edge_width"] + 1)
    intensity = shades(c, rng, across + down)
    for i in range(c["data_per_class"]):
        for j in range(across):
            for row in range(starts[i, j], ends[i, j]):
                pictures[i, row] = intensity[i, j]
        for j in range(down):
            for column in range(starts[i, j], ends[i, j]):
                pictures[i, :, column] = intensity[i, across + j]
    return pictures


def diagonal(c, mode, rng):
    n, edges = c["data_per_class"], c["num_diagonal_edge"]
    pictures = background(c, rng)
    fill = np.mean(pictures, axis=(1, 2, 3))
    starts, ends = places(c, mode, rng, edges, int(c["max_edge_width"] / np.sqrt(2)))
    intensity = shades(c, rng, edges)
    angles = rng.choice([30, 45, 120, 135], size=(n, edges))
    for i in range(n):
        for j in range(edges):
            band = slice(starts[i, j], ends[i, j])
            if i % 2 == 0:
                pictures[i, band, :, :] = intensity[i, j]
            else:
                pictures[i, :, band, :] = intensity[i, j]
            pictures[i] = rotate(
                pictures[i], angles[i, j], reshape=False, mode="constant", cval=fill[i]
            )
    return pictures
