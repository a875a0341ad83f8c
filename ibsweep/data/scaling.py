"""Scaling and imputation, fitted on a replicate's training rows alone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling", "fit_images", "fit_table"]


class Scaling(NamedTuple):
    """``(value - shift) * factor``; a column of a table that is missing has its median first.

    Attributes:
        shift: float64 ``[D]`` of a table's columns, ``[C]`` of an image's channels.
        factor: float64, of the same shape.
        medians: float64 ``[D]`` of a table's columns.
    """

    shift: NDArray[np.float64]
    factor: NDArray[np.float64]
    medians: NDArray[np.float64] | None = None

    def table(self, values: NDArray[np.float64], missing: Sequence[int]) -> NDArray[np.float32]:
        """Return rows as a model sees them.

        Args:
            values: float64 ``[N, D]``; NaN where a value is missing.
            missing: Columns of which it is told besides, by 0 and 1, where they are missing.
        """
        assert self.medians is not None, "fitted to a table"
        gone = np.isnan(values)
        filled = np.where(gone, self.medians, values)
        scaled = (filled - self.shift) * self.factor
        return np.hstack([scaled, gone[:, list(missing)]]).astype(np.float32)


def fit_table(
    values: NDArray[np.float64], columns: Sequence[Mapping[str, Any]], scale: str
) -> Scaling:
    """Fit a table's scaling to training rows; columns of 0 and 1 stay as they are.

    Args:
        values: The training rows, float64 ``[N, D]``.
        columns: What each column is, as ``Table.columns``.
        scale: ``standard``, ``minmax`` or ``none``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a column without any value here
        medians = np.nan_to_num(np.nanmedian(values, axis=0))
    filled = np.where(np.isnan(values), medians, values)
    shift, factor = _fitted(filled, scale)
    plain = [not column["scaled"] for column in columns]
    shift[plain], factor[plain] = 0, 1
    return Scaling(shift, factor, medians)


def fit_images(images: NDArray[Any], scale: str) -> Scaling:
    """Fit the scaling of each channel to training images, uint8 or float32 ``[N, C, H, W]``."""
    unit = 255.0 if images.dtype == np.uint8 else 1.0
    channels = images.shape[1]
    shift, factor = np.zeros(channels), np.ones(channels)
    for channel in range(channels):  # one at a time: float64 of all would take much memory
        values = images[:, channel].reshape(-1, 1) / np.float64(unit)
        shift[[channel]], factor[[channel]] = _fitted(values, scale)
    return Scaling(shift, factor)


def _fitted(
    values: NDArray[np.float64], scale: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if scale == "none":
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    if scale == "standard":
        shift, width = values.mean(axis=0), values.std(axis=0)
    else:
        shift = values.min(axis=0)
        width = values.max(axis=0) - shift
    # Rounding leaves a constant column some 1e-16 wide: dividing by it would be noise.
    constant = width <= 1e-12 * np.abs(values).max(axis=0)
    return shift, 1 / np.where(constant, 1.0, width)
