"""Sets of images drawn from a configuration, a split and a RandomState.

A class draws whole arrays: background ``[N]``, widths ``[N, E]``, starts ``[N, E]``, intensities
``[N, E]``, for diagonals angles ``[N, E]``. Rendering draws nothing, so a set can be skipped for
the price of its random numbers.

What to know about the images, all of it inherited from the notebook:
    - Label 0 is the first name of ``class_type``: by default horizontal, then vertical, then none.
    - Starts stop one short of the room there is: the last row and column never hold a band.
    - ``both`` takes its vertical bands from the positions of the horizontal ones, so that every
      cross is centred on the main diagonal; the vertical band lies on top.
    - ``vertical`` takes as many intensities as there are *horizontal* bands.
    - ``diagonal`` draws a row band (even images) or a column band (odd ones) and turns the image
      by 30, 45, 120 or 135 degrees, band after band: a second one lies on a turned image. Widths
      stay below ``int(max_edge_width / sqrt(2))``.
    - Turning with cubic splines leaves [0, 1], and bytes wrap round there (-9 becomes 247): this
      concerns 82 of q6's 240 diagonal images at seed 10. ``overshoot="clip"`` limits them to
      0..255 instead; the pixels concerned are counted either way.
    - Mean and standard deviation are of the floats, after the permutation, before the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.data.edges.config import EdgeConfig
from ibsweep.data.edges.rules import SPLITS, room_faults
from ibsweep.data.faults import raise_faults
from ibsweep.errors import InputError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import RandomState
    from numpy.typing import NDArray

ANGLES = (30, 45, 120, 135)  # degrees


class EdgeImages(NamedTuple):
    """One set of images, sorted by class.

    Attributes:
        images: uint8 ``[N * num_classes, R, R]``.
        labels: int64 ``[N * num_classes]``, positions in ``class_type``.
        mean: Mean of all values before they became bytes.
        std: Standard deviation of the same.
        overshoot: Number of pixels whose value in 255ths, truncated, lies outside 0..255.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    mean: float
    std: float
    overshoot: int


def draw(
    config: EdgeConfig | Mapping[str, Any], split: str, rng: RandomState
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw one set as :func:`draw_images` does, and return its images and labels alone."""
    drawn = draw_images(config, split, rng)
    return drawn.images, drawn.labels


def draw_images(
    config: EdgeConfig | Mapping[str, Any], split: str, rng: RandomState
) -> EdgeImages:
    """Draw one set of images with its statistics.

    Args:
        config: The configuration, or a dict of the notebook's keys.
        split: ``train``, ``valid`` or ``test``; they differ under domain shift alone.
        rng: The source of all random numbers; it moves on by exactly the notebook's draws.

    Raises:
        InputError: The configuration or the split is wrong, or the edges do not fit the split's
            half of the image; nothing has been drawn then.
    """
    config = _checked(config, split)
    size, resolution = config.data_per_class, config.spatial_resolution
    order = np.arange(resolution**2)
    if config.use_permutation:
        order = np.asarray(config.permutater)
    values = np.empty((config.num_classes, size, resolution**2))
    for label, class_type in enumerate(config.class_type):
        images = _render(config, class_type, _sample(config, class_type, split, rng))
        values[label] = images.reshape(size, -1)[:, order]
    # Through int64: a float cast to uint8 out of range differs by platform.
    whole = (values * 255).astype(np.int64)
    overshoot = int(np.count_nonzero((whole < 0) | (whole > 255)))
    if config.overshoot == "clip":
        whole = whole.clip(0, 255)
    return EdgeImages(
        images=whole.astype(np.uint8).reshape(-1, resolution, resolution),
        labels=np.repeat(np.arange(config.num_classes, dtype=np.int64), size),
        mean=float(np.mean(values)),
        std=float(np.std(values)),
        overshoot=overshoot,
    )


def skip(config: EdgeConfig | Mapping[str, Any], split: str, rng: RandomState) -> None:
    """Move ``rng`` on as :func:`draw_images` does, without rendering; same errors."""
    config = _checked(config, split)
    for class_type in config.class_type:
        _sample(config, class_type, split, rng)


def draw_permutation(
    resolution: int, rng: RandomState
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Draw an order of ``resolution ** 2`` pixels; return it and its inverse."""
    permutater = np.arange(resolution**2, dtype=np.int32)
    rng.shuffle(permutater)
    return permutater, np.argsort(permutater)


def _checked(config: EdgeConfig | Mapping[str, Any], split: str) -> EdgeConfig:
    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}; {suggestion(str(split), SPLITS)}")
    if not isinstance(config, EdgeConfig):
        config = EdgeConfig.from_dict(config)
    raise_faults(room_faults(vars(config), (split,)))
    return config


class _Draws(NamedTuple):
    """The random numbers of one class; E is 0 for ``none``."""

    background: NDArray[np.float64]  # [N, 1, 1, 1]
    start: NDArray[np.int64]  # [N, E]
    end: NDArray[np.int64]  # [N, E]
    intensity: NDArray[np.float64]  # [N, E]
    angle: NDArray[np.int64]  # [N, E] degrees, [N, 0] unless diagonal


def _sample(config: EdgeConfig, class_type: str, split: str, rng: RandomState) -> _Draws:
    # The order of the draws and their shapes are what makes the bytes the notebook's.
    size = config.data_per_class
    shape = (size, _num_bands(config, class_type))
    background = rng.uniform(
        config.min_background_intensity, config.max_background_intensity, size=(size, 1, 1, 1)
    )
    no_angle = np.empty((size, 0), dtype=np.int64)
    if class_type == "none":
        return _Draws(background, no_angle, no_angle, np.empty((size, 0)), no_angle)
    first, stop = config.region(split)
    width = rng.randint(config.min_edge_width, config.width_stop(class_type), size=shape)
    start = rng.randint(first, stop - width, size=shape)
    columns = config.num_horizontal_edge if class_type == "vertical" else shape[1]
    intensity = rng.uniform(
        config.min_edge_intensity, config.max_edge_intensity, size=(size, columns)
    )
    angle = rng.choice(ANGLES, size=shape) if class_type == "diagonal" else no_angle
    return _Draws(background, start, start + width, intensity, angle)


def _num_bands(config: EdgeConfig, class_type: str) -> int:
    across, down = config.num_horizontal_edge, config.num_vertical_edge
    counts = {"horizontal": across, "vertical": down, "both": across + down, "none": 0}
    return counts.get(class_type, config.num_diagonal_edge)


def _render(config: EdgeConfig, class_type: str, draws: _Draws) -> NDArray[np.float64]:
    """Return the images of one class, ``[N, R, R]``."""
    size, resolution = config.data_per_class, config.spatial_resolution
    blank = np.ones((size, resolution, resolution, 1)) * draws.background
    images = blank.reshape(size, resolution, resolution)
    if class_type == "diagonal":
        # The mean of equal numbers can differ from them in its last bit, by how the sum is split
        # up: it is taken over the notebook's own shape and axes.
        _render_diagonals(images, draws, fill=np.mean(blank, axis=(1, 2, 3)))
        return images
    across = config.num_horizontal_edge if class_type in ("horizontal", "both") else 0
    down = config.num_vertical_edge if class_type in ("vertical", "both") else 0
    start, end, intensity = draws.start.T, draws.end.T, draws.intensity.T  # [E, N]
    for j in range(across):
        _paint(images, start[j], end[j], intensity[j])
    for j in range(down):  # positions start again from the first, intensities go on
        _paint(images.transpose(0, 2, 1), start[j], end[j], intensity[across + j])
    return images


def _render_diagonals(
    images: NDArray[np.float64], draws: _Draws, fill: NDArray[np.float64]
) -> None:
    """Draw and turn all bands, in place; ``fill`` ``[N]`` comes in from outside the image."""
    from scipy.ndimage import affine_transform  # a quarter of a second, for diagonal bands alone

    turns = {angle: _rotation(angle, images.shape[1]) for angle in ANGLES}
    for j in range(draws.angle.shape[1]):
        for first, turned in enumerate((images, images.transpose(0, 2, 1))):
            half = slice(first, None, 2)  # even images get rows, odd ones columns
            bands = draws.start[half, j], draws.end[half, j], draws.intensity[half, j]
            _paint(turned[half], *bands)
        for i, angle in enumerate(draws.angle[:, j].tolist()):
            matrix, offset = turns[angle]
            images[i] = affine_transform(images[i], matrix, offset, cval=fill[i])


def _rotation(angle: int, resolution: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix and offset of ``scipy.ndimage.rotate(..., reshape=False)``.

    ``affine_transform`` with them gives its very bits in three quarters of the time.
    """
    from scipy.special import cosdg, sindg

    cosine, sine = cosdg(angle), sindg(angle)
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.full(2, (resolution - 1) / 2)
    return matrix, centre - matrix @ centre


def _paint(
    images: NDArray[np.float64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    intensity: NDArray[np.float64],
) -> None:
    """Fill one band of rows (``start`` and the others ``[N]``) in images ``[N, R, R]``."""
    rows = np.arange(images.shape[1])
    inside = (start[:, None] <= rows) & (rows < end[:, None])  # [N, R]
    np.copyto(images, intensity[:, None, None], where=inside[:, :, None])
